"""What a worker does about schedules now and then: make the jobs that are due.

Any number of workers may do so: a schedule is moved on and its job made in one
transaction, by whoever comes first.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from service.errors import StoreFailure
from service.jobs.records import Job
from service.schedules import store
from service.schedules.due import decide
from service.schedules.values import Seen

Log = Any  # structlog's loggers gain their methods at run time


LOOK_S = 5.0  # cron knows minutes


def ticking(engine: Engine, settings: object, log: Log) -> Callable[[float], None]:
    """Return what a worker is to call every second or so."""
    looked_at = -LOOK_S

    def tick(_: float) -> None:
        nonlocal looked_at
        if time.monotonic() - looked_at >= LOOK_S:
            looked_at = time.monotonic()
            run_due(engine, log)

    return tick


def run_due(engine: Engine, log: Log, now: float | None = None) -> list[Job]:
    """Make the jobs of all schedules that are due, and return them.

    Args:
        engine: the database.
        log: told of each job, and of a schedule that cannot be followed.
        now: seconds since 1970; None asks the database.

    Raises:
        StoreFailure: the database does not answer.
    """
    made = []
    for seen in store.look(engine, now):
        try:
            job = _follow(engine, seen, log)
        except StoreFailure:
            raise
        except Exception as error:  # the others go on
            log.exception("schedule", schedule=seen.kept.schedule.name, exc_info=error)
            continue
        if job is not None:
            made.append(job)
    return made


def _follow(engine: Engine, seen: Seen, log: Log) -> Job | None:
    what, standing = seen.kept.schedule, seen.kept.standing
    reason, then = decide(what, standing, seen.sight)
    if reason is None and then == standing:
        return None
    job = store.move(engine, seen.kept, then, reason)
    if job is not None:
        log.info("schedule", schedule=what.name, job=job.id, reason=reason)
    return job
