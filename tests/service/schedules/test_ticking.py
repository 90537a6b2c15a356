"""Laws of schedules in the store: a job when it is due, whoever looks, and never two."""

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from service import tables
from service.database import open_database, writing
from service.errors import Unacceptable
from service.jobs import leases
from service.jobs import store as jobs
from service.jobs.records import SUCCEEDED, Job
from service.schedules import store
from service.schedules.ticking import run_due
from service.schedules.values import Kept, Schedule, When
from service.telemetry import new_log

BEGIN = 1_760_000_000.0  # 8:53:20 in the morning
HOUR_S = 3600.0
HOURLY = Schedule("hourly", "retrain", "demo", {"seed": 3}, When("0 * * * *"))


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An empty database of each kind."""
    made = open_database(database)
    yield made
    made.dispose()


def due(engine: Engine, now: float) -> list[Job]:
    """The jobs that a worker makes who looks then."""
    return run_due(engine, new_log(io.StringIO()), now)


def kept(engine: Engine, name: str = "hourly") -> Kept:
    """The schedule as the store has it."""
    return next(
        one.kept for one in store.look(engine) if one.kept.schedule.name == name
    )


def finish(engine: Engine, job: Job, now: float) -> None:
    """A worker does the job."""
    claimed = leases.claim(engine, "w", 60.0, now)
    assert claimed is not None
    assert claimed.id == job.id
    assert leases.finish(engine, claimed.lease, SUCCEEDED, {}, now=now)


def observed(engine: Engine, points: int, name: str = "demo") -> None:
    """A series of the model has so many points."""
    row: dict[str, Any] = {"name": name, "unique_id": "a", "frequency": "h"}
    row |= {"start": 0, "first_step": -1, "end_step": points - 1, "revision": 0}
    with writing(engine) as connection:
        known = tables.series.c.name == name
        moved = update(tables.series).where(known).values(end_step=points - 1)
        if connection.execute(moved).rowcount == 0:
            connection.execute(insert(tables.series).values(row))


def test_a_schedule_comes_back_as_it_was_put(engine: Engine) -> None:
    """All of it; put again it is not new, and nothing of where it stands has changed."""
    when = When("30 2 * * *", "Europe/Berlin", 100, True, 600)
    wanted = Schedule("n", "retrain", "demo", {"margin": 0.1, "seed": None}, when)

    first, is_new = store.put(engine, wanted, BEGIN)
    again, is_newer = store.put(engine, wanted, BEGIN + 99 * HOUR_S)

    assert (is_new, is_newer) == (True, False)
    assert first.kept.schedule == again.kept.schedule == wanted
    assert again.kept.standing == first.kept.standing
    assert [one.kept.schedule for one in store.look(engine)] == [wanted]


def test_a_job_when_it_is_due(engine: Engine) -> None:
    """Before, none; then one, as the schedule says; and none again until the next time."""
    store.put(engine, HOURLY, BEGIN)
    assert due(engine, BEGIN + 60) == []

    (job,) = due(engine, BEGIN + HOUR_S)

    assert job.order.name == "demo"
    assert (job.order.kind, job.order.origin) == ("retrain", "schedule:hourly")
    assert job.order.spec == {"seed": 3}
    assert (kept(engine).job, kept(engine).reason) == (job.id, "by the clock")
    finish(engine, job, BEGIN + HOUR_S)
    assert due(engine, BEGIN + HOUR_S + 60) == []
    assert len(due(engine, BEGIN + 2 * HOUR_S)) == 1


def test_never_two_unfinished_jobs(engine: Engine) -> None:
    """What was missed while one was not finished is made up for once, when it is."""
    store.put(engine, HOURLY, BEGIN)
    (job,) = due(engine, BEGIN + HOUR_S)
    assert [due(engine, BEGIN + hour * HOUR_S) for hour in range(2, 6)] == [[]] * 4

    finish(engine, job, BEGIN + 6 * HOUR_S)

    assert len(due(engine, BEGIN + 6 * HOUR_S + 1)) == 1
    assert due(engine, BEGIN + 6 * HOUR_S + 2) == []


def test_many_workers_make_one_job(engine: Engine) -> None:
    """Workers that look at the same moment, with one database: one of them makes it."""
    store.put(engine, HOURLY, BEGIN)
    made: list[Job] = []
    gate = threading.Barrier(4)

    def look() -> None:
        gate.wait()
        made.extend(due(engine, BEGIN + HOUR_S))

    workers = [threading.Thread(target=look) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(made) == 1
    assert [one.id for one in jobs.page(engine, 9)] == [made[0].id]


def test_who_looked_before_a_change_does_nothing(engine: Engine) -> None:
    """A schedule that was put anew, or dropped and put, is not moved by an old look."""
    for is_dropped in (False, True):
        store.put(engine, HOURLY, BEGIN)
        looked = kept(engine)
        if is_dropped:
            assert store.drop(engine, "hourly")
        store.put(engine, HOURLY, BEGIN)

        assert store.move(engine, looked, looked.standing, "late") is None
    assert jobs.page(engine, 9) == []


def test_what_was_before_another_time_does_not_count(engine: Engine) -> None:
    """A schedule of another time is not late for the time it had before."""
    store.put(engine, HOURLY, BEGIN)
    daily = replace(HOURLY, when=When("0 0 * * *"))
    store.put(engine, daily, BEGIN + 2 * HOUR_S)

    assert due(engine, BEGIN + 3 * HOUR_S) == []
    assert len(due(engine, BEGIN + 24 * HOUR_S)) == 1


def test_so_many_new_points(engine: Engine) -> None:
    """Points of all series of the model since the schedule was put, or last ran."""
    observed(engine, 40)
    by_points = Schedule("p", "retrain", "demo", {}, When(every_points=10))
    store.put(engine, by_points, BEGIN)
    observed(engine, 1_000, "other")
    observed(engine, 49)
    assert due(engine, BEGIN + 1) == []

    observed(engine, 53)
    (job,) = due(engine, BEGIN + 2)
    finish(engine, job, BEGIN + 3)

    assert kept(engine, "p").reason == "13 new points"
    assert due(engine, BEGIN + 4) == []
    observed(engine, 63)
    assert len(due(engine, BEGIN + 5)) == 1


def test_one_that_cannot_be_followed_harms_no_other(engine: Engine) -> None:
    """A zone that this machine does not know is told of, and the others run."""
    lost = replace(HOURLY, name="a", when=When("0 * * * *", "Nowhere/Land"))
    with writing(engine) as connection:
        row = {**store.queries.row_of(lost), "due": 1, "since": 1, "mark": "m"}
        connection.execute(insert(tables.schedules).values(row))
    store.put(engine, HOURLY, BEGIN)
    told = io.StringIO()

    made = run_due(engine, new_log(told), BEGIN + HOUR_S)

    assert [job.order.origin for job in made] == ["schedule:hourly"]
    assert "Nowhere/Land" in told.getvalue()


def test_dropped(engine: Engine) -> None:
    """It makes no more jobs; to drop it again is to find none."""
    store.put(engine, HOURLY, BEGIN)
    assert store.drop(engine, "hourly")
    assert not store.drop(engine, "hourly")
    assert due(engine, BEGIN + HOUR_S) == []


def test_only_so_many(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is refused; one that is there can be changed."""
    monkeypatch.setattr(store, "MOST", 1)
    store.put(engine, HOURLY, BEGIN)
    with pytest.raises(Unacceptable, match="1 schedules"):
        store.put(engine, replace(HOURLY, name="b"), BEGIN)
    assert not store.put(engine, HOURLY, BEGIN)[1]
