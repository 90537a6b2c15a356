"""Jobs for those who do them: claim one, keep it, end it.

Every write but the claim itself is about one *lease*, and does nothing once somebody else
has the job. So a worker that was away too long cannot end what another goes on with.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from service.database import reading, written
from service.jobs import queries
from service.jobs.records import (
    CANCELLED,
    FAILED,
    PENDING,
    RUNNING,
    Job,
    Lease,
    News,
)
from service.jobs.store import now_of
from service.kinds import kind_of
from service.tables import job_lines, jobs

MAX_CUT_OFF = 3  # then the job itself is what ends whoever does it
KEPT_LINES = 200
MAX_TEXT = 500  # characters of a line


def claim(
    engine: Engine, worker: str, lease_s: float, now: float | None = None
) -> Job | None:
    """Take the oldest job that nobody has in hand, and return it, if there is one.

    One whose worker is gone comes again, until that has happened too often.

    Args:
        engine: the database.
        worker: who takes it; no two are called the same, ever.
        lease_s: for how many seconds it is theirs, unless they renew that.
        now: seconds since 1970; None asks the database.
    """
    with reading(
        engine
    ) as connection:  # most often there is none, and nothing is written
        if _claimable(connection, now_of(connection, now)) is None:
            return None

    def take(connection: Connection) -> Job | None:
        kind_of(engine).hold_jobs(connection)
        at = now_of(connection, now)
        while (found := _claimable(connection, at)) is not None:
            wanted = _taken_up(found, worker, at, lease_s)
            seen = {"job": found.id, "seen": found.state, "of": found.attempt}
            taking = queries.TAKE.values(wanted).returning(jobs)
            row = connection.execute(taking, {**seen, "now": at}).one_or_none()
            if row is not None and row.state == RUNNING:
                return queries.job_of(row)
        return None

    return written(engine, take)


def renew(
    engine: Engine,
    lease: Lease,
    lease_s: float,
    news: News | None = None,
    now: float | None = None,
) -> bool:
    """Keep a job for as long again, and write down what it said; False: it is lost."""

    def write(connection: Connection) -> bool:
        at = now_of(connection, now)
        known: dict[str, Any] = {"lease_until": at + lease_s}
        if news is not None:
            share = min(max(news.progress, 0.0), 1.0)
            known |= {"progress": share, "message": _text(news.message)}
        if not _write(connection, lease, known):
            return False
        if news is not None and news.lines:
            _add_lines(connection, lease.job, news.lines, at)
        return True

    return written(engine, write)


def is_to_end(engine: Engine, lease: Lease) -> bool | None:
    """Whether somebody wants the job to be given up; None: it is lost."""
    with reading(engine) as connection:
        row = connection.execute(queries.ONE, {"job": lease.job}).one_or_none()
    if row is None or row.state != RUNNING or queries.job_of(row).lease != lease:
        return None
    return bool(row.cancel_requested)


def note_verdict(engine: Engine, lease: Lease, verdict: Mapping[str, Any]) -> bool:
    """Write down what came of a job, before anything is done about it; False: lost."""
    return written(engine, lambda c: _write(c, lease, {"verdict": dict(verdict)}))


def finish(
    engine: Engine,
    lease: Lease,
    state: str,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
    now: float | None = None,
) -> bool:
    """End a job, once; False: it was lost before."""

    def write(connection: Connection) -> bool:
        known: dict[str, Any] = {
            "state": state,
            "finished_at": now_of(connection, now),
            "result": None if result is None else dict(result),
            "error": None if error is None else _text(error),
        }
        if state != CANCELLED and error is None:
            known["progress"] = 1.0
        return _write(connection, lease, known)

    return written(engine, write)


def give_back(
    engine: Engine, lease: Lease, cut_off: str | None = None, now: float | None = None
) -> bool:
    """Let somebody else take a job up, unless it is to be cancelled; False: it was lost.

    Args:
        engine: the database.
        lease: whose it was.
        cut_off: why it broke off, where nobody meant it to. After too many of those it
            fails with that.
        now: seconds since 1970; None asks the database.
    """

    def write(connection: Connection) -> bool:
        row = connection.execute(queries.HOLD, {"job": lease.job}).one_or_none()
        if row is None:
            return False
        at, found = now_of(connection, now), queries.job_of(row)
        return _write(connection, lease, _afterwards(found, cut_off, at))

    return written(engine, write)


def _claimable(connection: Connection, at: float) -> Job | None:
    row = connection.execute(queries.CLAIMABLE, {"now": at}).one_or_none()
    return None if row is None else queries.job_of(row)


def _taken_up(found: Job, worker: str, at: float, lease_s: float) -> dict[str, Any]:
    """Return the columns of a job that is taken, or that has ended with its worker."""
    was_left = found.state == RUNNING
    if was_left:
        left = _afterwards(found, f"its worker {found.worker} was gone", at)
        if left["state"] != PENDING:
            return left
    return {
        "state": RUNNING,
        "worker": worker,
        "attempt": found.attempt + 1,
        "cut_off": found.cut_off + was_left,
        "started_at": at if found.started_at is None else found.started_at,
        "lease_until": at + lease_s,
    }


def _afterwards(found: Job, cut_off: str | None, at: float) -> dict[str, Any]:
    """Return the columns of a job that nobody has in hand any more."""
    if found.cancel_requested:
        return {"state": CANCELLED, "finished_at": at}
    times = found.cut_off + (cut_off is not None)
    if times >= MAX_CUT_OFF:
        why = _text(f"given up after {times} attempts that were cut off: {cut_off}")
        return {"state": FAILED, "finished_at": at, "cut_off": times, "error": why}
    return {"state": PENDING, "cut_off": times, "lease_until": None}


def _write(connection: Connection, lease: Lease, known: Mapping[str, Any]) -> bool:
    which = {"job": lease.job, "by": lease.worker, "of": lease.attempt}
    return connection.execute(queries.HELD.values(**known), which).rowcount > 0


def _add_lines(
    connection: Connection, job: str, lines: tuple[str, ...], at: float
) -> None:
    """Add lines to a job whose row is held; the oldest make room."""
    last = connection.execute(queries.LAST_LINE, {"job": job}).scalar() or 0
    newest = list(enumerate(lines, start=last + 1))[-KEPT_LINES:]
    connection.execute(
        job_lines.insert(),
        [
            {"job": job, "number": number, "at": at, "text": _text(line)}
            for number, line in newest
        ],
    )
    gone = last + len(lines) - KEPT_LINES
    connection.execute(queries.FORGET_LINES, {"of": job, "last": gone})


def _text(given: str) -> str:
    """Return a text that every database takes, and a page shows."""
    return given.replace("\x00", "")[:MAX_TEXT]
