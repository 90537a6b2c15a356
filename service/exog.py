"""What a request says beside the values: covariates, checked against a model.

What came with one point is a `Row`: the covariates that were given, by name, as the log
keeps them, so that any later version of a model can be told them again. What is constant
for a series stands in the row of the first point that it came with.
Letters: `N` points, `A` covariates of a model, `K` steps ahead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecaster.covariates import Column, Covariates
from forecaster.errors import DataError
from service.errors import Unacceptable
from service.records import Row

Floats32 = NDArray[np.float32]
Values = Sequence[float | None]

FIELDS = {"futr_exog": "futr", "hist_exog": "hist", "stat_exog": "stat"}


@dataclass(frozen=True, slots=True)
class Given:
    """The covariates of one series of a request, as they came; None is missing."""

    futr: Mapping[str, Values] = field(default_factory=dict)
    hist: Mapping[str, Values] = field(default_factory=dict)
    stat: Mapping[str, float | str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any came."""
        return bool(self.futr or self.hist or self.stat)


@dataclass(frozen=True, slots=True)
class Told:
    """The covariates of one series of a request, checked."""

    rows: tuple[Row, ...]  # [N], one for each point; none of any when none came
    stat: Row
    ahead: Floats32  # [K, futr], of the steps behind the last point


def told(
    given: Given, covariates: Covariates, count: int, horizon: int, name: str
) -> Told:
    """Return the covariates of a series.

    Args:
        given: as they came.
        covariates: what the model takes.
        count: points of the series, N.
        horizon: steps that may be known ahead.
        name: of the model.

    Raises:
        Unacceptable: a name, a length or a kind is not what the model takes.
    """
    for loc, kind in FIELDS.items():
        _check_names(getattr(given, kind), covariates, loc, name)
    for column, values in given.hist.items():
        if len(values) != count:
            raise Unacceptable(
                f"{column!r} has {len(values)} values; send one for each of the {count} "
                "points, null where it is missing",
                f"hist_exog.{column}",
            )
    for column, values in given.futr.items():
        if not count <= len(values) <= count + horizon:
            raise Unacceptable(
                f"{column!r} has {len(values)} values; send one for each of the {count} "
                f"points, then those of the steps ahead, {horizon} at most (max_horizon); "
                "null where it is missing",
                f"futr_exog.{column}",
            )
    stat = {c.name: _static(c, given.stat.get(c.name)) for c in covariates.of("stat")}
    return Told(
        _rows({**given.futr, **given.hist}, count) if given else (),
        {key: value for key, value in stat.items() if value is not None},
        _ahead(given, covariates, count),
    )


def matrix(
    covariates: Covariates, rows: Mapping[int, Row], begin: int, length: int
) -> Floats32:
    """Return rows of the log as a model takes them [length, A], NaN = missing.

    Args:
        covariates: of the model.
        rows: by step.
        begin: step of the first row.
        length: how many steps.
    """
    found = np.full((length, len(covariates.columns)), np.nan, np.float32)
    for step, row in rows.items():
        for place, column in enumerate(covariates.columns):
            if column.name in row:
                found[step - begin, place] = _number(column, row[column.name])
    return found


def _number(column: Column, value: float | str) -> float:
    try:
        return column.code(value)
    except DataError:  # a text, from times when the column held texts
        return np.nan


def _rows(values: Mapping[str, Values], count: int) -> tuple[Row, ...]:
    rows: list[dict[str, float | str]] = [{} for _ in range(count)]
    for name, column in values.items():
        for row, value in zip(rows, column[:count], strict=False):
            if value is not None:
                row[name] = float(value)
    return tuple(rows)


def _ahead(given: Given, covariates: Covariates, count: int) -> Floats32:
    columns = covariates.of("futr")
    steps = max((len(values) for values in given.futr.values()), default=count) - count
    ahead = np.full((steps, len(columns)), np.nan, np.float32)
    for place, column in enumerate(columns):
        for step, value in enumerate(given.futr.get(column.name, ())[count:]):
            ahead[step, place] = np.nan if value is None else value
    return ahead


def _static(column: Column, value: float | str | None) -> float | str | None:
    if value is None:
        return None
    if column.categories is not None:
        return value if isinstance(value, str) else f"{value:g}"
    if isinstance(value, str):
        raise Unacceptable(
            f"{column.name!r}: expected a number, as in training; got text",
            f"stat_exog.{column.name}",
        )
    return float(value)


def _check_names(
    given: Mapping[str, object], covariates: Covariates, loc: str, name: str
) -> None:
    known = {column.name for column in covariates.of(FIELDS[loc])}
    if given.keys() <= known:
        return
    if not covariates.columns:
        raise Unacceptable(
            f"model {name!r} was trained without covariates; leave out {loc!r}", loc
        )
    wanted = "; ".join(
        f"{where}: {', '.join(column.name for column in covariates.of(kind)) or 'none'}"
        for where, kind in FIELDS.items()
    )
    raise Unacceptable(
        f"{loc!r} holds names that are none of model {name!r}, which takes {wanted}",
        loc,
    )
