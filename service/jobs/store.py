"""Jobs for those who ask for them: submit, look, cancel."""

import secrets
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from service.database import reading, written
from service.errors import Busy
from service.jobs import queries
from service.jobs.records import CANCELLED, PENDING, Job, Line, Order
from service.kinds import kind_of
from service.tables import jobs


def submit(
    engine: Engine, order: Order, most_pending: int, now: float | None = None
) -> Job:
    """Add a job, which the next worker that is free takes up.

    Args:
        engine: the database.
        order: what is to be done.
        most_pending: how many may wait.
        now: seconds since 1970; None asks the database.

    Raises:
        Busy: so many wait already.
        StoreFailure: the database cannot be written.
    """

    def add(connection: Connection) -> Job:
        waiting = connection.execute(queries.PENDING_COUNT).scalar_one()
        if waiting >= most_pending:
            raise Busy(
                f"{waiting} jobs wait already (max_pending_jobs); wait until some are "
                "done, or cancel them"
            )
        return submit_in(connection, order, now)

    return written(engine, add)


def submit_in(connection: Connection, order: Order, now: float | None = None) -> Job:
    """Add a job in a transaction that does more than that."""
    at = now_of(connection, now)
    row = {
        **{name: getattr(order, name) for name in Order.__slots__},
        "id": new_id(at),
        "state": PENDING,
        "progress": 0.0,
        "message": "",
        "created_at": at,
        "attempt": 0,
        "cut_off": 0,
    }
    made = connection.execute(jobs.insert().values(row).returning(jobs)).one()
    return queries.job_of(made)


def is_unfinished(connection: Connection, origin: str) -> bool:
    """Whether a job from there waits or runs."""
    found = connection.execute(queries.UNFINISHED_OF, {"origin": origin})
    return found.first() is not None


def get(engine: Engine, job: str) -> Job | None:
    """Return a job, None when there is none of that id."""
    with reading(engine) as connection:
        return _get(connection, job)


def lines(engine: Engine, job: str) -> list[Line]:
    """Return what is kept of what a job said, oldest first."""
    with reading(engine) as connection:
        found = connection.execute(queries.LINES, {"job": job})
        return [queries.line_of(row) for row in found]


def page(
    engine: Engine,
    limit: int,
    before: str | None = None,
    state: str | None = None,
    name: str | None = None,
) -> list[Job]:
    """Return up to ``limit`` jobs, newest first, older than the one ``before``."""
    query = queries.page(state, name, before).limit(limit)
    with reading(engine) as connection:
        return [queries.job_of(row) for row in connection.execute(query)]


def cancel(engine: Engine, job: str, now: float | None = None) -> Job | None:
    """Give a job up: at once where it waits, else its worker is told to.

    Returns:
        The job as it is then; None when there is none. One that has ended stays as it is.
    """

    def give_up(connection: Connection) -> Job | None:
        ended = {
            "state": CANCELLED,
            "cancel_requested": True,
            "finished_at": now_of(connection, now),
        }
        which = {"job": job}
        connection.execute(queries.HOLD, which)
        if connection.execute(queries.WITHDRAW.values(ended), which).rowcount == 0:
            connection.execute(queries.ASK_TO_END, which)
        return _get(connection, job)

    return written(engine, give_up)


def forget_old(engine: Engine, keep: int) -> int:
    """Forget the oldest jobs that have ended, but ``keep``; return how many."""
    return written(
        engine,
        lambda connection: (
            connection.execute(queries.FORGET_JOBS, {"keep": keep}).rowcount
        ),
    )


def now_of(connection: Connection, given: float | None = None) -> float:
    """Return the time given, or what it is by the clock that all share."""
    return kind_of(connection.engine).now(connection) if given is None else given


def new_id(at: float) -> str:
    """Return the id of a job that is made now; it sorts behind those made before.

    >>> new_id(0.5)[:-8]
    '19700101T000000500000Z-'
    """
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"


def _get(connection: Connection, job: str) -> Job | None:
    row = connection.execute(queries.ONE, {"job": job}).one_or_none()
    return None if row is None else queries.job_of(row)
