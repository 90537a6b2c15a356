"""What a request's points mean for a series: new, repeated, in conflict, late, a gap.

Plain arithmetic on whole steps: no model, no store. `place` puts points on the grid of
their series, `plan` compares them with what is carried.
Letters: `N` points, each step once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import InputError
from forecaster.frequency import Frequency, OffGrid
from service.errors import Conflict, Unacceptable
from service.exog import Given
from service.records import Floats, Grid, Row, Span, Steps

OnConflict = Literal["error", "ignore", "revise"]
NO_ROW: Row = MappingProxyType({})
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
    exog: Mapping[int, Row] = field(default_factory=dict)  # to be written, by step


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


@dataclass(frozen=True, slots=True)
class Stored:
    """What the log holds at those of the placed steps that lie below its end."""

    values: Floats  # NaN where it holds nothing
    exog: Mapping[int, Row] = field(default_factory=dict)  # by step, where it has any


def plan(
    placed: Placed,
    span: Span,
    stored: Stored,
    on_conflict: OnConflict,
    stat: Row = NO_ROW,
) -> Plan:
    """Return what the points change.

    Args:
        placed: the points, on the grid of the series.
        span: the steps that the log covers already.
        stored: what the log holds of them.
        on_conflict: what to do with a step that the log holds with another value, or
            other covariates than came now.
        stat: what is constant, to stand with the first step that is written.

    Raises:
        Conflict: there is such a step, and ``on_conflict`` is "error"; or a step is
            older than the log, and ``on_conflict`` is not "ignore".
    """
    late = placed.steps < span.end
    differs = ~_same(placed.values[late], stored.values)
    differs |= _tell_more(placed, stored)[late]
    if span.pruned:
        differs |= _forgotten(placed, span, on_conflict)[late]
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
        _exog_after(placed, written, stored, stat),
    )


def _tell_more(placed: Placed, stored: Stored) -> Any:
    """Whether points came with covariates that the log does not hold so [N]."""
    if not placed.rows:
        return np.zeros(len(placed.steps), bool)
    return np.array(
        [
            not row.items() <= stored.exog.get(step, NO_ROW).items()
            for step, row in zip(placed.steps.tolist(), placed.rows, strict=True)
        ],
        dtype=bool,
    )


def _exog_after(
    placed: Placed, written: Any, stored: Stored, stat: Row
) -> dict[int, Row]:
    """Covariates to be written: what came laid over what the log holds."""
    exog: dict[int, Row] = {}
    for index in np.flatnonzero(written).tolist():
        step = int(placed.steps[index])
        came = {**(placed.rows[index] if placed.rows else NO_ROW), **stat}
        stat = NO_ROW
        if came:
            exog[step] = {**stored.exog.get(step, NO_ROW), **came}
    return exog


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
    differs = again & ~_same(values, np.r_[np.nan, values[:-1]])
    if rows:
        differs[1:] |= again[1:] & np.array([a != b for a, b in pairwise(rows)], bool)
    if differs.any():
        time = format_step(grid, int(steps[differs][0]))
        raise Unacceptable(
            f"{time} comes twice with different values; send each time once", "ds"
        )
    kept = tuple(row for row, once in zip(rows, ~again, strict=False) if once)
    return Placed(grid, steps[~again], values[~again], int(again.sum()), kept)


def _same(a: Floats, b: Floats) -> Any:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _span_after(span: Span, written: Steps, rewrites: bool) -> Span:
    if not len(written):
        return span
    return replace(
        span,
        first=min(span.first, int(written[0])),
        end=max(span.end, int(written[-1]) + 1),
        revision=span.revision + rewrites,
    )


def _forgotten(placed: Placed, span: Span, on_conflict: OnConflict) -> Any:
    """Whether points are older than the log, so that nobody knows what they were [N]."""
    forgotten = placed.steps < span.kept
    if on_conflict != "ignore" and forgotten.any():
        oldest = format_step(placed.grid, span.kept)
        raise Conflict(
            f"{forgotten.sum()} of the points are older than what is kept of this "
            f"series, which begins at {oldest} (keep_points, keep_days); leave them "
            'out, or send "on_conflict": "ignore"',
            "ds",
        )
    return forgotten


def _conflict(placed: Placed, steps: Steps) -> Conflict:
    time = format_step(placed.grid, int(steps[0]))
    return Conflict(
        f"{len(steps)} of the points differ from what is carried, the first at {time}; "
        'send "on_conflict": "revise" to correct the history, or "ignore" to keep it',
        "y",
    )
