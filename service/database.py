"""Opening the database and its transactions, whichever of the two kinds it is."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from forecaster.errors import ConfigError
from service import postgresql, schema, sqlite
from service.errors import StoreFailure
from service.tables import schema_version

Result = TypeVar("Result")

# A transaction that was undone through no fault of its own is done again after these.
PAUSES_S = (0.01, 0.05, 0.25)
# One of two who wait for each other; one whose snapshot was overtaken.
UNDONE = ("40P01", "40001")


class Kind(Protocol):
    """What differs from one database to the other."""

    READS: dict[str, Any]  # options of a connection that reads
    WRITES: dict[str, Any]  # and of one that writes
    MIGRATES: dict[str, Any]  # and of one that changes the tables

    def may_be_there(self, url: URL) -> bool:
        """Whether there may be a database, as far as that is known unasked."""

    def create(self, url: URL, connections: int) -> Engine:
        """Return an engine with so many connections, one for each thread."""

    def make_ready(self, engine: Engine) -> None:
        """Do what has to be done once, or refuse what can never be used."""

    def hold_schema(self, connection: Connection) -> None:
        """Keep others from changing the tables until the commit."""

    def be_patient(self, connection: Connection) -> None:
        """Let this transaction take as long as it takes."""

    def hold_series(self, connection: Connection) -> None:
        """Keep others from writing series until the commit."""

    def go_on_counting(self, connection: Connection) -> None:
        """Let the next series get a number behind those that were inserted."""

    def vacuum(self, engine: Engine) -> None:
        """Give free pages back, and count what planners of queries want to know."""

    def size_of(self, engine: Engine) -> int:
        """Return the bytes that the database takes."""

    def reason(self, error: BaseException) -> str:
        """Return what went wrong, as a caller may read it."""

    def unusable(self, error: BaseException | None, url: URL) -> str | None:
        """Return what is wrong with the setting when no waiting mends a failure."""


KINDS: dict[str, Kind] = {"sqlite": sqlite, "postgresql": postgresql}


class Undone(StoreFailure):
    """Nothing of the transaction was kept, and it may succeed when done again."""


def open_database(url: str, connections: int = 16, anew: bool = True) -> Engine:
    """Return an engine on the database at ``url``, with the tables in place.

    Args:
        url: ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db`` or
            ``postgresql+psycopg://user@host/database``.
        connections: how many may be open at a time: one for each thread.
        anew: whether a database without tables gets them.

    Raises:
        ConfigError: the URL, the database, a library or the schema cannot be used.
        StoreFailure: the database cannot be used now, perhaps after a moment.
    """
    parsed = _checked(url)
    kind = KINDS[parsed.get_backend_name()]
    if not anew and not kind.may_be_there(parsed):
        raise _nothing_there(parsed)
    engine = kind.create(parsed, connections)
    try:
        with _unusable_refused(engine):
            _prepare(engine, anew)
    except (StoreFailure, ConfigError):
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one unchanging snapshot."""
    with _told_apart(engine), engine.connect() as connection:
        connection.execution_options(**_kind(engine).READS)
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give the connection of a writer; what it did is durable at the end.

    On SQLite the only one. On PostgreSQL one of many: what has to stay true until the
    commit must be locked.

    Raises:
        Undone: nothing was kept.
        StoreFailure: nothing was kept, but if the connection was lost in the commit.
    """
    with _told_apart(engine), engine.connect() as connection:
        connection.execution_options(**_kind(engine).WRITES)
        with connection.begin(), _undone_told(engine):
            yield connection


@contextmanager
def reading_long(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one snapshot for as long as it takes."""
    with reading(engine) as connection:
        _kind(engine).be_patient(connection)
        yield connection


@contextmanager
def writing_long(engine: Engine) -> Iterator[Connection]:
    """Give the connection of a writer that takes its time."""
    with writing(engine) as connection:
        _kind(engine).be_patient(connection)
        yield connection


@contextmanager
def filling(engine: Engine) -> Iterator[Connection]:
    """Give the only writer of series, which numbers them itself, for as long as it takes."""
    with writing_long(engine) as connection:
        _kind(engine).hold_series(connection)
        yield connection
        _kind(engine).go_on_counting(connection)


