"""Schedules in the store: put, looked at, dropped, and moved on with the job they make."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from service import live_scores
from service.database import reading, written
from service.errors import Contended, Unacceptable
from service.jobs import store as jobs
from service.jobs.queries import job_of
from service.jobs.records import Job, Order
from service.queries import insert_into
from service.schedules import queries
from service.schedules.due import begun
from service.schedules.values import Kept, Schedule, Seen, Sight, Standing
from service.tables import schedules

MOST = 100  # all of them are looked at every few seconds


def put(
    engine: Engine, schedule: Schedule, now: float | None = None
) -> tuple[Seen, bool]:
    """Add a schedule, or change the one of that name; and whether it is a new one.

    One that runs when it ran before stays where it stands, so that to put it again
    changes nothing. Of any other, what was before does not count.

    Args:
        engine: the database.
        schedule: what it is to be; all of it was checked.
        now: seconds since 1970; None asks the database.

    Raises:
        Unacceptable: there are too many.
        StoreFailure: the database cannot be written.
    """

    wanted = {"wanted": schedule.name}

    def change(connection: Connection) -> tuple[Seen, bool]:
        at = int(jobs.now_of(connection, now))
        fresh = begun(
            schedule, Sight(at, _points(connection, [schedule]).get(schedule.model))
        )
        row = {**queries.row_of(schedule), **queries.standing_of(fresh)}
        found = connection.execute(queries.HOLD, wanted).one_or_none()
        if found is None:
            _add(connection, row)
        else:
            before = queries.kept_of(found)
            if _runs_alike(before.schedule, schedule):
                row |= queries.standing_of(before.standing)
            connection.execute(queries.REPLACE.values(**row), wanted)
        put = queries.kept_of(connection.execute(queries.ONE, wanted).one())
        return _seen(connection, [put], now)[0], found is None

    return written(engine, change)


def look(engine: Engine, now: float | None = None) -> list[Seen]:
    """Return all schedules, by name, each with what is the case now."""
    with reading(engine) as connection:
        found = [queries.kept_of(row) for row in connection.execute(queries.ALL)]
        return _seen(connection, found, now)


def drop(engine: Engine, name: str) -> bool:
    """Forget a schedule, whether there was one; the job it made last goes on."""
    return written(
        engine,
        lambda connection: (
            connection.execute(queries.DROP, {"wanted": name}).rowcount > 0
        ),
    )


def move(
    engine: Engine, seen: Kept, standing: Standing, reason: str | None
) -> Job | None:
    """Move a schedule on, and where there is a reason make its job: both or neither.

    Nothing is done where somebody else changed it since.
    """
    which = {"wanted": seen.schedule.name, "seen": seen.mark}

    def both(connection: Connection) -> Job | None:
        moved = queries.MOVE.values(**queries.standing_of(standing))
        if connection.execute(moved, which).rowcount == 0 or reason is None:
            return None
        what = seen.schedule
        order = Order(what.kind, what.model, what.spec, _origin(seen))
        job = jobs.submit_in(connection, order)
        made = queries.REPLACE.values(job=job.id, reason=reason)
        connection.execute(made, which)
        return job

    return written(engine, both)


def _seen(
    connection: Connection, found: Sequence[Kept], now: float | None
) -> list[Seen]:
    if not found:
        return []
    at = int(jobs.now_of(connection, now))
    busy = set(connection.execute(queries.BUSY).scalars())
    points = _points(connection, [kept.schedule for kept in found])
    drifted = live_scores.drifted(connection)
    made = {"ids": [kept.job for kept in found if kept.job is not None]}
    last = {row.id: job_of(row) for row in connection.execute(queries.JOBS, made)}
    return [
        Seen(
            kept,
            Sight(
                at,
                points.get(kept.schedule.model),
                drifted.get(kept.schedule.model),
                _origin(kept) in busy,
            ),
            last.get(kept.job or ""),
        )
        for kept in found
    ]


def _add(connection: Connection, row: dict[str, Any]) -> None:
    if connection.execute(queries.COUNT).scalar_one() >= MOST:
        raise Unacceptable(f"there are {MOST} schedules already; delete some")
    inserted = insert_into(connection, schedules).on_conflict_do_nothing()
    added = inserted.values(**row).returning(schedules.c.name)
    if connection.execute(added).first() is None:
        raise Contended("somebody else put it at the same time; try again")


def _points(connection: Connection, all_: Sequence[Schedule]) -> dict[str, int]:
    """Return how many points models have that a schedule counts."""
    counted = {one.model for one in all_ if one.when.every_points is not None}
    return {
        model: int(connection.execute(queries.POINTS, {"model": model}).scalar_one())
        for model in counted
    }


def _origin(kept: Kept) -> str:
    return f"schedule:{kept.schedule.name}"


def _runs_alike(before: Schedule, after: Schedule) -> bool:
    return (before.model, before.when) == (after.model, after.when)
