"""Laws of the benchmarks of jobs: what must not happen would be seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from benchmarks import beside
from benchmarks.killed_jobs import Seen, _is_left, _rows
from benchmarks.plant import Plant
from benchmarks.streams import Streams
from forecaster.frequency import Frequency
from service.database import open_database, writing
from service.jobs import leases, store
from service.jobs.records import SUCCEEDED
from service.tables import jobs


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """A queue without workers."""
    url = f"sqlite:///{tmp_path}/x.db"
    engine = open_database(url)
    yield Plant(url, tmp_path, engine)
    engine.dispose()


def test_a_job_that_changes_after_its_end_is_seen(plant: Plant) -> None:
    """And one that never ends; nothing else is held against anybody."""
    plant.submit()
    seen = Seen()
    assert len(seen.look(plant)) == 1
    job = leases.claim(plant.engine, "w", 60)
    assert job is not None
    assert len(seen.look(plant)) == 1
    assert _is_left(plant, seen)
    leases.finish(plant.engine, job.lease, SUCCEEDED, {})
    assert seen.look(plant) == []
    assert seen.look(plant) == []
    assert (seen.changed, seen.doubled, _is_left(plant, seen)) == (0, 0, False)

    with writing(plant.engine) as connection:
        connection.execute(update(jobs).values(state="failed"))
    seen.look(plant)
    assert seen.changed == 1
    assert ("jobs that failed", "1") in _rows(plant, seen, 60.0)
    store.cancel(plant.engine, plant.submit().id)
    assert _is_left(plant, seen)


def test_answers_count_where_they_were_given() -> None:
    """Those while a job trained on one side, those without on the other."""
    streams = Streams(0, "demo", Frequency("h"), count=1)
    streams.tally.took = [(0.5, 1.0), (1.5, 30.0), (2.5, 2.0), (9.0, 500.0)]
    job = {"state": "cancelled"}
    text = beside._report(streams, [(0, 1), (2, 3)], [(1, 2)], [job])
    assert "| without a job | 2 | 1.5 |" in text
    assert "| while one trains | 1 | 30.0 |" in text
    assert "cancelled" in text
