"""One series of a request on its way: planned against the log, then walked and forecast.

`plan_all` reads, `walk` computes; in both, a series that cannot be served becomes a
refusal and leaves the others alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.carrying import Forecast, Journey, Live, Wanted, carry, forecast, journey
from service.errors import Conflict, Refusal, ServiceError, Unacceptable, UnknownSeries
from service.exog import told
from service.planning import (
    Counts,
    OnConflict,
    Placed,
    Plan,
    Points,
    Stored,
    check_gaps,
    format_step,
    frequency_of,
    place,
    plan,
    times_at,
)
from service.records import Append, Carried, Change, Floats, Grid, Span, State
from service.store import Snapshot

FRESH = Span(0, 0)  # of a series that is not carried yet


@dataclass(frozen=True, slots=True)
class Rules:
    """How the points of a request are taken."""

    on_conflict: OnConflict
    key: str | None  # the same for a request and its retries
    max_gap: int  # absent steps that one series may skip at once
    max_absent: int  # absent steps that all series of the request may skip
    horizon: int  # steps ahead that covariates may be given for


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done for one series."""

    unique_id: str
    carried: Carried | None
    grid: Grid
    plan: Plan
    journey: Journey
    append: Append | None  # to be remembered
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
    def times(self) -> list[Any]:
        """The times of the points that were applied."""
        grid = self.job.grid
        return frequency_of(grid.frequency).format(times_at(grid, self.job.plan.steps))

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


def plan_all(
    live: Live, asked: Sequence[Points], log: Snapshot | None, rules: Rules
) -> tuple[list[Job], list[Refusal]]:
    """Return what is to be done for each series, and the series for which nothing can.

    Args:
        live: the model.
        asked: points of each series; ids once each.
        log: the store, or None to work with these points alone.
        rules: how the points are taken.
    """
    ids = [points.unique_id for points in asked]
    carried = {} if log is None else log.carried(live.name, live.version, ids)
    if log is not None and rules.key is not None:
        carried |= _sent_before(asked, carried, log, rules.key)
    jobs, refusals, absent = [], [], 0
    for points in asked:
        try:
            job, skipped = _plan_one(
                live, points, carried.get(points.unique_id), log, rules, absent
            )
            absent += skipped
            jobs.append(job)
        except ServiceError as error:
            refusals.append(Refusal(points.unique_id, error))
    return jobs, refusals


def walk(
    live: Live, jobs: Sequence[Job], wanted: Wanted | None
) -> tuple[list[Result], list[Refusal]]:
    """Return what the model makes of the jobs, and those whose numbers overflow.

    Raises:
        Unacceptable: a level lies outside what the model knows.
    """
    if not jobs:
        return [], []
    states, unusual = carry(live.model, [job.journey for job in jobs])
    forecasts: list[Forecast | None] = [None] * len(jobs)
    if wanted is not None:
        ends = [(job.grid, job.plan.span.end) for job in jobs]
        ahead = [job.ahead for job in jobs]
        forecasts = [*forecast(live.model, states, ends, wanted, ahead)]
    results, refusals = [], []
    for job, state, one, all_scores in zip(
        jobs, states, forecasts, unusual, strict=True
    ):
        if np.isfinite(state).all() and (one is None or np.isfinite(one.values).all()):
            scores = all_scores[job.plan.steps - job.journey.begin]
            results.append(Result(job, state, one, scores))
        else:
            refusals.append(Refusal(job.unique_id, Unacceptable(_OVERFLOW, "y")))
    return results, refusals


_OVERFLOW = (
    "these values drive the model out of the range of its numbers, so nothing was "
    "stored; check their magnitude, or send them in another unit"
)


def _plan_one(
    live: Live,
    points: Points,
    carried: Carried | None,
    log: Snapshot | None,
    rules: Rules,
    absent: int,
) -> tuple[Job, int]:
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
    if absent + skipped > rules.max_absent:  # before they are laid out in memory
        raise Unacceptable(
            f"this request skips more than {rules.max_absent} absent steps in all "
            "(max_points); send fewer series or a shorter time at once"
        )
    way = journey(placed.grid, carried, planned, log)
    append = None
    if earlier is None and rules.key is not None and _untimed(points):
        append = Append(rules.key, next_step, len(points.values))
    last = span.end if not len(placed.steps) else int(placed.steps[-1]) + 1
    ahead = said.ahead[planned.span.end - last :]
    job = Job(points.unique_id, carried, placed.grid, planned, way, append, ahead)
    return job, skipped


def _untimed(points: Points) -> bool:
    return points.times is None and len(points.values) > 0


def _sent_before(
    asked: Sequence[Points], carried: dict[str, Carried], log: Snapshot, key: str
) -> dict[str, Carried]:
    """Return the series that got values without times with this key before."""
    known = [
        carried[points.unique_id]
        for points in asked
        if _untimed(points) and points.unique_id in carried
    ]
    found = log.appends(key, [one.pk for one in known])
    return {
        one.unique_id: replace(one, append=found[one.pk])
        for one in known
        if one.pk in found
    }


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
    covered = steps >= carried.span.first  # before that may lie all of history
    if not covered.any():
        return Stored(values)
    first, last = int(steps[covered][0]), int(steps[-1])
    known = log.values(carried.pk, first, last + 1)
    values[covered] = known[steps[covered] - first]
    return Stored(values, log.exog(carried.pk, first, last + 1))
