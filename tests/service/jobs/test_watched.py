"""Laws of jobs of kind watch: scores are kept for all to see, and change nothing else."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient

from benchmarks.plant import NAME, Plant, longer, planted
from forecaster import registry
from forecaster.artifact import load
from forecaster.covariates import Covariates
from forecaster.manifest import FILE_NAME, read
from forecaster.panel import Panel
from forecaster.watching import watch
from service.app import service_of
from service.database import open_database
from service.history import panel_of
from service.jobs import store
from service.jobs.records import SUCCEEDED, Order
from service.live_scores import keep, newest
from service.schedules import store as schedules
from service.schedules.ticking import run_due
from service.schedules.values import Schedule, When
from service.telemetry import new_log


@pytest.fixture
def plant(tmp_path: Path, tiny_models: Path, seasonal_panel: Panel) -> Iterator[Plant]:
    """A log that has gone on since `tiny` was trained, on SQLite."""
    url = f"sqlite:///{tmp_path}/x.db"
    with planted(url, tiny_models, tmp_path, longer(seasonal_panel)) as made:
        yield made


@pytest.mark.tf
def test_the_champion_is_watched(plant: Plant) -> None:
    """A worker scores what came since the training, as a replay of the log does."""
    before = registry.aliases(plant.models_dir, NAME)
    job = store.submit(plant.engine, Order("watch", NAME, {}, "cli"), 9)
    with plant.worker():
        done = plant.until(job, lambda job: job.is_finished)

    assert done.state == SUCCEEDED, done.error
    folder = registry.resolve(plant.models_dir, NAME)
    columns = Covariates.read(read(folder).covariates).names
    days = watch(load(folder), panel_of(plant.engine, NAME, columns))
    kept = newest(plant.engine, NAME, 99)
    assert days
    assert done.result == {
        "version": folder.name,
        "days": len(days),
        "drifted": [],
        "shadows": {},
        "left_out": {},
        "forecasts": None,
    }
    assert [(one.version, one.day, one.count) for one in kept] == [
        (folder.name, day.day, day.count) for day in reversed(days)
    ]
    for one, day in zip(kept, reversed(days), strict=True):
        assert one.scores == pytest.approx(dict(day.scores), rel=1e-4)
    assert registry.aliases(plant.models_dir, NAME) == before


def shadowed(models_dir: Path, alias: str, version: str) -> None:
    """Put a copy of the champion beside it."""
    folder = registry.resolve(models_dir, NAME)
    shutil.copytree(folder, folder.with_name(version))
    made = replace(read(folder), version=version)
    (folder.with_name(version) / FILE_NAME).write_text(made.to_json())
    registry.set_alias(models_dir, NAME, alias, version)


@pytest.mark.tf
def test_versions_beside_the_champion_are_watched(plant: Plant) -> None:
    """A copy of the champion scores the same; a damaged one is left out; both are told."""
    copy, broken = "29990101T000000Z-1a2b", "29990101T000001Z-1a2b"
    shadowed(plant.models_dir, "challenger", copy)
    shadowed(plant.models_dir, "previous", broken)
    champion = registry.resolve(plant.models_dir, NAME)
    (champion.with_name(broken) / "saved_model" / "saved_model.pb").write_bytes(b"?")
    job = store.submit(plant.engine, Order("watch", NAME, {}, "cli"), 9)
    with plant.worker():
        done = plant.until(job, lambda job: job.is_finished)

    assert done.state == SUCCEEDED, done.error
    assert done.result is not None
    days = done.result["days"]
    assert days > 0
    assert done.result["shadows"] == {copy: days}
    assert list(done.result["left_out"]) == [broken]
    said = [line.text for line in store.lines(plant.engine, job.id)]
    assert any(line.startswith(f"left out: {broken}: ") for line in said)
    kept = newest(plant.engine, NAME, 2 * days)
    of_copy = [(one.day, one.scores) for one in kept if one.version == copy]
    assert of_copy == [(one.day, one.scores) for one in kept if one.version != copy]
    assert len(of_copy) == days
    frame = pd.read_parquet(done.result["forecasts"])
    assert Path(done.result["forecasts"]).parent == champion.parent / "reports"
    np.testing.assert_array_equal(frame[copy], frame[champion.name])
    assert broken not in frame
    assert len(frame) == sum(one.count for one in kept if one.version == copy) * 12
    assert len(registry.versions(plant.models_dir, NAME)) == 3


def test_drift_starts_a_retraining(database: str) -> None:
    """Once drift is noticed, a schedule that waits for it makes one job."""
    engine = open_database(database)
    wanted = Schedule("d", "retrain", "demo", {}, When(on_drift=True))
    schedules.put(engine, wanted, 1_000)
    days = [
        {"day": str(number), "count": 1, "scores": {"mase": 1.0 + (number > 60)}}
        for number in range(50, 65)
    ]
    log = new_log(io.StringIO())
    keep(engine, "demo", "v1", days[:10], 1_100)
    assert run_due(engine, log, 1_200) == []

    assert keep(engine, "demo", "v1", days, 1_300)

    (job,) = run_due(engine, log, 1_400)
    assert job.order == Order("retrain", "demo", {}, "schedule:d")
    (seen,) = schedules.look(engine, 1_500)
    assert seen.kept.reason == "errors have drifted"
    assert run_due(engine, log, 1_500) == []
    engine.dispose()


def test_what_is_shown(app: Flask, client: FlaskClient) -> None:
    """GET /models/{name} has the newest days, /metrics the newest, and when it drifted."""
    assert client.get("/models/demo").get_json()["watched"] == []
    scores = {"mase": 1.5, "wql": 0.2, "coverage-80": 0.75, "coverage-95": None}
    days = [
        {"day": f"2024-05-{d:02}", "count": 3, "scores": scores} for d in range(1, 9)
    ]
    worse = {"day": "2024-05-09", "count": 3, "scores": {**scores, "mase": 9.0}}
    keep(service_of(app).store._engine, "demo", "v1", [*days, worse], 77)

    shown = client.get("/models/demo").get_json()["watched"]
    assert [one["day"] for one in shown] == [f"2024-05-{d:02}" for d in range(9, 0, -1)]
    assert shown[0]["scores"]["mase"] == 9.0
    assert [one["noticed_at"] for one in shown] == [77, *[None] * 8]
    told = client.get("/metrics").get_data(as_text=True)
    labels = 'measure="mase",model="demo",version="v1"'
    assert f"forecaster_live_score{{{labels}}} 9.0" in told
    assert 'forecaster_drift_timestamp_seconds{model="demo"} 77.0' in told


def test_what_is_taken(client: FlaskClient) -> None:
    """A watch takes no wishes of a retraining; a retraining may wait for drift."""
    wrong = client.post("/jobs", json={"kind": "watch", "name": "demo", "margin": 0.1})
    assert wrong.status_code == 422
    assert wrong.get_json()["errors"][0]["loc"] == "margin"
    right = client.post("/jobs", json={"kind": "watch", "name": "demo"})
    assert right.status_code == 202
    put = {"kind": "watch", "cron": "@hourly"}
    assert client.put("/schedules/w", json=put).status_code == 201
    put = {"kind": "retrain", "on_drift": True}
    assert client.put("/schedules/d", json=put).get_json()["on_drift"] is True
