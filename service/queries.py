"""The statements of the store, and what their rows mean."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, and_, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

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
from service.tables import appends, covariates, observations, series, states

Id = TypeVar("Id", str, int)

IDS_PER_QUERY = 500  # a statement takes a limited number of parameters
KEYS_PER_SERIES = 1_000  # remembered for retries; older ones are forgotten
HIGHEST = chr(0x10FFFF)  # sorts behind every other character

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
VALUES = select(observations.c.step, observations.c.y).where(
    observations.c.series_pk == bindparam("pk"),
    observations.c.step >= bindparam("first"),
    observations.c.step < bindparam("end"),
)
EXOG = select(covariates.c.step, covariates.c.known).where(
    covariates.c.series_pk == bindparam("pk"),
    covariates.c.step >= bindparam("first"),
    covariates.c.step < bindparam("end"),
)
SPANS = select(
    series.c.pk,
    series.c.unique_id,
    series.c.first_step,
    series.c.end_step,
    series.c.revision,
).where(
    series.c.name == bindparam("name"),
    series.c.unique_id.in_(bindparam("ids", expanding=True)),
)
ADD_SERIES = insert(series)
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
_value = insert(observations)
KEEP_VALUE = _value.on_conflict_do_update(
    index_elements=["series_pk", "step"], set_={"y": _value.excluded.y}
)
_known = insert(covariates)
KEEP_EXOG = _known.on_conflict_do_update(
    index_elements=["series_pk", "step"], set_={"known": _known.excluded.known}
)
_state = insert(states)
KEEP_STATE = _state.on_conflict_do_update(
    index_elements=["series_pk", "version"],
    set_={
        column: _state.excluded[column]
        for column in ("revision", "end_step", "format", "crc32", "state")
    },
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


def page(name: str | None, prefix: str, after: tuple[str, str]) -> Select[Any]:
    """Return the query for series in order of model name and id, behind ``after``."""
    query = (
        select(series)
        .where(
            tuple_(series.c.name, series.c.unique_id) > tuple_(*after),
            series.c.unique_id >= prefix,
            series.c.unique_id < prefix + HIGHEST,
        )
        .order_by(series.c.name, series.c.unique_id)
    )
    return query if name is None else query.where(series.c.name == name)


def portions(ids: Sequence[Id]) -> Iterator[Sequence[Id]]:
    """Give the ids in portions that fit into one statement.

    >>> [len(portion) for portion in portions(["a"] * 501)]
    [500, 1]
    """
    for start in range(0, len(ids), IDS_PER_QUERY):
        yield ids[start : start + IDS_PER_QUERY]


def span_of(row: Any) -> Span:
    """Return the steps that the log covers."""
    return Span(row.first_step, row.end_step, row.revision)


def grid_of(row: Any) -> Grid:
    """Return where the series stands in time."""
    return Grid(row.frequency, row.start)


def carried_of(row: Any) -> Carried:
    """Return the series, with its state where that agrees with the log."""
    span, kept = span_of(row), None
    if row.state_revision == span.revision and row.state_end <= span.end:
        state = unpack_state(row.format, row.crc32, row.state)
        kept = None if state is None else Kept(state, row.state_end)
    return Carried(row.pk, row.unique_id, grid_of(row), span, kept)


def series_row(name: str, change: Change) -> dict[str, Any]:
    """Return the parameters of ADD_SERIES."""
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
    """Return the parameters of KEEP_STATE."""
    return {
        "series_pk": pk,
        "version": version,
        "revision": change.span.revision,
        "end_step": change.span.end,
        **pack_state(change.state),
    }
