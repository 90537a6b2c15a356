"""Schedules as JSON, for HTTP and the command line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.jobs.records import Job
from service.jobs.views import time_of
from service.schedules.due import next_runs
from service.schedules.values import Kept, Seen, Sight, When


def shown(seen: Seen) -> dict[str, Any]:
    """Return a schedule as it is listed."""
    what, sight = seen.kept.schedule, seen.sight
    runs = next_runs(what, seen.kept.standing, sight.now)
    when = {name: getattr(what.when, name) for name in When.__slots__}
    return {
        "name": what.name,
        "kind": what.kind,
        "model": what.model,
        "spec": dict(what.spec),
        **when,
        "next_runs": [in_zone(run, what.when.timezone) for run in runs],
        "new_points": _new_points(seen.kept, sight),
        "last_job": _last_job(seen.kept, seen.job),
    }


def listed(seen: Sequence[Seen]) -> dict[str, Any]:
    """Return the list of schedules."""
    return {"schedules": [shown(one) for one in seen]}


def in_zone(moment: int, zone: str) -> str:
    """Return a time as ISO 8601, as clocks show it there.

    >>> in_zone(9000, "Asia/Kolkata")
    '1970-01-01T08:00:00+05:30'
    """
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).isoformat()


def _new_points(kept: Kept, sight: Sight) -> int | None:
    if kept.schedule.when.every_points is None or sight.points is None:
        return None
    return max(0, sight.points - (kept.standing.points or 0))


def _last_job(kept: Kept, job: Job | None) -> dict[str, Any] | None:
    if kept.job is None:
        return None
    return {
        "id": kept.job,
        "reason": kept.reason,
        "state": None if job is None else job.state,
        "created_at": None if job is None else time_of(job.created_at),
        "finished_at": None if job is None else time_of(job.finished_at),
    }
