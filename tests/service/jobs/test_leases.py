"""Laws of the queue: a job is one worker's at a time, and ends once."""

import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from service.database import open_database, reading, written
from service.errors import Busy
from service.jobs import leases, store
from service.jobs.records import (
    CANCELLED,
    FAILED,
    PENDING,
    RUNNING,
    SUCCEEDED,
    Job,
    News,
    Order,
)

LEASE_S = 30.0
MANY = 1_000


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An empty database of each kind."""
    made = open_database(database)
    yield made
    made.dispose()


def submitted(engine: Engine, name: str = "demo", now: float = 0.0) -> Job:
    """A job that waits."""
    order = Order("retrain", name, {"seed": 1}, "http")
    return store.submit(engine, order, MANY, now)


def claimed(engine: Engine, worker: str = "w", now: float = 1.0) -> Job:
    """The job that a worker gets, which there must be."""
    job = leases.claim(engine, worker, LEASE_S, now)
    assert job is not None
    return job


def found(engine: Engine, job: Job) -> Job:
    """The job as it is now."""
    now = store.get(engine, job.id)
    assert now is not None
    return now


def test_a_job_comes_back_as_it_was_asked_for(engine: Engine) -> None:
    """It waits, with its order, and nothing has come of it."""
    job = submitted(engine)

    assert job == found(engine, job)
    assert job.order == Order("retrain", "demo", {"seed": 1}, "http")
    assert (job.state, job.attempt, job.result, job.verdict) == (PENDING, 0, None, None)
    assert store.get(engine, "absent") is None


def test_jobs_are_taken_up_in_the_order_they_came(engine: Engine) -> None:
    """The oldest first, each once, and then there is none."""
    ids = [submitted(engine, f"m{i}", float(i)).id for i in range(4)]

    assert [claimed(engine).id for _ in ids] == ids
    assert leases.claim(engine, "w", LEASE_S, 1.0) is None


def _claim_all(url: str, worker: str, gate: Any, taken: Any) -> None:
    engine = open_database(url)
    gate.wait()
    while (job := leases.claim(engine, worker, 3_600.0)) is not None:
        taken.put((job.id, worker))
    taken.put(None)
    engine.dispose()


def test_two_workers_never_get_one_job(database: str) -> None:
    """Processes that take up jobs as quickly as they can share them out."""
    engine = open_database(database)
    ids = {submitted(engine, f"m{i}").id for i in range(60)}
    context = multiprocessing.get_context("spawn")
    gate, taken = context.Barrier(3), context.Queue()
    workers = [
        context.Process(target=_claim_all, args=(database, f"w{i}", gate, taken))
        for i in range(3)
    ]
    for worker in workers:
        worker.start()
    got, ended = [], 0
    while ended < len(workers):
        one = taken.get(timeout=120)
        ended += one is None
        got += [one] if one else []
    for worker in workers:
        worker.join()

    assert sorted(job for job, _ in got) == sorted(ids)
    for job, worker in got:
        kept = store.get(engine, job)
        assert kept is not None
        assert (kept.worker, kept.attempt) == (worker, 1)
    engine.dispose()


def test_one_model_is_trained_by_one_job_at_a_time(engine: Engine) -> None:
    """The next of its jobs waits until the first has ended; other models do not."""
    first, second = submitted(engine, "a", 0.0), submitted(engine, "a", 0.1)
    other = submitted(engine, "b", 0.2)

    running = claimed(engine)
    assert running.id == first.id
    assert claimed(engine).id == other.id
    assert leases.claim(engine, "w", LEASE_S, 2.0) is None
    leases.finish(engine, running.lease, SUCCEEDED, now=3.0)
    assert claimed(engine, now=4.0).id == second.id


def test_a_lease_that_is_renewed_is_not_taken(engine: Engine) -> None:
    """Until it runs out, counted from the last time."""
    submitted(engine)
    job = claimed(engine, "a", 0.0)

    assert leases.renew(engine, job.lease, LEASE_S, now=LEASE_S - 1)
    assert leases.claim(engine, "b", LEASE_S, 2 * LEASE_S - 2) is None
    taken = claimed(engine, "b", 2 * LEASE_S)
    assert (taken.id, taken.attempt, taken.cut_off) == (job.id, 2, 1)


def test_who_lost_a_job_can_write_nothing_of_it(engine: Engine) -> None:
    """No heartbeat, no line, no verdict and no end of a worker that is too late counts."""
    submitted(engine)
    late = claimed(engine, "same", 0.0).lease
    job = claimed(engine, "same", LEASE_S + 1)  # even if called the same
    before = found(engine, job)

    news = News(0.9, "wrong", ("wrong",))
    assert not leases.renew(engine, late, LEASE_S, news, 40.0)
    assert not leases.note_verdict(engine, late, {"promote": True})
    assert not leases.finish(engine, late, SUCCEEDED, {"wrong": 1}, now=40.0)
    assert not leases.give_back(engine, late, "wrong", 40.0)
    assert leases.is_to_end(engine, late) is None
    assert found(engine, job) == before
    assert store.lines(engine, job.id) == []


def test_a_job_ends_once(engine: Engine) -> None:
    """What is written about it afterwards, by whomever, changes nothing."""
    submitted(engine)
    lease = claimed(engine).lease
    assert leases.finish(engine, lease, SUCCEEDED, {"version": "v"}, now=5.0)
    ended = store.get(engine, lease.job)
    assert ended is not None
    assert (ended.state, ended.result, ended.progress) == (
        "succeeded",
        {"version": "v"},
        1,
    )

    assert not leases.finish(engine, lease, FAILED, error="no", now=6.0)
    assert not leases.renew(engine, lease, LEASE_S, now=6.0)
    assert not leases.give_back(engine, lease, "no", 6.0)
    assert store.cancel(engine, lease.job, 6.0) == ended
    assert leases.claim(engine, "b", LEASE_S, 1e6) is None


@pytest.mark.parametrize("way", ["worker", "child"])
def test_a_job_that_is_cut_off_again_and_again_fails(engine: Engine, way: str) -> None:
    """It is tried so many times, whoever is killed, and says why it was given up."""
    job, now = submitted(engine), 0.0
    for attempt in range(1, leases.MAX_CUT_OFF + 1):
        assert claimed(engine, f"w{attempt}", now).attempt == attempt
        if way == "child":
            lease = found(engine, job).lease
            assert leases.give_back(engine, lease, "killed by signal 9", now)
        now += LEASE_S + 1

    assert leases.claim(engine, "last", LEASE_S, now) is None
    ended = found(engine, job)
    assert ended.state == FAILED
    assert ended.error is not None
    assert f"after {leases.MAX_CUT_OFF} attempts" in ended.error


def test_to_be_given_back_costs_a_job_nothing(engine: Engine) -> None:
    """A worker that is told to end hands its job on, as often as that happens."""
    job = submitted(engine)
    for attempt in range(1, 3 * leases.MAX_CUT_OFF):
        assert leases.give_back(engine, claimed(engine, f"w{attempt}").lease, now=2.0)
    kept = found(engine, job)
    assert (kept.state, kept.cut_off) == (PENDING, 0)


def test_a_job_that_waits_is_cancelled_at_once(engine: Engine) -> None:
    """And nobody takes it up."""
    job = store.cancel(engine, submitted(engine).id, 5.0)

    assert job is not None
    assert (job.state, job.finished_at) == (CANCELLED, 5.0)
    assert leases.claim(engine, "w", LEASE_S, 6.0) is None
    assert store.cancel(engine, "absent") is None


def test_who_runs_a_job_hears_that_it_is_cancelled(engine: Engine) -> None:
    """It is theirs until they end it."""
    submitted(engine)
    lease = claimed(engine).lease
    assert leases.is_to_end(engine, lease) is False

    job = store.cancel(engine, lease.job, 5.0)
    assert job is not None
    assert job.state == RUNNING
    assert leases.is_to_end(engine, lease) is True
    assert leases.finish(engine, lease, CANCELLED, now=6.0)


@pytest.mark.parametrize("way", ["given back", "killed"])
def test_a_cancelled_job_is_not_begun_again(engine: Engine, way: str) -> None:
    """However its worker ended."""
    job = submitted(engine)
    lease = claimed(engine, now=0.0).lease
    store.cancel(engine, job.id, 1.0)
    if way == "given back":
        leases.give_back(engine, lease, now=2.0)

    assert leases.claim(engine, "b", LEASE_S, 2 * LEASE_S) is None
    assert found(engine, job).state == CANCELLED


def test_of_what_a_job_says_the_newest_is_kept(engine: Engine) -> None:
    """In order, however much it says, with progress and the last message."""
    submitted(engine)
    lease = claimed(engine).lease
    kept = leases.KEPT_LINES
    for begin in range(0, 3 * kept, kept // 2):
        said = tuple(f"line {begin + i}" for i in range(kept // 2))
        assert leases.renew(engine, lease, LEASE_S, News(0.5, said[-1], said), 2.0)

    lines = store.lines(engine, lease.job)
    assert [line.number for line in lines] == list(range(2 * kept + 1, 3 * kept + 1))
    assert lines[-1].text == f"line {3 * kept - 1}"
    job = store.get(engine, lease.job)
    assert job is not None
    assert (job.progress, job.message) == (0.5, lines[-1].text)


def test_pages_of_jobs_hold_each_once(engine: Engine) -> None:
    """Newest first, also those of one model or state alone."""
    made = [submitted(engine, f"m{i % 2}", float(i)) for i in range(7)]
    ids = [job.id for job in made][::-1]
    store.cancel(engine, ids[0], 10.0)

    seen: list[str] = []
    while page := store.page(engine, 3, seen[-1] if seen else None):
        seen += [job.id for job in page]
    assert seen == ids
    assert [job.id for job in store.page(engine, 9, state=CANCELLED)] == ids[:1]
    assert [job.id for job in store.page(engine, 9, name="m1")] == ids[1::2]


def test_only_so_many_jobs_wait(engine: Engine) -> None:
    """One more is refused, until one is taken up."""
    order = Order("retrain", "demo", {}, "cli")
    for _ in range(2):
        store.submit(engine, order, 2)
    with pytest.raises(Busy, match="max_pending_jobs"):
        store.submit(engine, order, 2)
    claimed(engine)
    store.submit(engine, order, 2)


def test_old_jobs_are_forgotten_but_none_that_is_unfinished(engine: Engine) -> None:
    """With what they said; the newest stay."""
    waits = submitted(engine, "z", 0.0)
    ended = []
    for i in range(5):
        job = submitted(engine, f"m{i}", 1.0 + i)
        store.cancel(engine, job.id)
        ended.append(job.id)

    assert store.forget_old(engine, 2) == 3
    left = [job.id for job in store.page(engine, 9)]
    assert left == [*ended[:2:-1], waits.id]
    assert store.forget_old(engine, 2) == 0


def test_who_asked_is_known_while_a_job_is_unfinished(engine: Engine) -> None:
    """So that a schedule asks for one at a time."""
    order = Order("retrain", "demo", {}, "schedule:night")
    job = written(engine, lambda connection: store.submit_in(connection, order))
    for ended in (False, True):
        with reading(engine) as connection:
            assert store.is_unfinished(connection, order.origin) is not ended
        store.cancel(engine, job.id)
