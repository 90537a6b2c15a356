"""Further columns of a table → the covariates of each series.

Letters: `R` rows of the table, `P` rows of one series.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.covariates import Covariates
from forecaster.frequency import Frequency, OffGrid
from service.arrow.columns import Floats, Ints, is_text, read_coded, read_numbers
from service.errors import Unacceptable
from service.exog import Given
from service.schemas import MAX_ID


@dataclass(frozen=True, slots=True)
class Exog:
    """The covariates of all rows by name and kind, NaN or None = missing."""

    futr: Mapping[str, Floats]  # [R]
    hist: Mapping[str, Floats]  # [R]
    stat: Mapping[str, NDArray[Any]]  # [R], numbers, or texts as objects

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.futr or self.hist or self.stat)

    @property
    def numbers(self) -> dict[str, Floats]:
        """Those that are numbers, by name."""
        every = chain(self.futr.items(), self.hist.items(), self.stat.items())
        return {name: values for name, values in every if values.dtype.kind == "f"}


def read_exog(columns: Mapping[str, Any], covariates: Covariates) -> Exog:
    """Return the covariates among the columns of a table."""
    read = {
        column.name: read_coded(columns[column.name]).texts()
        if is_text(columns[column.name].type)
        else read_numbers(columns[column.name])
        for column in covariates.columns
        if column.name in columns
    }
    futr, hist, stat = (
        {c.name: read[c.name] for c in covariates.of(kind) if c.name in read}
        for kind in ("futr", "hist", "stat")
    )
    return Exog(futr, hist, stat)


def given_with(
    exog: Exog, rows: Ints, times: NDArray[Any] | None, y: Floats, frequency: Frequency
) -> tuple[Ints, Given]:
    """Return which rows of a series are points, in order, and what is known beside.

    Rows behind the last value that know a covariate of `futr_exog` are no points: they
    are what is known ahead, step by step.

    Args:
        exog: of all rows.
        rows: of the series [P].
        times: of all rows [R], or None when rows are simply the next steps.
        y: of all rows [R].
        frequency: of the model.

    Raises:
        Unacceptable: what is known ahead does not follow the points, or a constant has
            two values.
    """
    if times is not None:
        rows = rows[np.argsort(times[rows], kind="stable")]
    count = _points(exog, rows, y)
    if count < len(rows):
        _refuse_jumps(rows, count, times, frequency)
    return rows[:count], Given(
        {name: _listed(values[rows]) for name, values in exog.futr.items()},
        {name: _listed(values[rows[:count]]) for name, values in exog.hist.items()},
        {name: _constant(name, values[rows]) for name, values in exog.stat.items()},
    )


def _points(exog: Exog, rows: Ints, y: Floats) -> int:
    """Return how many rows are points: all, unless what follows them is known ahead."""
    observed = np.flatnonzero(~np.isnan(y[rows]))
    count = int(observed[-1]) + 1 if len(observed) else 0
    behind = rows[count:]
    ahead = any((~np.isnan(values[behind])).any() for values in exog.futr.values())
    return count if ahead else len(rows)


def _refuse_jumps(
    rows: Ints, count: int, times: NDArray[Any] | None, frequency: Frequency
) -> None:
    if times is None:
        return
    if not count:
        raise Unacceptable(
            "rows without a value that know covariates ahead must follow a row with one; "
            "send the last value that was observed again with them, which is safe",
            "y",
        )
    try:
        steps = frequency.steps(times[rows[0]], times[rows])
    except OffGrid as error:
        raise Unacceptable(
            f"{error}; send the times of one series at equal steps",
            f"ds[{error.index}]",
        ) from error
    jumps = np.flatnonzero(np.diff(steps[count - 1 :]) != 1)
    if len(jumps):
        raise Unacceptable(
            "rows of what is known ahead must follow the last value step by step; send "
            "one for each step, null where nothing is known",
            f"ds[{count + int(jumps[0])}]",
        )


def _listed(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _constant(name: str, values: NDArray[Any]) -> float | str | None:
    found = {v for v in values.tolist() if v is not None and v == v}
    if len(found) > 1:
        raise Unacceptable(
            "expected one value in all rows of a series, for it is constant there", name
        )
    value = found.pop() if found else None
    if isinstance(value, str) and len(value) > MAX_ID:
        raise Unacceptable(f"expected at most {MAX_ID} characters", name)
    return value