def vacuum(engine: Engine) -> None:
    """Give free pages back, and count what planners of queries want to know.

    Raises:
        StoreFailure: it could not be done now; nothing is lost.
    """
    with _told_apart(engine):
        _kind(engine).vacuum(engine)


def size_of(engine: Engine) -> int:
    """Return the bytes that the database takes."""
    with _told_apart(engine):
        return _kind(engine).size_of(engine)


def written(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """Do the work in a transaction of a writer, again where the database undid it.

    Not where the connection was lost in the commit itself: then it may have been kept.
    """
    for pause_s in PAUSES_S:
        try:
            with writing(engine) as connection:
                return work(connection)
        except Undone:
            time.sleep(random.uniform(0, pause_s))
    with writing(engine) as connection:
        return work(connection)


def _kind(engine: Engine) -> Kind:
    return KINDS[engine.dialect.name]


@contextmanager
def _told_apart(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
        raise StoreFailure(_detail(engine, error)) from error


@contextmanager
def _undone_told(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        lost = error.connection_invalidated
        if not lost and getattr(error.orig, "sqlstate", None) not in UNDONE:
            raise
        raise Undone(_detail(engine, error)) from error


def _detail(engine: Engine, error: BaseException) -> str:
    why = _kind(engine).reason(error)
    return f"the store does not answer ({why}); try again after a moment"


@contextmanager
def _unusable_refused(engine: Engine) -> Iterator[None]:
    """Turn a failure that no waiting mends into a ConfigError that names the setting."""
    try:
        yield
    except StoreFailure as failure:
        fault = _kind(engine).unusable(failure.__cause__, engine.url)
        if fault is None:
            raise
        raise ConfigError(f"database: {fault}") from failure


def _checked(url: str) -> URL:
    parsed = _parsed(url)
    is_file = parsed is not None and parsed.drivername == "sqlite" and parsed.database
    if parsed is None or not (is_file or parsed.drivername in postgresql.SCHEMES):
        raise ConfigError(
            "database: expected sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, "
            f"got {_shown(url)}; for instance sqlite:///state/forecaster.db"
        )
    return parsed if is_file else parsed.set(drivername=postgresql.SCHEMES[0])


def _parsed(url: str) -> URL | None:
    """Return what a URL says, or nothing if it is none, or names a server for a file."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        return None
    server = parsed.host or parsed.username or parsed.password or parsed.port
    return None if parsed.drivername == "sqlite" and server else parsed


def _shown(url: str) -> str:
    """Return a refused URL as it may be printed: with no password in it.

    >>> _shown("mysql://user:SECRET@h/db"), _shown("odd://user:SEC@RET@h:x")
    ('mysql://user:***@h/db', 'odd://…')
    """
    parsed = _parsed(url)
    if parsed is None or url.count("@") > 1:  # then its parts are not sure
        scheme, mark, _ = url.partition("://")
        return f"{scheme}://…" if mark and "@" not in scheme else "no URL"
    return parsed.set(query={}).render_as_string(hide_password=True)


def _nothing_there(url: URL) -> ConfigError:
    return ConfigError(
        "database: expected one that a service has used, got "
        f"{_shown(url.render_as_string())}, where there is none; give another one with "
        "--database"
    )


def _prepare(engine: Engine, anew: bool) -> None:
    with _told_apart(engine):
        _kind(engine).make_ready(engine)
    with writing(engine) as connection:
        if schema.is_current(connection):
            # Changes nothing, but fails where nothing can be written.
            same = schema_version.c.version
            connection.execute(update(schema_version).values(version=same))
            return
        if not anew and schema.revision(connection) is None:
            raise _nothing_there(engine.url)
    with _migrating(engine) as connection:
        if not schema.is_current(connection):  # or somebody was quicker
            schema.make_current(connection)


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """Give the only connection that changes tables; it is used for nothing else."""
    try:
        with _told_apart(engine), engine.connect() as connection:
            connection.execution_options(**_kind(engine).MIGRATES)
            with connection.begin():
                _kind(engine).hold_schema(connection)
                _kind(engine).be_patient(connection)
                yield connection
    finally:
        engine.dispose()
