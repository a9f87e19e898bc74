"""Databases and their file stores.

usage: db.py exists NAME | copy FROM TO | rename FROM TO | drop NAME... | sweep PREFIX
environment: PGHOST, PGPORT, PGUSER, PGPASSWORD, DATA_DIR (Odoo's)
"""

import os
import shutil
import sys
from pathlib import Path

import psycopg2
from psycopg2.sql import SQL, Identifier


def execute(query, *params, **names):
    connection = psycopg2.connect(dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cr:
        cr.execute(SQL(query).format(**{key: Identifier(name) for key, name in names.items()}), params)
        rows = cr.fetchall() if cr.description else []
    connection.close()
    return rows


def files(name):
    return Path(os.environ["DATA_DIR"], "filestore", name)


def exists(name):
    sys.exit(not execute("SELECT 1 FROM pg_database WHERE datname = %s", name))


def drop(*names):
    for name in names:
        execute("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=name)
        shutil.rmtree(files(name), ignore_errors=True)


def copy(source, target):
    drop(target)
    if files(source).exists():
        shutil.copytree(files(source), files(target), copy_function=os.link)
    execute("CREATE DATABASE {target} TEMPLATE {source}", source=source, target=target)


def rename(source, target):
    drop(target)
    if files(source).exists():
        files(source).rename(files(target))
    execute("ALTER DATABASE {source} RENAME TO {target}", source=source, target=target)


def sweep(prefix):
    """Drop what runs that were killed left behind; a database's name ends in the process id of its run, which may
    have copies of its own (test_123-gw0)."""
    for (name,) in execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", prefix):
        pid = name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and not alive(int(pid)):
            drop(name)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    command, *names = sys.argv[1:]
    try:
        {"exists": exists, "copy": copy, "rename": rename, "drop": drop, "sweep": sweep}[command](*names)
    except psycopg2.Error as error:
        sys.exit(f"PostgreSQL ({os.environ.get('PGHOST')}): {str(error).strip()}")
