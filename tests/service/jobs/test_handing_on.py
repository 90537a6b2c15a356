"""Laws of a worker beside training: what was decided is done, databases may be away."""

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.plant import NAME, PATIENCE_S, Plant, planted
from forecaster import registry
from forecaster.panel import Panel
from forecaster.succession import appoint
from service.jobs import leases
from service.jobs.records import SUCCEEDED, Job
from tests.postgresql import Server
from tests.service.conftest import add_version


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a champion that nobody loads."""
    add_version(tmp_path / "made", NAME)
    return tmp_path / "made"


def decided(plant: Plant, **verdict: Any) -> Job:
    """A job whose worker was killed after its trainer had come to a verdict."""
    job = plant.submit()
    claimed = leases.claim(plant.engine, "killed", 1.0)
    assert claimed is not None
    leases.note_verdict(plant.engine, claimed.lease, verdict)
    return job


@pytest.mark.parametrize("meanwhile", ["nothing", "another champion"])
def test_what_was_decided_is_done_by_whoever_comes_next(
    database: str,
    tmp_path: Path,
    models: Path,
    seasonal_panel: Panel,
    meanwhile: str,
) -> None:
    """Nothing is trained again, and nobody's choice of a champion since is undone."""
    with planted(database, models, tmp_path, seasonal_panel) as plant:
        _check_what_was_decided(plant, meanwhile)


def _check_what_was_decided(plant: Plant, meanwhile: str) -> None:
    champion = registry.resolve(plant.models_dir, "tiny").name
    better = "29990101T000000Z-1a2b"
    for version in (better, "29990101T000001Z-1a2b"):
        shutil.copytree(
            plant.models_dir / "tiny" / champion, plant.models_dir / "tiny" / version
        )
    job = decided(plant, promote=True, version=better, champion=champion)
    if meanwhile != "nothing":
        appoint(plant.models_dir, "tiny", version)
    with plant.worker():
        ended = plant.until(job, lambda job: job.is_finished)

    is_free = meanwhile == "nothing"
    assert ended.state == SUCCEEDED
    assert ended.result is not None
    assert ended.result["promoted"] is is_free
    now = registry.resolve(plant.models_dir, "tiny").name
    assert now == (better if is_free else version)
    assert len(registry.versions(plant.models_dir, "tiny")) == 3


def test_a_worker_outlives_its_database(
    postgresql_server: Server, tmp_path: Path, models: Path, seasonal_panel: Panel
) -> None:
    """A server that is away for a while: the same worker does the next job then."""
    url = postgresql_server.emptied()
    with planted(url, models, tmp_path, seasonal_panel) as plant, plant.worker():
        first = decided(plant, promote=False)
        done = plant.until(first, lambda job: job.is_finished)
        postgresql_server.stop()
        try:
            time.sleep(3.0)  # it looks for jobs meanwhile
        finally:
            postgresql_server.start()
        plant.engine.dispose()
        second = decided(plant, promote=False)
        again = plant.until(second, lambda job: job.is_finished)
    assert (again.state, again.worker) == (SUCCEEDED, done.worker)


def test_a_worker_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    """It neither ends nor loses patience, and works once there is one; then SIGTERM."""
    url = f"postgresql+psycopg://nobody@/x?host={tmp_path}"  # nobody listens
    with Plant(url, tmp_path, None).worker() as worker:  # type: ignore[arg-type]
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(3)
        worker.terminate()
        # By the signal itself, if that came before it could listen.
        assert worker.wait(PATIENCE_S) in (0, -signal.SIGTERM)
