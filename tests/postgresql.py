"""A PostgreSQL server of its own for tests, from the binaries of this machine."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

REQUIRED = "FORECASTER_TEST_POSTGRESQL"  # set: a machine without is a failure
ABSENT = (
    "no PostgreSQL server on this machine; on Debian: "
    "apt-get install --no-install-recommends postgresql"
)
USERS = ("postgres", "nobody")  # the server refuses to run as root
SHARED = "shared"
# The law that a commit survives a power cut is the server's own; this one is quick.
QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "autovacuum=off")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, which its socket leads to."""

    folder: Path
    settings: Sequence[str] = QUICK

    def url(self, database: str, user: str = "postgres") -> str:
        """Where a database is, whether there is one of that name or not."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def run(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement as the server's owner; its rows."""
        about = {"host": str(self.folder), "user": "postgres", "dbname": database}
        with psycopg.connect(**about, autocommit=True) as connection:  # type: ignore[arg-type]
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def fresh(self, about: str = "", name: str | None = None) -> str:
        """Make an empty database; its URL."""
        name = name or f"test_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} {about or self._english()}")
        return self.url(name)

    def emptied(self) -> str:
        """Empty the database that tests use in turn, for making one takes long."""
        self.cut(self.url(SHARED))
        self.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public", SHARED)
        return self.url(SHARED)

    def _english(self) -> str:
        """Say that words are sorted as in English, which code points are not."""
        version = self.run("SHOW server_version_num")[0][0]
        provider = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        return f"{provider} TEMPLATE template0" if int(version) >= 150_000 else ""

    def cut(self, url: str) -> int:
        """End every connection to a database; how many there were."""
        return len(
            self.run(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                f"WHERE datname = '{name_in(url)}'"
            )
        )

    def start(self) -> None:
        """Start it, until it answers."""
        settings = [part for one in self.settings for part in ("-c", one)]
        where = ["-c", "listen_addresses=", "-k", str(self.folder)]
        options = " ".join([*settings, *where])
        self._control("-o", options, "--wait", "--silent", "start")

    def stop(self) -> None:
        """Stop it as a crash would: at once, with what is being done left undone."""
        self._control("--mode=immediate", "--wait", "--silent", "stop")

    def is_running(self) -> bool:
        """Whether there is a server, though it may not answer yet."""
        data = str(self.folder / "data")
        return _unprivileged(self.folder, "pg_ctl", "-D", data, "status") == 0

    def tablespace(self, name: str, folder: Path) -> None:
        """Let tables be kept in an empty folder elsewhere."""
        if (user := _user()) is not None:
            shutil.chown(folder, user)
        self.run(f"CREATE TABLESPACE {name} LOCATION '{folder}'")

    def _control(self, *what: str) -> None:
        data, log = str(self.folder / "data"), str(self.folder / "log")
        _done(self.folder, "pg_ctl", "-D", data, "-l", log, *what)


def name_in(url: str) -> str:
    """Return which database a URL means."""
    return str(make_url(url).database)


def binary(name: str) -> str | None:
    """Return where a program of PostgreSQL is; Debian does not put them on the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(places[-1]) if places else None)


def needed() -> None:
    """Skip what needs a server on a machine without, unless there has to be one."""
    if binary("initdb") is None:
        if os.environ.get(REQUIRED):
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)


@contextmanager
def running(
    made_with: Sequence[str] = (), settings: Sequence[str] = ()
) -> Iterator[Server]:
    """Give a server on fresh data, and leave nothing of it.

    Args:
        made_with: further options of initdb.
        settings: further settings, as NAME=VALUE.
    """
    # Not one of pytest's folders: those are closed to the user it runs as.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if (user := _user()) is not None:
        shutil.chown(folder, user)
    server = Server(folder, (*QUICK, *settings))
    try:
        about = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
        data = str(folder / "data")
        _done(folder, "initdb", "-D", data, "--no-sync", *about, *made_with)
        server.start()
        try:
            server.fresh(name=SHARED)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    """Return the user it runs as; None is this one."""
    if os.geteuid() != 0:
        return None
    known = Path("/etc/passwd").read_text().splitlines()
    names = {line.partition(":")[0] for line in known}
    return next(user for user in USERS if user in names)


def _done(folder: Path, program: str, *arguments: str) -> None:
    code = _unprivileged(folder, program, *arguments)
    assert code == 0, (folder / "output").read_text()


def _unprivileged(folder: Path, program: str, *arguments: str) -> int:
    with (folder / "output").open("ab") as output:  # a pipe the server would keep open
        return subprocess.run(
            [str(binary(program)), *arguments],
            cwd=folder,
            user=_user(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
