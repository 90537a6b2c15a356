"""The statements of the store, and what their rows mean."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Dialect,
    Executable,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from service.records import (
    Append,
    Carried,
    Change,
    Grid,
    Kept,
    Span,
    pack_state,
    unpack_state,
)
from service.tables import appends, chores, covariates, observations, series, states

Id = TypeVar("Id", str, int)

IDS_PER_QUERY = 500  # a statement takes a limited number of parameters
KEYS_PER_SERIES = 1_000  # remembered for retries; older ones are forgotten
HIGHEST = chr(0x10FFFF)  # sorts behind every other character, and may stand in an id

CARRIED = (
    select(
        series,
        states.c.revision.label("state_revision"),
        states.c.end_step.label("state_end"),
        states.c.format,
        states.c.crc32,
        states.c.state,
    )
    .outerjoin_from(
        series,
        states,
        and_(
            states.c.series_pk == series.c.pk,
            states.c.version == bindparam("version"),
        ),
    )
    .where(
        series.c.name == bindparam("name"),
        series.c.unique_id.in_(bindparam("ids", expanding=True)),
    )
)
VALUES = select(observations.c.step, observations.c.value).where(
    observations.c.series_pk == bindparam("pk"),
    observations.c.step >= bindparam("first"),
    observations.c.step < bindparam("end"),
)
EXOG = select(covariates.c.step, covariates.c.known).where(
    covariates.c.series_pk == bindparam("pk"),
    covariates.c.step >= bindparam("first"),
    covariates.c.step < bindparam("end"),
)
# Holds the rows until the commit, in one order for all, so that nobody waits in a ring.
# On SQLite a writer is alone and there is nothing to hold.
HELD_SPANS = (
    select(
        series.c.pk,
        series.c.unique_id,
        series.c.first_step,
        series.c.end_step,
        series.c.revision,
        series.c.pruned,
    )
    .where(
        series.c.name == bindparam("name"),
        series.c.unique_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(series.c.unique_id)
    .with_for_update()
)
MOVE_SERIES = (
    update(series)
    .where(series.c.pk == bindparam("moved"))
    .values(
        first_step=bindparam("first_step"),
        end_step=bindparam("end_step"),
        revision=bindparam("revision"),
    )
)
FORGET_VALUE = delete(observations).where(
    observations.c.series_pk == bindparam("pk"),
    observations.c.step == bindparam("at"),
)
APPENDS = select(appends).where(
    appends.c.key == bindparam("key"),
    appends.c.series_pk.in_(bindparam("pks", expanding=True)),
)
KEEP_APPEND = insert(appends).values(
    series_pk=bindparam("pk"),
    key=bindparam("key"),
    step=bindparam("step"),
    count=bindparam("count"),
)
_newer = appends.alias()
FORGET_APPENDS = delete(appends).where(
    appends.c.series_pk == bindparam("pk"),
    appends.c.step
    <= select(_newer.c.step)
    .where(_newer.c.series_pk == bindparam("pk"))
    .order_by(_newer.c.step.desc())
    .limit(1)
    .offset(KEYS_PER_SERIES)
    .scalar_subquery(),
)
DROP_SERIES = delete(series).where(
    series.c.name == bindparam("of"), series.c.unique_id == bindparam("id")
)


@dataclass(frozen=True, slots=True)
class Upserts:
    """The statements that each database spells its own way, to be run with many rows."""

    add_series: Executable  # gives pk and unique_id of those that nobody else began
    keep_value: Executable
    keep_exog: Executable
    keep_state: Executable
    keep_chore: Executable


_INSERT: dict[str, Callable[[Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an INSERT that may say what to do on a conflict."""
    return _INSERT[connection.dialect.name](table)


@cache
def upsert(dialect: str, table: Table, *keys: str) -> Executable:
    """Return the statement that adds rows, or replaces those of the same keys."""
    inserted = _INSERT[dialect](table)
    others = [c.name for c in table.columns if c.name not in keys]
    kept: Executable = inserted.on_conflict_do_update(
        index_elements=keys,
        set_={column: inserted.excluded[column] for column in others},
    )
    return kept


