"""The statements about schedules, and what their rows mean."""

import secrets
from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from service.jobs.records import UNFINISHED
from service.schedules.values import Kept, Schedule, Standing, When
from service.tables import jobs, schedules, series

ALL = select(schedules).order_by(schedules.c.name)
COUNT = select(func.count()).select_from(schedules)
ONE = select(schedules).where(schedules.c.name == bindparam("wanted"))
HOLD = ONE.with_for_update()  # on SQLite a writer is alone
REPLACE = update(schedules).where(schedules.c.name == bindparam("wanted"))
MOVE = update(schedules).where(  # if nobody changed it since
    schedules.c.name == bindparam("wanted"), schedules.c.mark == bindparam("seen")
)
DROP = delete(schedules).where(schedules.c.name == bindparam("wanted"))
# Steps that the log covers; those that were pruned count on.
POINTS = select(
    func.coalesce(func.sum(series.c.end_step - series.c.first_step), 0)
).where(series.c.name == bindparam("model"))

JOBS = select(jobs).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
BUSY = select(jobs.c.origin).where(jobs.c.state.in_(UNFINISHED))


def kept_of(row: Any) -> Kept:
    """Return the schedule that a row is, and how far it has come."""
    known = row._mapping
    when = When(*(known[name] for name in When.__slots__))
    schedule = Schedule(row.name, row.kind, row.model, row.spec, when)
    standing = Standing(row.due, row.since, row.points)
    return Kept(schedule, standing, row.mark, row.job, row.reason)


def row_of(schedule: Schedule) -> dict[str, Any]:
    """Return the columns of what a schedule is."""
    return {
        "name": schedule.name,
        "kind": schedule.kind,
        "model": schedule.model,
        "spec": dict(schedule.spec),
        **asdict(schedule.when),
    }


def standing_of(standing: Standing) -> dict[str, Any]:
    """Return the columns of how far it has come; who looked before is told apart."""
    return {**asdict(standing), "mark": secrets.token_hex(8)}
