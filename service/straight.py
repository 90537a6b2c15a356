"""Points that simply follow: the common case, planned for a whole batch as arrays.

A series is *straight* when its points are the very next steps, in order and without a
gap, and either a state of the newest step is at hand or nothing is carried yet. Nothing of
the log has to be read for it. One by one, planning costs more than the model; here it is
done for all series at once. What is not straight is left to `work`, which knows all cases
and all errors. Letters: `N` points of all series, one behind the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency import Frequency
from service.carrying import Journey, Live
from service.errors import Unacceptable
from service.grids import starts_of
from service.pieces import Piece
from service.placing import Points, parse_times
from service.planned import FRESH, Planned
from service.planning import Counts, Plan
from service.records import Carried, Grid, Span

NOTHING_AHEAD = np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class _Line:
    """One series that may be straight: where it stands, and the times that came."""

    place: int  # of its piece
    points: Points
    carried: Carried | None
    grid: Grid
    times: NDArray[Any] | None  # None where the values are simply the next

    @property
    def span(self) -> Span:
        """The steps carried."""
        return FRESH if self.carried is None else self.carried.span


def with_times(piece: Piece) -> Piece:
    """Return the piece with its times read, once for all who plan it.

    Where one of them cannot be read they stay as they came: `work` says which, and why.
    """
    points = piece.points
    if not isinstance(points.times, tuple) or not len(points.values):
        return piece
    try:
        times = parse_times(points.times, piece.terms.live.frequency)
    except Unacceptable:
        return piece
    return replace(piece, points=replace(points, times=times))


def plan_straight(
    pieces: Sequence[Piece], carried: Mapping[str, Carried]
) -> list[Planned | None]:
    """Return what is to be done for each piece that is straight, None for the others.

    Args:
        pieces: all of one model, with their times read.
        carried: what the store holds of them, by id.
    """
    jobs: list[Planned | None] = [None] * len(pieces)
    live = pieces[0].terms.live
    if live.covariates.columns:  # these stand in the log beside the values
        return jobs
    lines = [
        line
        for place, piece in enumerate(pieces)
        if (line := _line(place, piece, carried.get(piece.points.unique_id), live))
    ]
    if not lines:
        return jobs
    counts = np.array([len(line.points.values) for line in lines])
    ends = np.cumsum(counts)
    begins = ends - counts
    first = np.array([line.span.end for line in lines])
    steps = np.arange(ends[-1]) + np.repeat(first - begins, counts)
    straight = _agree(lines, steps, counts, live.frequency)
    for line, begin, end, follows in zip(
        lines, begins.tolist(), ends.tolist(), straight.tolist(), strict=True
    ):
        if follows:
            piece = pieces[line.place]
            piece.terms.allowance.take(line.points.unique_id, 0)  # no step is absent
            jobs[line.place] = _planned(line, steps[begin:end], piece)
    return jobs


def _line(
    place: int, piece: Piece, carried: Carried | None, live: Live
) -> _Line | None:
    """Return a series that may be straight, or None."""
    points, alias = piece.points, live.frequency.alias
    if points.given:
        return None
    if carried is None:
        grid = None
        if points.times is None or not len(points.values):
            return None
    else:
        grid = carried.grid
        untold = points.times is None and piece.terms.rules.key is not None
        behind = carried.kept is None or carried.kept.end != carried.span.end
        if behind or untold or grid.frequency != alias:
            return None
    times = points.times if len(points.values) else None
    if isinstance(times, tuple):  # of which one cannot be read
        return None
    if grid is None:
        assert times is not None
        grid = Grid(alias, int(times[0].astype(np.int64)))
    return _Line(place, points, carried, grid, times)


def _agree(
    lines: Sequence[_Line],
    steps: NDArray[np.int64],
    counts: NDArray[np.int64],
    frequency: Frequency,
) -> NDArray[np.bool_]:
    """Return for each series whether its times are those of the steps that follow."""
    starts = starts_of([line.grid for line in lines])
    expected = frequency.times(np.repeat(starts, counts), steps)
    came = expected.copy()
    ends = np.cumsum(counts).tolist()
    for line, end in zip(lines, ends, strict=True):
        if line.times is not None:
            came[end - len(line.times) : end] = line.times
    equal = np.r_[0, np.cumsum(came == expected)]
    return np.asarray(equal[ends] - equal[np.array(ends) - counts] == counts)


def _planned(line: _Line, steps: NDArray[np.int64], piece: Piece) -> Planned:
    points, carried, before = line.points, line.carried, line.span
    count = len(steps)
    span = replace(before, end=before.end + count)
    kept = None if carried is None else carried.kept
    state = None if kept is None else kept.state
    return Planned(
        points.unique_id,
        carried,
        line.grid,
        Plan(span, steps, points.values, Counts(count, 0, 0)),
        Journey(line.grid, state, before.end, points.values),
        None,
        piece.terms.wanted,
        NOTHING_AHEAD,
    )
