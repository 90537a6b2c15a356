"""One series of a request on its way: planned against the log, then walked and forecast.

`plan_all` reads, `walk` computes, each for series of many requests at once; in both, a
series that cannot be served becomes the error that says why, and leaves the others alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.carrying import Forecast, Journey, Live, Wanted, carry, forecast, journey
from service.errors import Conflict, ServiceError, Unacceptable, UnknownSeries
from service.exog import told
from service.pieces import Piece
from service.planning import (
    Counts,
    Placed,
    Plan,
    Points,
    Stored,
    check_gaps,
    format_step,
    place,
    plan,
)
from service.records import Append, Carried, Change, Floats, Grid, Span, State
from service.store import Snapshot

FRESH = Span(0, 0)  # of a series that is not carried yet


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done for one series."""

    unique_id: str
    carried: Carried | None
    grid: Grid
    plan: Plan
    journey: Journey
    append: Append | None  # to be remembered
    wanted: Wanted | None
    ahead: NDArray[np.float32]  # covariates of the steps behind the last [K, futr]


@dataclass(frozen=True, slots=True)
class Result:
    """What was done for one series; ``state`` has seen every step of ``span`` once."""

    job: Job
    state: State
    forecast: Forecast | None
    scores: Floats  # how unusual each point was that was applied

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
        )


def plan_all(pieces: Sequence[Piece], log: Snapshot | None) -> list[Job | ServiceError]:
    """Return what is to be done for each piece, or why nothing can.

    Args:
        pieces: all of one model; ids once each.
        log: the store, or None to work with these points alone.
    """
    live = pieces[0].terms.live
    ids = [piece.points.unique_id for piece in pieces]
    carried = {} if log is None else log.carried(live.name, live.version, ids)
    if log is not None:
        carried |= _sent_before(pieces, carried, log)
    jobs: list[Job | ServiceError] = []
    for piece in pieces:
        try:
            jobs.append(_plan_one(piece, carried.get(piece.points.unique_id), log))
        except ServiceError as error:
            jobs.append(error)
    return jobs


def walk(live: Live, jobs: Sequence[Job]) -> list[Result | ServiceError]:
    """Return what the model makes of the jobs, or that its numbers overflow."""
    if not jobs:
        return []
    states, unusual = carry(live.model, [job.journey for job in jobs])
    forecasts = _forecasts(live, jobs, states)
    results: list[Result | ServiceError] = []
    for job, state, one, all_scores in zip(
        jobs, states, forecasts, unusual, strict=True
    ):
        if np.isfinite(state).all() and (one is None or np.isfinite(one.values).all()):
            scores = all_scores[job.plan.steps - job.journey.begin]
            results.append(Result(job, state, one, scores))
        else:
            results.append(Unacceptable(_OVERFLOW, "y"))
    return results


def _forecasts(
    live: Live, jobs: Sequence[Job], states: NDArray[np.float32]
) -> list[Forecast | None]:
    """Return the forecasts that are wanted; those alike are made in one call."""
    alike: dict[Wanted, list[int]] = {}
    for row, job in enumerate(jobs):
        if job.wanted is not None:
            alike.setdefault(job.wanted, []).append(row)
    found: list[Forecast | None] = [None] * len(jobs)
    for wanted, rows in alike.items():
        ends = [(jobs[row].grid, jobs[row].plan.span.end) for row in rows]
        ahead = [jobs[row].ahead for row in rows]
        made = forecast(live.model, states[rows], ends, wanted, ahead)
        for row, one in zip(rows, made, strict=True):
            found[row] = one
    return found


_OVERFLOW = (
    "these values drive the model out of the range of its numbers, so nothing was "
    "stored; check their magnitude, or send them in another unit"
)


def _plan_one(piece: Piece, carried: Carried | None, log: Snapshot | None) -> Job:
    points, live, rules = piece.points, piece.terms.live, piece.terms.rules
    _refuse_misfits(live, points, carried, log)
    span = FRESH if carried is None else carried.span
    grid = None if carried is None else carried.grid
    earlier = None if carried is None else carried.append
    next_step = span.end if earlier is None else _retried(earlier, points)
    said = told(
        points.given, live.covariates, len(points.values), rules.horizon, live.name
    )
    placed = place(points, live.frequency, grid, next_step, said.rows)
    stored = _stored(placed, span, carried, log)
    planned = plan(placed, span, stored, rules.on_conflict, said.stat)
    skipped = check_gaps(planned.steps, span, rules.max_gap)
    piece.terms.allowance.take(points.unique_id, skipped)
    way = journey(placed.grid, carried, planned, log)
    append = None
    if earlier is None and rules.key is not None and _untimed(points):
        append = Append(rules.key, next_step, len(points.values))
    last = span.end if not len(placed.steps) else int(placed.steps[-1]) + 1
    ahead = said.ahead[planned.span.end - last :]
    return Job(
        points.unique_id,
        carried,
        placed.grid,
        planned,
        way,
        append,
        piece.terms.wanted,
        ahead,
    )


def _untimed(points: Points) -> bool:
    return points.times is None and len(points.values) > 0


def _sent_before(
    pieces: Sequence[Piece], carried: dict[str, Carried], log: Snapshot
) -> dict[str, Carried]:
    """Return the series that got values without times with their key before."""
    asked: dict[str, list[Carried]] = {}
    for piece in pieces:
        key, known = piece.terms.rules.key, carried.get(piece.points.unique_id)
        if key is not None and known is not None and _untimed(piece.points):
            asked.setdefault(key, []).append(known)
    found: dict[str, Carried] = {}
    for key, series in asked.items():
        appends = log.appends(key, [one.pk for one in series])
        found |= {
            one.unique_id: replace(one, append=appends[one.pk])
            for one in series
            if one.pk in appends
        }
    return found


def _retried(earlier: Append, points: Points) -> int:
    """Return where a retry's values go: where they went before."""
    if len(points.values) != earlier.count:
        raise Conflict(
            f"this key came with {earlier.count} values before, now with "
            f"{len(points.values)}; send a retry as it was, or a key of its own",
            "y",
        )
    return earlier.step


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