@cache
def upserts(dialect: str) -> Upserts:
    """Return the statements for the database of that name."""
    return Upserts(
        _INSERT[dialect](series)
        .on_conflict_do_nothing(index_elements=["name", "unique_id"])
        .returning(series.c.pk, series.c.unique_id),
        upsert(dialect, observations, "series_pk", "step"),
        upsert(dialect, covariates, "series_pk", "step"),
        upsert(dialect, states, "series_pk", "version"),
        upsert(dialect, chores, "name"),
    )


@lru_cache(maxsize=32)  # of a process that opens one database, a handful
def _for_driver(
    statement: Executable, dialect: Dialect
) -> tuple[str, list[str] | None]:
    """Return a statement as the driver takes it, and its parameters if by position."""
    compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    return str(compiled), compiled.positiontup


def run_many(
    connection: Connection, statement: Executable, rows: Sequence[dict[str, Any]]
) -> None:
    """Run a statement once for each row of numbers, texts and bytes.

    Past SQLAlchemy, which looks at each row anew: for short rows that takes longer than
    the database does.
    """
    text, names = _for_driver(statement, connection.dialect)
    if names is None:
        connection.exec_driver_sql(text, list(rows))
    else:
        by_place = itemgetter(*names)
        connection.exec_driver_sql(text, [by_place(row) for row in rows])


def page(name: str | None, prefix: str, after: tuple[str, str]) -> Select[Any]:
    """Return the query for series in order of model name and id, behind ``after``."""
    query = (
        select(series)
        .where(
            tuple_(series.c.name, series.c.unique_id) > tuple_(*after),
            series.c.unique_id >= prefix,
        )
        .order_by(series.c.name, series.c.unique_id)
    )
    if (end := _end_of(prefix)) is not None:
        query = query.where(series.c.unique_id < end)
    return query if name is None else query.where(series.c.name == name)


def _end_of(prefix: str) -> str | None:
    """Return the first text behind all that begin so; None where none is.

    >>> _end_of("shop-1"), _end_of("a\U0010ffff"), _end_of("\ud7ff"), _end_of("")
    ('shop-2', 'b', '\ue000', None)
    """
    stem = prefix.rstrip(HIGHEST)
    if not stem:
        return None
    last = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if last == 0xD800 else last)  # no character between


def portions(ids: Sequence[Id]) -> Iterator[Sequence[Id]]:
    """Give the ids in portions that fit into one statement.

    >>> [len(portion) for portion in portions(["a"] * 501)]
    [500, 1]
    """
    for start in range(0, len(ids), IDS_PER_QUERY):
        yield ids[start : start + IDS_PER_QUERY]


def span_of(row: Any) -> Span:
    """Return the steps that the log covers."""
    return Span(row.first_step, row.end_step, row.revision, row.pruned)


def grid_of(row: Any) -> Grid:
    """Return where the series stands in time."""
    return Grid(row.frequency, row.start)


def carried_of(row: Any) -> Carried:
    """Return the series, with its state where that agrees with the log."""
    span, kept = span_of(row), None
    # From a state older than the log nothing leads to the newest step.
    if row.state_revision == span.revision and span.kept <= row.state_end <= span.end:
        state = unpack_state(row._mapping, row.state_revision, row.state_end)
        kept = None if state is None else Kept(state, row.state_end)
    return Carried(row.pk, row.unique_id, grid_of(row), span, kept)


def series_row(name: str, change: Change) -> dict[str, Any]:
    """Return the parameters of add_series."""
    return {
        "name": name,
        "unique_id": change.unique_id,
        "frequency": change.grid.frequency,
        "start": change.grid.start,
        **_moving(change),
    }


def move_row(pk: int, change: Change) -> dict[str, Any]:
    """Return the parameters of MOVE_SERIES."""
    return {"moved": pk, **_moving(change)}


def _moving(change: Change) -> dict[str, Any]:
    return {
        "first_step": change.span.first,
        "end_step": change.span.end,
        "revision": change.span.revision,
    }


def append_row(pk: int, append: Append) -> dict[str, Any]:
    """Return the parameters of KEEP_APPEND and FORGET_APPENDS."""
    return {"pk": pk, "key": append.key, "step": append.step, "count": append.count}


def state_row(pk: int, version: str, change: Change) -> dict[str, Any]:
    """Return the parameters of keep_state."""
    return {
        "series_pk": pk,
        "version": version,
        "revision": change.span.revision,
        "end_step": change.span.end,
        **pack_state(change.state, change.span.revision, change.span.end),
    }
