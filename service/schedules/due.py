"""When a schedule runs. Clocks are arguments, and may be wrong.

A run that was missed, because nothing was running or its last job went on for long, is
made up for once, however many it were. A clock that is set back by less than an hour makes
nothing run again; one that was wrong by more is believed again as soon as it is right.
"""

import hashlib
from zoneinfo import ZoneInfo

from service.schedules.cron import times
from service.schedules.values import Schedule, Sight, Standing

# Clocks of machines, and of one that is set right, differ by less; who last ran later
# than that from now did so by a clock that was wrong.
AHEAD_S = 3600


def next_due(schedule: Schedule, after: int) -> int | None:
    """Return the next time by the clock of a schedule, without jitter.

    >>> from service.schedules.values import When
    >>> nightly = Schedule("n", "retrain", "m", {}, When("30 2 * * *"))
    >>> next_due(nightly, 0), next_due(nightly, 9000)
    (9000, 95400)
    """
    when = schedule.when
    if when.cron is None:
        return None
    return next(times(when.cron, ZoneInfo(when.timezone), after), None)


def jitter(schedule: Schedule, due: int) -> int:
    """Return how many seconds late a run is: the same whoever asks, however often."""
    said = f"{schedule.name} {due}".encode()
    drawn = int.from_bytes(hashlib.sha256(said).digest()[:8])
    return drawn % (schedule.when.jitter_s + 1)


def begun(schedule: Schedule, sight: Sight) -> Standing:
    """Return the standing of a schedule that is new."""
    return Standing(next_due(schedule, sight.now), sight.now, sight.points)


def decide(
    schedule: Schedule, standing: Standing, sight: Sight
) -> tuple[str | None, Standing]:
    """Return why a job is to be made now, if one is, and how the schedule stands then.

    >>> from service.schedules.values import When
    >>> nightly = Schedule("n", "retrain", "m", {}, When("30 2 * * *"))
    >>> decide(nightly, Standing(due=9000, since=0), Sight(now=8999))
    (None, Standing(due=9000, since=0, points=None))
    >>> decide(nightly, Standing(due=9000, since=0), Sight(now=9000))
    ('by the clock', Standing(due=95400, since=9000, points=None))
    """
    standing = _mended(schedule, standing, sight)
    reason = None if sight.is_busy else _reason(schedule, standing, sight)
    if reason is None:
        return None, standing
    # A run for other reasons leaves the clock alone, unless it was due too.
    is_late = standing.due is not None and standing.due <= sight.now
    due = next_due(schedule, sight.now) if is_late else standing.due
    points = standing.points if sight.points is None else sight.points
    return reason, Standing(due, sight.now, points)


def next_runs(
    schedule: Schedule, standing: Standing, now: int, count: int = 3
) -> list[int]:
    """Return when a schedule runs next by its clock, jitter included."""
    runs: list[int] = []
    due = standing.due
    while due is not None and len(runs) < count:
        runs.append(max(now, due + jitter(schedule, due)))
        due = next_due(schedule, runs[-1])
    return runs


def _mended(schedule: Schedule, standing: Standing, sight: Sight) -> Standing:
    """Return the standing without what a wrong clock, or a deleted series, did to it."""
    since = standing.since if standing.since <= sight.now + AHEAD_S else sight.now
    ahead = next_due(schedule, max(sight.now, since))
    dues = [due for due in (standing.due, ahead) if due is not None]
    points = standing.points
    if points is None or (sight.points is not None and sight.points < points):
        points = sight.points
    return Standing(min(dues, default=None), since, points)


def _reason(schedule: Schedule, standing: Standing, sight: Sight) -> str | None:
    when, due = schedule.when, standing.due
    if due is not None and due + jitter(schedule, due) <= sight.now:
        return "by the clock"
    if when.every_points is not None and sight.points is not None:
        new = sight.points - (standing.points or 0)
        if new >= when.every_points:
            return f"{new} new points"
    has_drifted = sight.drifted_at is not None and sight.drifted_at > standing.since
    return "errors have drifted" if when.on_drift and has_drifted else None
