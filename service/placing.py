"""A request's points on the grid of their series: in whole steps, in order, each once.

Plain arithmetic: no model, no store. Letters: `N` points.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import InputError
from forecaster.frequency import Frequency, OffGrid
from service.errors import Unacceptable
from service.exog import Given
from service.grids import format_step, time_of
from service.records import Floats, Grid, Row, Steps

NONE_GIVEN = Given()
FIRST_INTEGER_STEP = 1  # where a series that counts its steps begins


@dataclass(frozen=True, slots=True)
class Points:
    """What a request brings of one series, as it came; NaN is a missing value.

    ``times`` is None when the values are simply the next steps, and an array when they
    came as one, ``datetime64[us]`` or ``int64``.
    """

    unique_id: str
    times: tuple[str | int, ...] | NDArray[Any] | None
    values: Floats  # [N]
    given: Given = NONE_GIVEN  # beside the values


@dataclass(frozen=True, slots=True)
class Placed:
    """Points on the grid of their series, in order, each step once."""

    grid: Grid
    steps: Steps  # [N]
    values: Floats  # [N]
    repeats: int  # points left out because the request said the same twice
    rows: tuple[Row, ...] = ()  # [N] covariates, none of any when none came


def place(
    points: Points,
    frequency: Frequency,
    grid: Grid | None,
    next_step: int,
    rows: tuple[Row, ...] = (),
) -> Placed:
    """Return the points on the grid of their series.

    Args:
        points: as they came.
        frequency: of the model.
        grid: of the series; None when nothing is carried for it yet.
        next_step: where values without a time go.
        rows: the covariates of each point; none of any when none came.

    Raises:
        Unacceptable: a time cannot be read, lies off the grid, or comes twice with
            different values.
    """
    if points.times is None or not len(points.values):
        grid = _grid_without_times(frequency) if grid is None else grid
        steps = next_step + np.arange(len(points.values))
        return Placed(grid, steps, points.values, 0, rows)
    times = parse_times(points.times, frequency)
    if grid is None:
        grid = Grid(frequency.alias, int(times.min().astype(np.int64)))
    try:
        steps = frequency.steps(time_of(frequency, grid.start), times)
    except OffGrid as error:
        raise Unacceptable(
            f"{error}; send the times of one series at equal steps",
            f"ds[{error.index}]",
        ) from error
    return _sorted(grid, steps, points.values, rows)


def wrong_time(frequency: Frequency) -> str:
    """Return what is said of a time that is none for this frequency."""
    wanted = (
        "a whole number, such as 7"
        if frequency.is_integer
        else "an ISO-8601 time, such as 2024-01-31T18:00:00"
    )
    return f"expected {wanted}; this model's frequency is {frequency.alias!r}"


def parse_times(
    times: tuple[str | int, ...] | NDArray[Any], frequency: Frequency
) -> NDArray[Any]:
    """Return times as they came as an array [N].

    Raises:
        Unacceptable: one of them is no time for this frequency.
    """
    if isinstance(times, np.ndarray):  # read already, where the frequency was known
        return times
    parsed = []
    for index, time in enumerate(times):
        try:
            parsed.append(frequency.parse_time(time))
        except InputError as error:
            raise Unacceptable(wrong_time(frequency), f"ds[{index}]") from error
    return np.array(parsed)


def _grid_without_times(frequency: Frequency) -> Grid:
    if not frequency.is_integer:
        raise Unacceptable(
            "nothing is carried for this series yet, so 'ds' is needed: send the time "
            "of at least these first points",
            "ds",
        )
    return Grid(frequency.alias, FIRST_INTEGER_STEP)


def _sorted(grid: Grid, steps: Steps, values: Floats, rows: tuple[Row, ...]) -> Placed:
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    again = np.r_[False, steps[1:] == steps[:-1]]
    rows = tuple(rows[index] for index in order) if rows else ()
    differs = again & ~same(values, np.r_[np.nan, values[:-1]])
    if rows:
        differs[1:] |= again[1:] & np.array([a != b for a, b in pairwise(rows)], bool)
    if differs.any():
        time = format_step(grid, int(steps[differs][0]))
        raise Unacceptable(
            f"{time} comes twice with different values; send each time once", "ds"
        )
    kept = tuple(row for row, once in zip(rows, ~again, strict=False) if once)
    return Placed(grid, steps[~again], values[~again], int(again.sum()), kept)


def same(a: Floats, b: Floats) -> Any:
    """Whether values are the same, or both missing [N]."""
    return (a == b) | (np.isnan(a) & np.isnan(b))
