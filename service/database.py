"""Opening the database and its transactions, whichever of the two kinds it is."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, update
from sqlalchemy.exc import DBAPIError

from forecaster.errors import ConfigError
from service import schema
from service.errors import StoreFailure
from service.kinds import KINDS, kind_of
from service.tables import schema_version
from service.urls import checked, nothing_there

Result = TypeVar("Result")

# A transaction that was undone through no fault of its own is done again after these.
PAUSES_S = (0.01, 0.05, 0.25)
# One of two who wait for each other; one whose snapshot was overtaken.
UNDONE = ("40P01", "40001")


class Undone(StoreFailure):
    """Nothing of the transaction was kept, and it may succeed when done again."""


def open_database(
    url: str, connections: int = 16, anew: bool = True, reads_only: bool = False
) -> Engine:
    """Return an engine on the database at ``url``, with the tables in place.

    Args:
        url: ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db`` or
            ``postgresql+psycopg://user@host/database``.
        connections: how many may be open at a time: one for each thread.
        anew: whether a database without tables gets them.
        reads_only: whether it need not be one that can be written, unless its tables
            are those of an older release.

    Raises:
        ConfigError: the URL, the database, a library or the schema cannot be used.
        StoreFailure: the database cannot be used now, perhaps after a moment.
    """
    parsed = checked(url)
    kind = KINDS[parsed.get_backend_name()]
    if not anew and not kind.may_be_there(parsed):
        raise nothing_there(parsed)
    engine = kind.create(kind.to_read(parsed) if reads_only else parsed, connections)
    try:
        with _unusable_refused(engine):
            if not (reads_only and _is_current(engine)):
                _prepare(engine, anew)
    except (StoreFailure, ConfigError):
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one unchanging snapshot."""
    with _told_apart(engine), engine.connect() as connection:
        connection.execution_options(**kind_of(engine).READS)
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give the connection of a writer; what it did is durable at the end.

    On SQLite the only one. On PostgreSQL one of many: what has to stay true until the
    commit must be locked.

    Raises:
        Undone: nothing was kept.
        StoreFailure: nothing was kept, but if the connection was lost in the commit; also
            where the tables are those of a newer release by now.
    """
    with _writing(engine) as connection:
        yield connection
        # In the end: what a statement has waited for may have been a migration.
        schema.check_unchanged(connection)


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    """As `writing`, whichever schema there is."""
    with _told_apart(engine), engine.connect() as connection:
        connection.execution_options(**kind_of(engine).WRITES)
        with _undone_told(engine):
            transaction = connection.begin()
        with transaction, _undone_told(engine):  # not the commit, see `written`
            yield connection


@contextmanager
def reading_long(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one snapshot for as long as it takes."""
    with reading(engine) as connection:
        kind_of(engine).be_patient(connection)
        yield connection


@contextmanager
def writing_long(engine: Engine) -> Iterator[Connection]:
    """Give the connection of a writer that takes its time."""
    with writing(engine) as connection:
        kind_of(engine).be_patient(connection)
        yield connection


@contextmanager
def filling(engine: Engine) -> Iterator[Connection]:
    """Give the only writer of series, which numbers them itself, for as long as it takes."""
    with writing_long(engine) as connection:
        kind_of(engine).hold_series(connection)
        yield connection
        kind_of(engine).go_on_counting(connection)


def insert_all(
    connection: Connection, table: Table, rows: Sequence[Sequence[Any]]
) -> None:
    """Insert many rows, with all columns in their order and JSON as text."""
    kind_of(connection.engine).insert_all(connection, table, rows)


def vacuum(engine: Engine) -> None:
    """Give free pages back, and count what planners of queries want to know.

    Raises:
        StoreFailure: it could not be done now; nothing is lost.
    """
    with _told_apart(engine):
        kind_of(engine).vacuum(engine)


def size_of(engine: Engine) -> int:
    """Return the bytes that the database takes."""
    with _told_apart(engine):
        return kind_of(engine).size_of(engine)


def written(
    engine: Engine,
    work: Callable[[Connection], Result],
    begin: Callable[[Engine], AbstractContextManager[Connection]] = writing,
) -> Result:
    """Do the work in a transaction of a writer, again where the database undid it.

    Not where the connection was lost in the commit itself: then it may have been kept.
    """
    for pause_s in PAUSES_S:
        try:
            with begin(engine) as connection:
                return work(connection)
        except Undone:
            time.sleep(random.uniform(0, pause_s))
    with begin(engine) as connection:
        return work(connection)


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
    why = kind_of(engine).reason(error)
    return f"the store does not answer ({why}); try again after a moment"


@contextmanager
def _unusable_refused(engine: Engine) -> Iterator[None]:
    """Turn a failure that no waiting mends into a ConfigError that names the setting."""
    try:
        yield
    except StoreFailure as failure:
        fault = kind_of(engine).unusable(failure.__cause__, engine.url)
        if fault is None:
            raise
        raise ConfigError(f"database: {fault}") from failure


def _is_current(engine: Engine) -> bool:
    with reading(engine) as connection:
        return schema.is_current(connection)


def _prepare(engine: Engine, anew: bool) -> None:
    with _told_apart(engine):
        kind_of(engine).make_ready(engine)
    with _writing(engine) as connection:
        if schema.is_current(connection):
            # Changes nothing, but fails where nothing can be written.
            same = schema_version.c.version
            connection.execute(update(schema_version).values(version=same))
            return
        if not anew and schema.revision(connection) is None:
            raise nothing_there(engine.url)
    with _migrating(engine) as connection:
        if not schema.is_current(connection):  # or somebody was quicker
            schema.make_current(connection)


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """Give the only connection that changes tables; it is used for nothing else."""
    try:
        with _told_apart(engine), engine.connect() as connection:
            connection.execution_options(**kind_of(engine).MIGRATES)
            with connection.begin():
                kind_of(engine).hold_schema(connection)
                kind_of(engine).be_patient(connection)
                yield connection
    finally:
        engine.dispose()
