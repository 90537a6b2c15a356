"""Laws of what is pinned of a job: it learns from the same data as long as there are any."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from forecaster.checkpoint import fingerprint
from forecaster.exog import Columns
from forecaster.settings import load
from service.database import writing
from service.history import ends_of, panel_of
from service.jobs import leases, pinned, store
from service.jobs.records import SUCCEEDED, Order
from service.jobs.ticking import Stop
from service.jobs.worker import Worker
from service.tables import series
from service.telemetry import new_log
from tests.service.keeping import VALUES, Bench

NAME = "demo"


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """A service that has seen two series, on each kind of database."""
    made = Bench(database)
    made.send(VALUES[:50], unique_id="a")
    made.send(VALUES[:60], unique_id="b")
    yield made
    made.store.close()


def learned(bench: Bench, models_dir: Path) -> str:
    """What an attempt of the job learns from."""
    place = pinned.place_of(models_dir, NAME, "job")
    ends = pinned.ends(place, bench.database, NAME)
    return fingerprint(panel_of(bench.database, NAME, Columns(), ends))


def now(bench: Bench) -> str:
    """What there is to learn from now."""
    return fingerprint(panel_of(bench.database, NAME, Columns()))


def test_every_attempt_learns_from_the_same_data(bench: Bench, tmp_path: Path) -> None:
    """Whatever comes, in those series and in others."""
    first = learned(bench, tmp_path)
    assert first == now(bench)
    bench.send(VALUES[50:70], first=50, unique_id="a")
    bench.send(VALUES[:70], unique_id="c")
    assert learned(bench, tmp_path) == first != now(bench)


@pytest.mark.parametrize("gone", [["a"], ["a", "b"]])
def test_where_series_are_gone_it_learns_from_what_there_is(
    bench: Bench, tmp_path: Path, gone: list[str]
) -> None:
    """Deleted, or replaced by an import; from then on that is pinned."""
    learned(bench, tmp_path)
    bench.send(VALUES[60:70], first=60, unique_id="b")
    for unique_id in gone:
        assert bench.store.drop(NAME, unique_id)
        bench.send(VALUES[:80], unique_id=unique_id)
    again = learned(bench, tmp_path)
    assert again == now(bench)
    bench.send(VALUES[80:90], first=80, unique_id="a")
    assert learned(bench, tmp_path) == again


def test_of_logs_that_were_pruned_beyond_it_learns_too(
    bench: Bench, tmp_path: Path
) -> None:
    """Retention keeps newer steps than those that were pinned."""
    learned(bench, tmp_path)
    bench.send(VALUES[50:300], first=50, unique_id="a")
    bench.send(VALUES[60:300], first=60, unique_id="b")
    with writing(bench.database) as connection:
        connection.execute(update(series).values(pruned=100))
    assert learned(bench, tmp_path) == now(bench)


def test_it_is_kept_until_there_is_a_verdict(bench: Bench, tmp_path: Path) -> None:
    """Then nobody learns any more, and whoever goes on with the verdict forgets it."""
    engine = bench.database
    job = store.submit(engine, Order("retrain", NAME, {}, "cli"), 9)
    place = pinned.place_of(tmp_path, NAME, job.id)
    taken = leases.claim(engine, "killed", 60)
    assert taken is not None
    pinned.ends(place, engine, NAME)
    verdict = {"version": None, "champion": "v1", "promote": False}
    assert leases.note_verdict(engine, taken.lease, verdict)
    assert leases.give_back(engine, taken.lease)
    assert place.read() is not None
    url = engine.url.render_as_string(hide_password=False)
    about = {"models_dir": str(tmp_path), "database": url}
    settings = load(about, environ={}, file=tmp_path / "absent.toml")
    assert Worker(engine, settings, Stop(), new_log(io.StringIO())).turn()
    ended = store.get(engine, job.id)
    assert ended is not None
    assert ended.state == SUCCEEDED
    assert place.read() is None
    assert ends_of(engine, NAME)
