"""Opening the database: which SQLite, how durable, which schema."""

import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from forecaster.errors import ConfigError
from service.errors import StoreFailure
from service.tables import SCHEMA_VERSION, metadata, schema_version

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


def open_database(url: str, connections: int = 16) -> Engine:
    """Return an engine on the database at ``url``, with the tables in place.

    Args:
        url: ``sqlite:///relative/path.db`` or ``sqlite:////absolute/path.db``.
        connections: how many may be open at a time: one for each thread.

    Raises:
        ConfigError: the URL, the file, the SQLite library or the schema cannot be used.
        StoreFailure: the file cannot be used now, perhaps after a moment.
    """
    refuse_unsafe_sqlite(sqlite.sqlite_version_info)
    engine = create_engine(
        _checked(url),
        module=sqlite,
        pool_size=connections,
        max_overflow=-1,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        with _unusable_refused(engine.url.database):
            _prepare(engine)
    except (StoreFailure, ConfigError):
        engine.dispose()
        raise
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


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one unchanging snapshot."""
    with _told_apart(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give the connection of the one writer; what it did is durable at the end."""
    with _told_apart(), engine.connect() as connection:
        connection.execution_options(writes=True)
        with connection.begin():
            yield connection


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StoreFailure(
            f"the store does not answer ({reason}); try again after a moment"
        ) from error


@contextmanager
def _unusable_refused(file: str | None) -> Iterator[None]:
    """Turn a failure that no waiting mends into a ConfigError that names the file."""
    try:
        yield
    except StoreFailure as failure:
        reason = UNUSABLE.get(_primary_code(failure.__cause__))
        if reason is None:
            raise
        raise ConfigError(
            f"database: expected a file of SQLite that can be written, got {file}: "
            f"{reason}; give another one with --database sqlite:///FILE"
        ) from failure


def _primary_code(error: BaseException | None) -> int:
    """Return SQLite's code of an error without its detail; -1 if it has none."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    return -1 if code is None else int(code) & 0xFF


def _checked(url: str) -> URL:
    parsed = _parsed(url)
    if parsed is None or parsed.drivername != "sqlite" or not parsed.database:
        raise ConfigError(
            f"database: expected sqlite:///FILE, got {_shown(url)}; for instance "
            "sqlite:///state/forecaster.db"
        )
    if ":memory:" in parsed.database or "memory" in str(parsed.query.get("mode", "")):
        raise ConfigError(
            "database: expected a file, since what is carried must survive a restart; "
            "got one in memory. Give a file, for instance "
            "--database sqlite:///state/forecaster.db"
        )
    try:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"database: the folder of {parsed.database} cannot be made: "
            f"{error.strerror}; give another one with --database"
        ) from error
    return parsed


def _parsed(url: str) -> URL | None:
    """Return what a URL says, or nothing if it is none, or names a server."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        return None
    server = parsed.host or parsed.username or parsed.password or parsed.port
    return None if parsed.drivername == "sqlite" and server else parsed


def _shown(url: str) -> str:
    """Return a refused URL as it may be printed: with no password in it.

    >>> _shown("postgresql://user:SECRET@h/db"), _shown("odd://user:SEC@RET@h:x")
    ('postgresql://user:***@h/db', 'odd://…')
    """
    parsed = _parsed(url)
    if parsed is None or url.count("@") > 1:  # then its parts are not sure
        scheme, mark, _ = url.partition("://")
        return f"{scheme}://…" if mark and "@" not in scheme else "no URL"
    return parsed.set(query={}).render_as_string(hide_password=True)


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")  # a commit is on disk before it returns
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: what is read afterwards stays true until
    # the commit, and two writers wait for each other instead of failing half-way.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(engine: Engine) -> None:
    """Switch the file to write-ahead logging, as all who open it try to."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    with _told_apart(), closing(engine.raw_connection()) as connection:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL").close()
                return
            except sqlite.OperationalError as error:
                # Two who switch at once are refused without waiting (a deadlock).
                if _primary_code(error) in UNUSABLE or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.005, 0.05))


def _prepare(engine: Engine) -> None:
    _write_ahead(engine)
    with writing(engine) as connection:
        metadata.create_all(connection)
        found = connection.execute(select(schema_version.c.version)).scalar()
        if found is None:
            connection.execute(schema_version.insert().values(version=SCHEMA_VERSION))
        elif found != SCHEMA_VERSION:
            raise ConfigError(
                f"the database has schema {found}, this program needs "
                f"{SCHEMA_VERSION}; use the program that wrote it, or another file"
            )
        else:  # changes nothing, but fails where nothing can be written
            connection.execute(schema_version.update().values(version=found))
