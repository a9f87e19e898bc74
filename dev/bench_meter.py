"""What a piece of work costs: time, statements, memory; and running it in a process of its own."""

import contextlib
import gc
import multiprocessing
import resource
import time
from pathlib import Path

import odoo.init  # noqa: F401 fills the package
from odoo import SUPERUSER_ID, api, sql_db
from odoo.modules.registry import Registry

FORK = multiprocessing.get_context("fork")
MEGABYTE = 1024 * 1024


class Counters:
    """Server-side cursors that were opened. Odoo does not count them: it counts what goes through ``cr.execute``."""

    named_cursors = 0


def count_named_cursors():
    plain = sql_db.PsycoConnection.cursor

    def cursor(self, *args, **kwargs):
        Counters.named_cursors += bool(args or kwargs.get("name"))
        return plain(self, *args, **kwargs)

    sql_db.PsycoConnection.cursor = cursor


class Meter:
    """``with Meter() as cost``: then ``cost.seconds``, ``cost.queries`` and ``cost.megabytes``, the growth of the peak.

    A server-side cursor counts as one statement, though its rows come in several fetches.
    """

    def __enter__(self):
        gc.collect()
        self._memory = self._reset_peak()
        self._queries = self._count()
        self._named = Counters.named_cursors
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_error):
        self.seconds = time.perf_counter() - self._start
        self.queries = self._count() - self._queries
        self.named = Counters.named_cursors - self._named
        self.megabytes = max(0, self._peak() - self._memory) / MEGABYTE

    def values(self, **more):
        return {"seconds": self.seconds, "queries": self.queries, "megabytes": self.megabytes, **more}

    @staticmethod
    def _count():
        return sql_db.sql_counter + Counters.named_cursors

    @staticmethod
    def _reset_peak():
        with contextlib.suppress(OSError):  # elsewhere than on Linux the peak before counts too
            Path("/proc/self/clear_refs").write_text("5")
            return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        return Meter._peak()

    @staticmethod
    def _peak():
        with contextlib.suppress(OSError):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextlib.contextmanager
def environment(database, *, commit=False):
    """An environment of the superuser, rolled back at the end unless ``commit``."""
    with Registry(database).cursor() as cr:
        yield api.Environment(cr, SUPERUSER_ID, {"lang": "en_US", "tz": "UTC"})
        if not commit:
            cr.rollback()


def start(function, *args):
    """Run a function in a process of its own, which has Odoo loaded; return the process and the end of its pipe."""
    sql_db.close_all()  # connections cannot be shared
    receiver, sender = FORK.Pipe(duplex=False)

    def target():
        try:
            sender.send((function(*args), None))
        except Exception as error:
            sender.send((None, f"{type(error).__name__}: {error}"))
            raise

    process = FORK.Process(target=target)
    process.start()
    sender.close()
    return process, receiver


def finish(process, receiver):
    result, error = receiver.recv()
    process.join()
    if error:
        raise RuntimeError(error)
    return result


def in_process(function, *args):
    return finish(*start(function, *args))
