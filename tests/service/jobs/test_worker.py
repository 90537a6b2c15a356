"""Laws of a worker: whatever is killed, a job ends once, and nothing outlives it."""

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from benchmarks.plant import (
    NAME,
    PATIENCE_S,
    Plant,
    is_there,
    kill,
    longer,
    planted,
    trainer_of,
)
from forecaster import registry
from forecaster.checkpoint import fingerprint
from forecaster.exog import Columns
from forecaster.manifest import read
from forecaster.panel import Panel
from forecaster.trial import trial_of
from service.database import writing
from service.history import panel_of
from service.jobs import store
from service.jobs.records import CANCELLED, FAILED, PENDING, RUNNING, SUCCEEDED, Job
from service.tables import series

pytestmark = pytest.mark.tf


@pytest.fixture
def plant(tmp_path: Path, tiny_models: Path, seasonal_panel: Panel) -> Iterator[Plant]:
    """A log that has gone on since `tiny` was trained, on SQLite."""
    url = f"sqlite:///{tmp_path}/x.db"
    with planted(url, tiny_models, tmp_path, longer(seasonal_panel)) as made:
        yield made


def is_training(job: Job) -> bool:
    """Whether its trainer is at work and has said so."""
    return job.state == RUNNING and job.progress > 0


def gone(pid: int) -> bool:
    """Whether a process ends within a while."""
    deadline = time.monotonic() + PATIENCE_S
    while is_there(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_there(pid)


def test_a_job_is_taken_up_again_whoever_is_killed(plant: Plant) -> None:
    """Worker and trainer by kill -9: it ends once, with a verdict, and none stays running.

    The second worker is told to end in between, and hands the job on at once; the third
    finds it without waiting for the lease. All learn from the same data, whatever comes
    meanwhile, so that the checkpoint of a training still fits.
    """
    then = panel_of(plant.engine, NAME, Columns())
    job = plant.submit(seed=1)
    with plant.worker() as first:
        plant.until(job, is_training)
        trainer = trainer_of(first.pid)
        assert trainer is not None
        kill(first.pid)
        assert gone(trainer)
    with writing(plant.engine) as connection:
        connection.execute(update(series).values(end_step=series.c.end_step + 24))
    assert fingerprint(panel_of(plant.engine, NAME, Columns())) != fingerprint(then)
    with plant.worker(job_lease_s=600) as second:
        again = plant.until(job, lambda job: job.attempt == 2)
        assert again.cut_off == 1
        while (trainer := trainer_of(second.pid)) is None:
            time.sleep(0.05)
        kill(trainer)
        plant.until(job, lambda job: job.attempt == 3)
        second.send_signal(signal.SIGTERM)
        assert second.wait(PATIENCE_S) == 0
    handed = plant.job(job)
    assert (handed.state, handed.cut_off) == (PENDING, 2)
    with plant.worker():
        ended = plant.until(job, lambda job: job.is_finished)

    assert (ended.state, ended.attempt, ended.error) == (SUCCEEDED, 4, None)
    assert ended.result is not None
    champion = registry.resolve(plant.models_dir, NAME).name
    assert ended.result["promoted"] == (champion == ended.result["version"])
    report = json.loads(Path(ended.result["report"]).read_text(encoding="utf-8"))
    assert report
    said = [line.text for line in store.lines(plant.engine, job.id)]
    assert any("decide" in line for line in said)
    champion, made = (ended.result[of] for of in ("champion", "version"))
    folder = plant.models_dir / NAME
    trial = trial_of(then, read(folder / champion), None)
    assert read(folder / made).data["fingerprint"] == fingerprint(trial.known)
    assert not list(folder.glob(".training-*"))


def test_a_running_job_is_cancelled(plant: Plant) -> None:
    """Its trainer is gone then, and the worker goes on to the next."""
    job, other = plant.submit(), plant.submit(windows=1_000)
    with plant.worker() as worker:
        plant.until(job, lambda job: trainer_of(worker.pid) is not None)
        trainer = trainer_of(worker.pid)
        store.cancel(plant.engine, job.id)
        ended = plant.until(job, lambda job: job.is_finished)
        assert (ended.state, ended.result) == (CANCELLED, None)
        assert trainer is not None
        assert gone(trainer)
        failed = plant.until(other, lambda job: job.is_finished)
    assert failed.state == FAILED  # a log that short has no such windows
    assert failed.error
    assert failed.attempt == 1


@pytest.mark.parametrize(
    ("limit", "said"), [("job_time_s", "job_time_s"), ("job_memory_mb", "MiB")]
)
def test_a_job_beyond_its_limits_fails_and_says_so(
    plant: Plant, limit: str, said: str
) -> None:
    """It is not tried again: the next attempt would need as much."""
    job = plant.submit()
    with plant.worker(**{limit: 1}):
        ended = plant.until(job, lambda job: job.is_finished)
    assert (ended.state, ended.attempt) == (FAILED, 1)
    assert ended.error is not None
    assert said in ended.error


def test_a_worker_that_hangs_loses_its_job_and_its_trainer(plant: Plant) -> None:
    """Stopped for longer than its lease, another ends the job; then it changes nothing."""
    job = plant.submit()
    with plant.worker() as hangs:
        plant.until(job, lambda job: trainer_of(hangs.pid) is not None)
        trainer = trainer_of(hangs.pid)
        assert trainer is not None
        hangs.send_signal(signal.SIGSTOP)
        assert gone(trainer)  # nobody told it any more that it may live
        assert plant.job(job).state == RUNNING
        with plant.worker():
            ended = plant.until(job, lambda job: job.is_finished)
            hangs.send_signal(signal.SIGCONT)
            next_job = plant.submit(windows=1_000)
            plant.until(next_job, lambda job: job.is_finished)
    assert plant.job(job) == ended
    assert ended.attempt >= 2


def test_kills_at_random_moments_leave_no_job_behind(plant: Plant) -> None:
    """Some of a worker, some of a trainer: all jobs end, succeeded or given up."""
    rng = random.Random(5)
    jobs = [plant.submit(seed=seed) for seed in range(2)]
    for _ in range(4):
        worker = plant.start(job_lease_s=3)
        time.sleep(rng.uniform(0, 8))
        trainer = trainer_of(worker.pid)
        kill(worker.pid if trainer is None or rng.random() < 0.5 else trainer)
        if worker.poll() is None and rng.random() < 0.5:
            time.sleep(rng.uniform(0, 4))
        worker.kill()
        worker.wait()
    with plant.worker():
        for job in jobs:
            ended = plant.until(job, lambda job: job.is_finished)
            assert ended.state in (SUCCEEDED, FAILED)
