"""A long table of points → the series of an `Ask`, as `schemas.py` makes them of JSON.

Each series is checked by itself, so that a bad one leaves the others alone.
Letters: `R` rows of the table, `N` series.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from forecaster.covariates import Covariates
from forecaster.frequency import Frequency
from service.arrow.columns import (
    Coded,
    Flags,
    Floats,
    Ints,
    Times,
    check_type,
    read_coded,
    read_numbers,
    read_times,
)
from service.arrow.covariates import Exog, given_with, read_exog
from service.arrow.stream import read_stream
from service.carrying import Live
from service.errors import Refusal, Unacceptable
from service.placing import Points, wrong_time
from service.schemas import LARGEST, MAX_ID

OWN = {
    "unique_id": "text or whole numbers",
    "ds": "timestamps, dates, whole numbers or text",
    "y": "numbers",
}


def read_series(
    data: bytes, live: Live, most_rows: int
) -> tuple[tuple[Points, ...], tuple[Refusal, ...]]:
    """Return the series of a stream in the order they come, and those that make no sense.

    Args:
        data: an Arrow stream with the columns `unique_id`, `ds`, `y` and covariates.
        live: the model that they are for.
        most_rows: more are refused.

    Raises:
        Malformed: it is not an Arrow stream, or not a whole one.
        Unacceptable: the table as a whole has the wrong shape.
    """
    check = partial(_check_schema, covariates=live.covariates)
    table = read_stream(data, check, most_rows)
    if not table.num_rows:
        raise Unacceptable("expected at least one row; got a table without any")
    table = table.unify_dictionaries()
    columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
    return _split(_read(columns, live))


def _check_schema(schema: Any, covariates: Covariates) -> None:
    kinds = {
        column.name: "numbers or text" if column.kind == "stat" else "numbers"
        for column in covariates.columns
    }
    wanted = {**kinds, **OWN}
    for name in schema.names:
        if name not in wanted:
            extra = "; ".join(kinds) or "none, for this model has none"
            raise Unacceptable(
                "the table has a column that is not known; expected unique_id, ds, y and "
                f"covariates ({extra})"
            )
        if schema.names.count(name) > 1:
            raise Unacceptable("this column stands there twice; send it once", name)
        check_type(name, schema.field(name).type, wanted[name])
    for name, needed in (("unique_id", True), ("y", "ds" in schema.names)):
        if needed and name not in schema.names:
            raise Unacceptable("is needed, but absent", name)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a table."""

    ids: Coded
    y: Floats  # [R]
    times: Times | None  # None: values are the next steps
    exog: Exog
    says: Flags  # [R], which say more than the name of a series
    frequency: Frequency


def _read(columns: Mapping[str, Any], live: Live) -> _Rows:
    ids = read_coded(columns["unique_id"])
    y, says = np.full(len(ids.index), np.nan), np.zeros(len(ids.index), bool)
    times = None
    if "ds" in columns:
        times = read_times(columns["ds"], live.frequency)
    if "y" in columns:
        y = read_numbers(columns["y"])
        says = ~says if times is None else times.known | ~np.isnan(y)
    exog = read_exog(columns, live.covariates)
    return _Rows(ids, y, times, exog, says, live.frequency)


def _split(rows: _Rows) -> tuple[tuple[Points, ...], tuple[Refusal, ...]]:
    index = rows.ids.index
    kept = np.flatnonzero(rows.says & (index >= 0))
    order = kept[np.argsort(index[kept], kind="stable")]
    bounds = np.searchsorted(index[order], np.arange(len(rows.ids.distinct) + 1))
    flaws = _flaws(rows)
    flawed = np.any([flaw.where for flaw in flaws], axis=0)[order]
    make = _points_of(rows, order)
    series, refused = [], _without_name(index)
    for number in _by_appearance(rows.ids):
        name, part = rows.ids.distinct[number], slice(*bounds[number : number + 2])
        try:
            _check_name(name)
            if flawed[part].any():
                raise _first(flaws, order[part])
            series.append(make(name, part))
        except Unacceptable as error:
            refused.append(Refusal(name if len(name) <= MAX_ID else None, error))
    return tuple(series), tuple(refused)


def _points_of(rows: _Rows, order: Ints) -> Callable[[str, slice], Points]:
    """Return what makes the points of a series of its part of the ordered rows."""
    y, times = rows.y[order], None if rows.times is None else rows.times.values[order]

    def plain(name: str, part: slice) -> Points:
        return Points(name, None if times is None else times[part], y[part])

    def with_exog(name: str, part: slice) -> Points:
        every = None if rows.times is None else rows.times.values
        chosen, given = given_with(
            rows.exog, order[part], every, rows.y, rows.frequency
        )
        when = None if every is None else every[chosen]
        return Points(name, when, rows.y[chosen], given)

    return with_exog if rows.exog else plain


@dataclass(frozen=True, slots=True)
class _Flaw:
    """What makes rows useless, and where it does [R]."""

    where: Flags
    column: str
    detail: str


def _flaws(rows: _Rows) -> list[_Flaw]:
    flaws = [
        _Flaw(
            np.abs(values) > LARGEST,
            column,
            f"expected a finite value between -{LARGEST:g} and {LARGEST:g}; use another "
            "unit, and null for a missing value",
        )
        for column, values in {"y": rows.y, **rows.exog.numbers}.items()
    ]
    if rows.times is not None:
        times, said = rows.times, wrong_time(rows.frequency)
        flaws += [
            _Flaw(times.known & ~times.readable, "ds", said),
            _Flaw(~times.known, "ds", "is needed where there is a value"),
        ]
    return flaws


def _first(flaws: list[_Flaw], rows: Ints) -> Unacceptable:
    """Return the refusal that tells the first flaw; places count the series' own rows."""
    flaw = next(flaw for flaw in flaws if flaw.where[rows].any())
    place = int(flaw.where[rows].argmax())
    return Unacceptable(flaw.detail, f"{flaw.column}[{place}]")


def _by_appearance(ids: Coded) -> list[int]:
    rows = np.arange(len(ids.index))[::-1]
    first = np.zeros(len(ids.distinct) + 1, np.int64)
    first[ids.index[::-1]] = rows  # of several rows the last one assigned stays
    numbers: list[int] = np.argsort(first[:-1]).tolist()
    return numbers


def _without_name(index: Ints) -> list[Refusal]:
    nameless = np.flatnonzero(index < 0)
    if not len(nameless):
        return []
    error = Unacceptable(
        f"{len(nameless)} rows have no name of a series; fill the column",
        f"unique_id[{int(nameless[0])}]",
    )
    return [Refusal(None, error)]


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MAX_ID or "\0" in name:
        raise Unacceptable(
            f"expected 1 to {MAX_ID} characters, none of them NUL", "unique_id"
        )
