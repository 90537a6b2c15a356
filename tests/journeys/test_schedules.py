"""A schedule with real clocks: a worker that runs makes its job."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.database import open_database
from service.jobs import store as jobs
from service.schedules import store
from service.schedules.values import Schedule, When

PATIENCE_S = 240.0  # for what takes a minute on a machine with nothing else to do


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database that a worker of its own looks after."""
    url = f"sqlite:///{tmp_path}/x.db"
    made = open_database(url)
    command = [sys.executable, "-m", "forecaster", "worker", "--database", url]
    worker = subprocess.Popen([*command, "--models-dir", str(tmp_path)])
    try:
        yield made
    finally:
        worker.terminate()
        assert worker.wait(PATIENCE_S) == 0
        made.dispose()


def test_a_job_each_minute(engine: Engine) -> None:
    """The next full minute by the real clock brings one job, which a worker takes up."""
    schedule = Schedule("often", "retrain", "absent", {}, When("* * * * *"))
    seen, _ = store.put(engine, schedule)
    due = seen.kept.standing.due
    assert due is not None
    until = time.monotonic() + PATIENCE_S
    while not (found := jobs.page(engine, 9)) or found[0].state == "pending":
        assert time.monotonic() < until
        time.sleep(0.2)

    (job,) = found
    assert job.created_at >= due
    assert job.order.origin == "schedule:often"
