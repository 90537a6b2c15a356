"""SQLite: which library, which file, how durable, and how its writers take turns."""

import os
import random
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DBAPIError

from forecaster.errors import ConfigError
from service.sqlite_driver import sqlite

# With several writers in WAL mode these may damage the file (mended in 3.51.3).
FIRST_UNSAFE, LAST_UNSAFE = (3, 7, 0), (3, 51, 2)
BUSY_TIMEOUT_MS = 10_000
# What waiting does not mend: the place or the file itself is of no use.
UNUSABLE = {
    sqlite.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite.SQLITE_NOTADB: "it is not a database",
    sqlite.SQLITE_READONLY: "it cannot be written",
    sqlite.SQLITE_PERM: "it may not be opened",
}
READS: dict[str, Any] = {}  # any transaction sees one snapshot
WRITES: dict[str, Any] = {"writes": True}  # see _begin
MIGRATES: dict[str, Any] = {"writes": True, "migrates": True}


def may_be_there(url: URL) -> bool:
    """Whether the file exists, where it is named as a file and not as a URI."""
    place = url.database or ""
    return place.startswith("file:") or Path(place).exists()


def to_read(url: URL) -> URL:
    """Return the URL by which a file can be read where it cannot be written.

    A file with a write-ahead log is read with files beside it that tell readers and
    writers apart. Where none are and none can be made, nobody is to write meanwhile.
    """
    place = url.database or ""
    beside = place.startswith("file:") or Path(f"{place}-wal").exists()
    if beside or os.access(Path(place).parent, os.W_OK):
        return url
    query = {**url.query, "immutable": "1", "uri": "true"}
    return url.set(database=f"file:{quote(place)}", query=query)


def is_part(url: URL, file: Path) -> bool:
    """Whether the database keeps its own data in a file, by whatever name.

    >>> from sqlalchemy.engine import make_url
    >>> url = make_url("sqlite:///state/forecaster.db")
    >>> is_part(url, Path("state/../state/forecaster.db-wal")), is_part(url, Path("x.zip"))
    (True, False)
    """
    place = unquote((url.database or "").removeprefix("file:"))
    own = {Path(f"{place}{ending}").resolve() for ending in ("", "-wal", "-shm")}
    return file.resolve() in own


def create(url: URL, connections: int) -> Engine:
    """Return an engine on a file, which need not be there.

    Raises:
        ConfigError: the SQLite library or the place of the file cannot be used.
    """
    refuse_unsafe_sqlite(sqlite.sqlite_version_info)
    _check_place(url)
    engine = create_engine(
        url,
        module=sqlite,
        pool_size=connections,
        max_overflow=-1,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _give_up_read_only)
    return engine


def refuse_unsafe_sqlite(version: tuple[int, int, int]) -> None:
    """Raise ConfigError for a SQLite that may damage a file with several writers.

    >>> refuse_unsafe_sqlite((3, 51, 3))
    >>> refuse_unsafe_sqlite((3, 40, 1))
    Traceback (most recent call last):
    ...
    forecaster.errors.ConfigError: SQLite 3.40.1 may damage a database with several ...
    """
    if FIRST_UNSAFE <= version <= LAST_UNSAFE:
        raise ConfigError(
            f"SQLite {'.'.join(map(str, version))} may damage a database with several "
            "writers; 3.51.3 or newer is needed: pip install pysqlite3==0.6.1"
        )


def make_ready(engine: Engine) -> None:
    """Switch the file to write-ahead logging, as all who open it try to."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    with closing(engine.raw_connection()) as connection:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL").close()
                return
            except sqlite.OperationalError as error:
                # Two who switch at once are refused without waiting (a deadlock).
                if _primary_code(error) in UNUSABLE or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.005, 0.05))


def hold_schema(connection: Connection) -> None:
    """Keep others from changing the tables until the commit: a writer is alone here."""


def be_patient(connection: Connection) -> None:
    """Let this transaction take as long as it takes, as any does here."""


def hold_series(connection: Connection) -> None:
    """Keep others from writing series until the commit: a writer is alone here."""


def go_on_counting(connection: Connection) -> None:
    """Let the next series get a number behind those inserted, as it does by itself."""


def now(connection: Connection) -> float:
    """Return seconds since 1970: all who write a file are on this machine."""
    return time.time()


def hold_jobs(connection: Connection) -> None:
    """Keep others from taking up jobs until the commit: a writer is alone here."""


def insert_all(
    connection: Connection, table: Table, rows: Sequence[Sequence[Any]]
) -> None:
    """Insert many rows with one statement; columns in order, JSON as text."""
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"
    connection.exec_driver_sql(statement, [tuple(row) for row in rows])


def vacuum(engine: Engine) -> None:
    """Make the file anew without free pages; writers wait meanwhile."""
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        for statement in ("VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"):
            cursor.execute(statement)
            cursor.fetchall()
        cursor.close()


def size_of(engine: Engine) -> int:
    """Return the bytes of all pages, those in the write-ahead log too."""
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        pragmas = ("page_count", "page_size")
        count, size = (cursor.execute(f"PRAGMA {p}").fetchone()[0] for p in pragmas)
        cursor.close()
        return int(count) * int(size)


def reason(error: BaseException) -> str:
    """Return what the library says of a failure; it holds nothing of a request."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    damaged = _primary_code(error) == sqlite.SQLITE_CORRUPT
    # A disk that cannot be read for a moment looks the same.
    return f"{said}: restore a backup if it stays so" if damaged else said


def unusable(error: BaseException | None, url: URL) -> str | None:
    """Return what is wrong with the setting when no waiting mends a failure."""
    fault = UNUSABLE.get(_primary_code(error))
    return fault and (
        f"expected a file of SQLite that can be written, got {url.database}: {fault}; "
        "give another one with --database sqlite:///FILE"
    )


def _primary_code(error: BaseException | None) -> int:
    """Return SQLite's code of an error without its detail; -1 if it has none."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    return -1 if code is None else int(code) & 0xFF


def _check_place(url: URL) -> None:
    place = url.database or ""
    if ":memory:" in place or "memory" in str(url.query.get("mode", "")):
        raise ConfigError(
            "database: expected a file, since what is carried must survive a restart; "
            "got one in memory. Give a file, for instance "
            "--database sqlite:///state/forecaster.db"
        )
    try:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"database: the folder of {place} cannot be made: "
            f"{error.strerror}; give another one with --database"
        ) from error


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")  # a commit is on disk before it returns
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _give_up_read_only(context: ExceptionContext) -> None:
    # Where a file could not be opened for writing, if only for a moment, SQLite opens it
    # for reading, and stays with that: connections of that time are of no use.
    if _primary_code(context.original_exception) == sqlite.SQLITE_READONLY:
        context.is_disconnect = True


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: what is read afterwards stays true until
    # the commit, and two writers wait for each other instead of failing half-way.
    options = connection.get_execution_options()
    if options.get("migrates", False):
        # To change a table it is copied and dropped, and all that refers to its rows
        # would go with them. Can be said before the transaction only.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    writes = options.get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
