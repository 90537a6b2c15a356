"""What comes of a job that watched: scores by day, kept; drift, noticed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from service import live_scores
from service.database import reading
from service.jobs.records import Job
from service.jobs.store import now_of


def keep(engine: Engine, job: Job, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the scores that a verdict holds, and return what came of the job.

    Once more it changes nothing: the days are the same.
    """
    with reading(engine) as connection:
        now = int(now_of(connection))
    name, version, days = job.order.name, str(verdict["version"]), verdict["days"]
    shadows = verdict.get("shadows", {})  # absent from one of an older release
    noticed = live_scores.keep(engine, name, version, days, now, shadows)
    return {
        "version": version,
        "days": len(days),
        "drifted": noticed,
        "shadows": {shadow: len(found) for shadow, found in shadows.items()},
        "left_out": verdict.get("left_out", {}),
        "forecasts": verdict.get("forecasts"),
    }
