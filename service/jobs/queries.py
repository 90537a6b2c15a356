"""The statements about jobs, and what their rows mean."""

from typing import Any

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from service.jobs.records import PENDING, RUNNING, UNFINISHED, Job, Line, Order
from service.tables import job_lines, jobs

_other = jobs.alias()
# Two trainings of one model would stand in each other's way: one at a time.
_name_is_taken = exists().where(
    _other.c.name == jobs.c.name,
    _other.c.state == RUNNING,
    _other.c.lease_until >= bindparam("now"),
)
_is_free = or_(
    jobs.c.state == PENDING,
    and_(jobs.c.state == RUNNING, jobs.c.lease_until < bindparam("now")),
)
CLAIMABLE = select(jobs).where(_is_free, ~_name_is_taken).order_by(jobs.c.id).limit(1)
TAKE = update(jobs).where(  # if nobody moved it since
    jobs.c.id == bindparam("job"),
    jobs.c.state == bindparam("seen"),
    jobs.c.attempt == bindparam("of"),
    _is_free,
)
HELD = update(jobs).where(  # it is still theirs who write about it
    jobs.c.id == bindparam("job"),
    jobs.c.state == RUNNING,
    jobs.c.worker == bindparam("by"),
    jobs.c.attempt == bindparam("of"),
)
ONE = select(jobs).where(jobs.c.id == bindparam("job"))
HOLD = ONE.with_for_update()  # on SQLite a writer is alone
WITHDRAW = update(jobs).where(jobs.c.id == bindparam("job"), jobs.c.state == PENDING)
ASK_TO_END = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.state == RUNNING)
    .values(cancel_requested=True)
)
PENDING_COUNT = select(func.count()).select_from(jobs).where(jobs.c.state == PENDING)
UNFINISHED_OF = select(jobs.c.id).where(
    jobs.c.state.in_(UNFINISHED), jobs.c.origin == bindparam("origin")
)
LINES = (
    select(job_lines)
    .where(job_lines.c.job == bindparam("job"))
    .order_by(job_lines.c.number)
)
LAST_LINE = select(func.max(job_lines.c.number)).where(
    job_lines.c.job == bindparam("job")
)
FORGET_LINES = delete(job_lines).where(
    job_lines.c.job == bindparam("of"), job_lines.c.number <= bindparam("last")
)
_oldest_kept = (
    select(jobs.c.id)
    .where(jobs.c.state.not_in(UNFINISHED))
    .order_by(jobs.c.id.desc())
    .offset(bindparam("keep"))
    .limit(1)
    .scalar_subquery()
)
FORGET_JOBS = delete(jobs).where(
    jobs.c.state.not_in(UNFINISHED), jobs.c.id <= _oldest_kept
)


def page(state: str | None, name: str | None, before: str | None) -> Select[Any]:
    """Return the query of jobs, newest first, older than the one ``before``."""
    query = select(jobs).order_by(jobs.c.id.desc())
    for column, wanted in ((jobs.c.state, state), (jobs.c.name, name)):
        if wanted is not None:
            query = query.where(column == wanted)
    return query if before is None else query.where(jobs.c.id < before)


def job_of(row: Any) -> Job:
    """Return the job that a row is."""
    known = dict(row._mapping)
    order = Order(*(known.pop(name) for name in Order.__slots__))
    return Job(order=order, **known)


def line_of(row: Any) -> Line:
    """Return the line that a row is."""
    return Line(row.number, row.at, row.text)
