"""One series of a request on its way: planned against the log, then walked and forecast.

`plan_all` reads, `walk` computes, each for series of many requests at once; in both, a
series that cannot be served becomes the error that says why, and leaves the others alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.carrying import (
    Forecast,
    Live,
    Wanted,
    carry_one,
    forecasts,
    journey,
    shown,
)
from service.errors import ServiceError, Unacceptable, UnknownSeries
from service.exog import told
from service.grids import format_step
from service.milestones import carry_by_stops, milestone
from service.pieces import Piece
from service.placing import Placed, Points, place
from service.planned import FRESH, Planned
from service.planning import Counts, Stored, check_gaps, plan
from service.records import (
    Append,
    Carried,
    Change,
    Floats,
    Milestone,
    Span,
    State,
)
from service.retries import retried, sent_before, untimed
from service.store import Snapshot
from service.straight import plan_straight, with_times


@dataclass(frozen=True, slots=True)
class Result:
    """What was done for one series; ``state`` has seen every step of ``span`` once."""

    job: Planned
    state: State
    forecast: Forecast | None
    scores: Floats  # how unusual each point was that was applied
    passed: tuple[Milestone, ...] = ()  # on the way

    @property
    def unique_id(self) -> str:
        """The series."""
        return self.job.unique_id

    @property
    def span(self) -> Span:
        """The steps carried."""
        return self.job.plan.span

    @property
    def counts(self) -> Counts:
        """What became of the points."""
        return self.job.plan.counts

    @property
    def last_time(self) -> str | int:
        """The time of the last step carried."""
        return format_step(self.job.grid, self.span.end - 1)

    @property
    def change(self) -> Change | None:
        """What is to be written; None when the store has it all."""
        job, carried = self.job, self.job.carried
        kept = None if carried is None else carried.kept
        if kept is not None and not len(job.plan.steps) and kept.end == self.span.end:
            return None
        return Change(
            job.unique_id,
            carried,
            job.grid,
            self.span,
            job.plan.steps,
            job.plan.values,
            self.state,
            job.append,
            job.plan.exog,
            self._milestones,
        )

    @property
    def _milestones(self) -> tuple[Milestone, ...]:
        if self.span.pruned:  # nobody goes back to them
            return ()
        last = milestone(self.state, self.job.journey.begin, self.span.end)
        return self.passed if last is None else (*self.passed, last)


def plan_all(
    pieces: Sequence[Piece], log: Snapshot | None
) -> list[Planned | ServiceError]:
    """Return what is to be done for each piece, or why nothing can.

    Args:
        pieces: all of one model; ids once each.
        log: the store, or None to work with these points alone.
    """
    pieces = [with_times(piece) for piece in pieces]
    live = pieces[0].terms.live
    ids = [piece.points.unique_id for piece in pieces]
    carried = {} if log is None else log.carried(live.name, live.version, ids)
    if log is not None:
        carried |= sent_before(pieces, carried, log)
    jobs: list[Planned | ServiceError] = []
    straight = plan_straight(pieces, carried)
    for piece, job in zip(pieces, straight, strict=True):
        try:
            before = carried.get(piece.points.unique_id)
            jobs.append(job or _plan_one(piece, before, log))
        except ServiceError as error:
            jobs.append(error)
    return jobs


def walk(live: Live, jobs: Sequence[Planned]) -> list[Result | ServiceError]:
    """Return what the model makes of the jobs, or that its numbers overflow."""
    found: dict[int, Result | ServiceError] = {}
    single = [_is_single(live, job) for job in jobs]
    for alone, way in ((True, _stepped), (False, _carried)):
        rows = [row for row, is_one in enumerate(single) if is_one == alone]
        if rows:
            results = way(live, [jobs[row] for row in rows])
            found |= zip(rows, results, strict=True)
    return [found[row] for row in range(len(jobs))]


def _is_single(live: Live, job: Planned) -> bool:
    """Whether one call of the model does all: one value, and a forecast of one reach."""
    if job.wanted is None or len(job.journey.values) != 1:
        return False
    return live.horizon_of(job.wanted) <= live.model.manifest.horizon


def _stepped(live: Live, jobs: Sequence[Planned]) -> list[Result | ServiceError]:
    states, unusual, found = carry_one(
        live, [job.journey for job in jobs], [job.ahead for job in jobs]
    )
    made: dict[int, Forecast] = {}
    finite = np.ones(len(jobs), bool)
    for wanted, rows in _alike(jobs).items():
        ends = [jobs[row].end for row in rows]
        asked = found[rows, : live.horizon_of(wanted)]
        made |= zip(rows, shown(live, asked, ends, wanted), strict=True)
        finite[rows] = np.isfinite(asked).all(axis=(1, 2))
    return _results(jobs, states, unusual, made, finite)


def _carried(live: Live, jobs: Sequence[Planned]) -> list[Result | ServiceError]:
    ways, stopping = [job.journey for job in jobs], [job.rewrites for job in jobs]
    states, unusual, passed = carry_by_stops(live, ways, stopping)
    made: dict[int, Forecast] = {}
    finite = np.ones(len(jobs), bool)
    for wanted, rows in _alike(jobs).items():
        ends = [jobs[row].end for row in rows]
        ahead = [jobs[row].ahead for row in rows]
        horizon = live.horizon_of(wanted)
        found = forecasts(live, states[rows], ends, horizon, ahead)
        made |= zip(rows, shown(live, found, ends, wanted), strict=True)
        finite[rows] = np.isfinite(found).all(axis=(1, 2))
    results = _results(jobs, states, unusual, made, finite)
    return [
        replace(one, passed=left) if left and isinstance(one, Result) else one
        for one, left in zip(results, passed, strict=True)
    ]


def _alike(jobs: Sequence[Planned]) -> dict[Wanted, list[int]]:
    """Return the rows of the jobs that want the same forecasts."""
    alike: dict[Wanted, list[int]] = {}
    for row, job in enumerate(jobs):
        if job.wanted is not None:
            alike.setdefault(job.wanted, []).append(row)
    return alike


def _results(
    jobs: Sequence[Planned],
    states: NDArray[np.float32],
    unusual: Sequence[Floats],
    made: Mapping[int, Forecast],
    finite: NDArray[np.bool_],
) -> list[Result | ServiceError]:
    """Return a result for each job, an error where numbers are not finite."""
    sound = finite & np.isfinite(states).all(axis=1)
    return [
        Result(
            job, states[row], made.get(row), scores[job.plan.steps - job.journey.begin]
        )
        if fine
        else Unacceptable(_OVERFLOW, "y")
        for row, (job, scores, fine) in enumerate(
            zip(jobs, unusual, sound.tolist(), strict=True)
        )
    ]


_OVERFLOW = (
    "these values drive the model out of the range of its numbers, so nothing was "
    "stored; check their magnitude, or send them in another unit"
)


def _plan_one(piece: Piece, carried: Carried | None, log: Snapshot | None) -> Planned:
    points, live, rules = piece.points, piece.terms.live, piece.terms.rules
    _refuse_misfits(live, points, carried, log)
    span = FRESH if carried is None else carried.span
    grid = None if carried is None else carried.grid
    earlier = None if carried is None else carried.append
    next_step = span.end if earlier is None else retried(earlier, points)
    said = told(
        points.given, live.covariates, len(points.values), rules.horizon, live.name
    )
    placed = place(points, live.frequency, grid, next_step, said.rows)
    stored = _stored(placed, span, carried, log)
    planned = plan(placed, span, stored, rules.on_conflict, said.stat)
    skipped = check_gaps(planned.steps, span, rules.max_gap)
    piece.terms.allowance.take(points.unique_id, skipped)
    way = journey(live.version, placed.grid, carried, planned, log)
    append = None
    if earlier is None and rules.key is not None and untimed(points):
        append = Append(rules.key, next_step, len(points.values))
    last = span.end if not len(placed.steps) else int(placed.steps[-1]) + 1
    ahead = said.ahead[planned.span.end - last :]
    if piece.terms.wanted is not None:  # more may be known than is asked for
        ahead = ahead[: live.horizon_of(piece.terms.wanted)]
    return Planned(
        points.unique_id,
        carried,
        placed.grid,
        planned,
        way,
        append,
        piece.terms.wanted,
        ahead,
    )


def _refuse_misfits(
    live: Live, points: Points, carried: Carried | None, log: Snapshot | None
) -> None:
    if carried is None and not len(points.values):
        if log is None:
            raise Unacceptable("a stateless forecast needs points; send 'ds' and 'y'")
        raise UnknownSeries("nothing is carried for this series yet; send points first")
    if carried is not None and carried.grid.frequency != live.frequency.alias:
        raise Unacceptable(
            f"this series is carried at frequency {carried.grid.frequency!r}, the model "
            f"now has {live.frequency.alias!r}; delete the series and send it anew"
        )


def _stored(
    placed: Placed, span: Span, carried: Carried | None, log: Snapshot | None
) -> Stored:
    """Return what the log holds at the placed steps below the end."""
    steps = placed.steps[placed.steps < span.end]
    values = np.full(len(steps), np.nan)
    if carried is None or log is None:
        return Stored(values)
    covered = steps >= carried.span.kept  # before that may lie all of history
    if not covered.any():
        return Stored(values)
    first, last = int(steps[covered][0]), int(steps[-1])
    known = log.values(carried.pk, first, last + 1)
    values[covered] = known[steps[covered] - first]
    return Stored(values, log.exog(carried.pk, first, last + 1))
