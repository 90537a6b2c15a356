"""The times that steps of a grid stand for. Letters: `N` grids, `K` steps of each."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency import Frequency
from service.records import Grid, Steps

# Made for every series of a request, and checks its alias each time.
frequency_of = lru_cache(maxsize=64)(Frequency)


def time_of(frequency: Frequency, start: int) -> Any:
    """Return the time that a grid's ``start`` stands for.

    >>> time_of(Frequency("h"), 3_600_000_000)
    np.datetime64('1970-01-01T01:00:00.000000')
    """
    return np.int64(start) if frequency.is_integer else np.datetime64(start, "us")


def times_at(grid: Grid, steps: Steps) -> Any:
    """Return the times [N] of steps of a grid."""
    frequency = frequency_of(grid.frequency)
    return frequency.times(time_of(frequency, grid.start), steps)


def times_of(grids: Sequence[Grid], steps: NDArray[np.int64]) -> Any:
    """Return the times [N, K] of steps [N, K] of N grids, all of one frequency.

    >>> times_of([Grid("1", 1), Grid("1", 10)], np.array([[0, 1], [0, 1]]))
    array([[ 1,  2],
           [10, 11]])
    """
    starts = np.repeat(starts_of(grids), steps.shape[1])
    frequency = frequency_of(grids[0].frequency)
    return frequency.times(starts, steps.ravel()).reshape(steps.shape)


def starts_of(grids: Sequence[Grid]) -> Any:
    """Return the times [N] of step 0 of N grids, all of one frequency."""
    starts = np.array([grid.start for grid in grids], np.int64)
    is_integer = frequency_of(grids[0].frequency).is_integer
    return starts if is_integer else starts.view("M8[us]")


def format_step(grid: Grid, step: int) -> str | int:
    """Return the time of a step as JSON has it.

    >>> format_step(Grid("h", 0), 2)
    '1970-01-01T02:00:00'
    """
    texts = frequency_of(grid.frequency).format(times_at(grid, np.array([step])))
    time: str | int = texts[0]
    return time
