"""What a request's points mean for a series: new, repeated, in conflict, late, a gap.

Plain arithmetic on whole steps: no model, no store. `place` puts points on the grid of
their series, `plan` compares them with what is carried.
Letters: `N` points, each step once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from forecaster.errors import InputError
from forecaster.frequency import Frequency, OffGrid
from service.errors import Conflict, Unacceptable
from service.records import Floats, Grid, Span, Steps

OnConflict = Literal["error", "ignore", "revise"]
FIRST_INTEGER_STEP = 1  # where a series that counts its steps begins


@dataclass(frozen=True, slots=True)
class Points:
    """What a request brings of one series, as it came; NaN is a missing value.

    ``times`` is None when the values are simply the next steps.
    """

    unique_id: str
    times: tuple[str | int, ...] | None
    values: Floats  # [N]
    covariates: tuple[str, ...] = ()  # the fields that came with values of others


@dataclass(frozen=True, slots=True)
class Placed:
    """Points on the grid of their series, in order, each step once."""

    grid: Grid
    steps: Steps  # [N]
    values: Floats  # [N]
    repeats: int  # points left out because the request said the same twice


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the points of a request; together they are all of them."""

    applied: int
    duplicates: int
    ignored: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying the points changes."""

    span: Span  # of the log, afterwards
    steps: Steps  # to be written
    values: Floats  # to be written
    counts: Counts


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


def format_step(grid: Grid, step: int) -> str | int:
    """Return the time of a step as JSON has it.

    >>> format_step(Grid("h", 0), 2)
    '1970-01-01T02:00:00'
    """
    texts = frequency_of(grid.frequency).format(times_at(grid, np.array([step])))
    time: str | int = texts[0]
    return time


def place(
    points: Points, frequency: Frequency, grid: Grid | None, next_step: int
) -> Placed:
    """Return the points on the grid of their series.

    Args:
        points: as they came.
        frequency: of the model.
        grid: of the series; None when nothing is carried for it yet.
        next_step: where values without a time go.

    Raises:
        Unacceptable: a time cannot be read, lies off the grid, or comes twice with
            different values.
    """
    if points.times is None or not len(points.values):
        grid = _grid_without_times(frequency) if grid is None else grid
        steps = next_step + np.arange(len(points.values))
        return Placed(grid, steps, points.values, repeats=0)
    times = _parse(points.times, frequency)
    if grid is None:
        grid = Grid(frequency.alias, int(times.min().astype(np.int64)))
    try:
        steps = frequency.steps(time_of(frequency, grid.start), times)
    except OffGrid as error:
        raise Unacceptable(
            f"{error}; send the times of one series at equal steps",
            f"ds[{error.index}]",
        ) from error
    return _sorted(grid, steps, points.values)


def plan(placed: Placed, span: Span, stored: Floats, on_conflict: OnConflict) -> Plan:
    """Return what the points change.

    Args:
        placed: the points, on the grid of the series.
        span: the steps that the log covers already.
        stored: what the log holds at those of the placed steps that lie below
            ``span.end``; NaN where it holds nothing.
        on_conflict: what to do with a step that the log holds with another value.

    Raises:
        Conflict: there is such a step, and ``on_conflict`` is "error".
    """
    late = placed.steps < span.end
    differs = ~_same(placed.values[late], stored)
    if on_conflict == "error" and differs.any():
        raise _conflict(placed, placed.steps[late][differs])
    rewritten = placed.steps[late][differs & (on_conflict == "revise")]
    written = ~late | np.isin(placed.steps, rewritten)
    applied = int(written.sum())
    ignored = int(differs.sum()) - len(rewritten)
    return Plan(
        _span_after(span, placed.steps[written], bool(len(rewritten))),
        placed.steps[written],
        placed.values[written],
        Counts(
            applied, len(placed.steps) - applied - ignored + placed.repeats, ignored
        ),
    )


def check_gaps(steps: Steps, span: Span, limit: int) -> int:
    """Return how many steps lie absent around the written ones, ``limit`` at once.

    >>> check_gaps(np.array([3, 4, 7]), Span(0, 2), limit=2)
    3

    Raises:
        Unacceptable: more than ``limit`` lie between two neighbours.
    """
    earlier, later = steps[steps < span.first], steps[steps >= span.end]
    before = np.diff(np.r_[earlier, span.first]) - 1
    after = np.diff(np.r_[span.end - 1, later]) - 1
    gaps = np.r_[before, after]
    if len(gaps) and gaps.max() > limit:
        widest = int(gaps.argmax())
        beside = span.length > 0 and widest in (len(before) - 1, len(before))
        raise _gap(int(gaps[widest]), limit, beside)
    return int(gaps.sum())


def _gap(absent: int, limit: int, beside_carried: bool) -> Unacceptable:
    place = "what is carried and these points" if beside_carried else "two points"
    anew = ", or delete the series and begin anew" if beside_carried else ""
    return Unacceptable(
        f"{absent} steps are absent between {place}, at most {limit} may be at once "
        f"(max_gap); send what lies between, with null for missing values{anew}"
    )


def _parse(times: tuple[str | int, ...], frequency: Frequency) -> Any:
    parsed = []
    for index, time in enumerate(times):
        try:
            parsed.append(frequency.parse_time(time))
        except InputError as error:
            wanted = (
                "a whole number, such as 7"
                if frequency.is_integer
                else "an ISO-8601 time, such as 2024-01-31T18:00:00"
            )
            raise Unacceptable(
                f"expected {wanted}; this model's frequency is {frequency.alias!r}",
                f"ds[{index}]",
            ) from error
    return np.array(parsed)


def _grid_without_times(frequency: Frequency) -> Grid:
    if not frequency.is_integer:
        raise Unacceptable(
            "nothing is carried for this series yet, so 'ds' is needed: send the time "
            "of at least these first points",
            "ds",
        )
    return Grid(frequency.alias, FIRST_INTEGER_STEP)


def _sorted(grid: Grid, steps: Steps, values: Floats) -> Placed:
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    again = np.r_[False, steps[1:] == steps[:-1]]
    differs = again & ~_same(values, np.r_[np.nan, values[:-1]])
    if differs.any():
        time = format_step(grid, int(steps[differs][0]))
        raise Unacceptable(
            f"{time} comes twice with different values; send each time once", "ds"
        )
    return Placed(grid, steps[~again], values[~again], int(again.sum()))


def _same(a: Floats, b: Floats) -> Any:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _span_after(span: Span, written: Steps, rewrites: bool) -> Span:
    if not len(written):
        return span
    return Span(
        min(span.first, int(written[0])),
        max(span.end, int(written[-1]) + 1),
        span.revision + rewrites,
    )


def _conflict(placed: Placed, steps: Steps) -> Conflict:
    time = format_step(placed.grid, int(steps[0]))
    return Conflict(
        f"{len(steps)} of the points differ from what is carried, the first at {time}; "
        'send "on_conflict": "revise" to correct the history, or "ignore" to keep it',
        "y",
    )
