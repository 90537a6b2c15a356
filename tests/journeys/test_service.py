"""The service as users meet it: gunicorn, a trained model, restarts in the middle."""

import os
import signal
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster.artifact import Artifact
from forecaster.frequency import Frequency
from forecaster.streaming import advance_series, forecast_series
from tests.journeys.conftest import Server

pytestmark = pytest.mark.tf
MONTHLY = Frequency("MS")
BEGIN = np.datetime64("1900-01-01", "us")


def history(length: int) -> list[float | None]:
    """A season of twelve with noise, a level that drifts, and missing values."""
    rng = np.random.default_rng(3)
    steps = np.arange(length)
    values = (
        20 + 5 * np.sin(2 * np.pi * steps / 12) + rng.normal(0, 1, length).cumsum() / 9
    )
    missing = rng.random(length) < 0.05
    return [
        None if gone else round(float(v), 3)
        for v, gone in zip(values, missing, strict=True)
    ]


def entry(
    unique_id: str, values: Sequence[float | None], begin: int = 0
) -> dict[str, Any]:
    """One series of a body: values from a month on."""
    times = MONTHLY.times(BEGIN, begin + np.arange(len(values)))
    return {"unique_id": unique_id, "ds": MONTHLY.format(times), "y": list(values)}


def numbers(forecast: dict[str, Any]) -> np.ndarray:
    """All numbers of a forecast [1 + Q, H]."""
    return np.array([forecast["median"], *forecast["quantiles"].values()])


def replay(model: Artifact, values: Sequence[float | None]) -> np.ndarray:
    """The forecast after one pass over the whole history, in this process [Q, H]."""
    array = np.array(values, dtype=np.float64)
    state = advance_series(model, model.initial_state(1), [array], [BEGIN])
    last = MONTHLY.times(BEGIN, np.array([len(values) - 1]))
    return forecast_series(model, state, last, model.manifest.horizon)[0].T


def test_carrying_is_replaying_over_http_and_restarts(
    start_server: Callable[..., Server], tiny_artifact: Artifact
) -> None:
    """One by one, in chunks of any size, and all at once: one and the same forecast."""
    values = history(500)
    rng = np.random.default_rng(5)
    cuts = [0, *sorted(rng.choice(np.arange(1, 500), 40, replace=False).tolist()), 500]
    chunks = list(pairwise(cuts))
    server = start_server()
    server.wait_for("/health/ready", 200)
    for month in range(250):
        server.post("/observe", {"series": entry("single", [values[month]], month)})
    for begin, end in chunks[:20]:
        server.post("/observe", {"series": entry("chunks", values[begin:end], begin)})
    assert server.stop() == 0

    server = start_server()
    server.wait_for("/health/ready", 200)
    for month in range(250, 500):
        server.post("/observe", {"series": entry("single", [values[month]], month)})
    for begin, end in chunks[20:]:
        server.post("/observe", {"series": entry("chunks", values[begin:end], begin)})
    ids = ("single", "chunks")
    answer = server.post(
        "/predict",
        {"series": [{"unique_id": i} for i in ids] + [entry("at once", values)]},
    )

    expected = replay(tiny_artifact, values)
    assert answer["errors"] == []
    assert [one["state"]["seq"] for one in answer["forecasts"]] == [500] * 3
    for one in answer["forecasts"]:
        np.testing.assert_allclose(numbers(one)[1:], expected, rtol=1e-5)


def test_a_planted_outlier_is_told_from_ordinary_points(
    start_server: Callable[..., Server],
) -> None:
    """Its score is the highest; missing and first points have none."""
    values = history(200)
    values[150], values[151] = 400.0, None
    server = start_server()
    server.wait_for("/health/ready", 200)
    server.post("/observe", {"series": entry("a", values[:100])})
    answer = server.post("/predict", {"series": entry("a", values[100:], 100)})
    found = answer["forecasts"][0]["anomaly"]
    assert len(found["ds"]) == len(found["score"]) == 100
    assert found["score"][51] is None
    known = [score for score in found["score"] if score is not None]
    assert all(0.0 <= score <= 1.0 for score in known)
    assert max(known) == found["score"][50] > 0.99

    again = server.post("/observe", {"series": entry("b", values[:20])})
    assert again["series"][0]["anomaly"]["score"][0] is None


def test_a_long_history_in_one_body_is_the_same_as_in_many(
    start_server: Callable[..., Server], tiny_artifact: Artifact
) -> None:
    """Twenty thousand points: at once, and in a thousand at a time."""
    values = history(20_000)
    server = start_server()
    server.wait_for("/health/ready", 200)
    at_once = server.post("/predict", {"series": entry("once", values)})
    for begin in range(0, 20_000, 1_000):
        part = values[begin : begin + 1_000]
        many = server.post("/predict", {"series": entry("many", part, begin)})

    expected = replay(tiny_artifact, values)
    for answer in (at_once, many):
        assert answer["forecasts"][0]["state"]["seq"] == 20_000
        np.testing.assert_allclose(
            numbers(answer["forecasts"][0])[1:], expected, rtol=1e-5
        )


def test_the_second_request_sends_new_points_only(
    start_server: Callable[..., Server],
) -> None:
    """The state grows by exactly those, a retry by none, and levels have names."""
    server = start_server(workers=2)
    server.wait_for("/health/ready", 200)
    values = history(60)
    body = {"series": entry("store 1/β", values[:48]), "h": 18, "level": [80, 95]}
    first = server.post("/predict", body)["forecasts"][0]
    body["series"] = entry("store 1/β", values[48:], 48)
    second = server.post("/predict", body)["forecasts"][0]
    again = server.post("/predict", body)["forecasts"][0]

    assert first["state"]["seq"] == first["state"]["applied"] == 48
    assert second["state"]["seq"] == 60
    assert second["state"]["applied"] == 12
    assert (again["state"]["applied"], again["state"]["duplicates"]) == (0, 12)
    assert again["median"] == second["median"]
    assert len(second["ds"]) == len(second["median"]) == 18
    assert second["ds"][0] == "1905-01-01T00:00:00"
    assert list(second["intervals"]) == ["lo-80", "hi-80", "lo-95", "hi-95"]
    assert np.all(
        np.diff(
            [second["intervals"][k] for k in ("lo-95", "lo-80", "hi-80", "hi-95")],
            axis=0,
        )
        >= 0
    )

    path = "/series/store%201%2F%CE%B2"
    status, shown = server.call("GET", path)
    assert (status, shown["count"], shown["recent"]["y"][-1]) == (200, 60, values[-1])
    assert (
        server.call("GET", path + "/forecast?h=18&level=80,95")[1]["median"]
        == second["median"]
    )
    assert server.call("DELETE", path)[0] == 204
    assert server.call("GET", path)[0] == 404


def test_without_a_model_the_service_starts_and_says_so(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    """It lives, is not ready, and serves as soon as a model is there."""
    server = start_server(models_dir=tmp_path / "none")
    server.wait_for("/health/live", 200)
    problem = server.wait_for("/health/ready", 503)

    assert "forecaster train" in problem["detail"]
    assert server.call("POST", "/predict", {"series": entry("a", [1.0])})[0] == 503
    assert server.call("GET", "/models") == (200, {"models": []})


@pytest.mark.parametrize(
    ("database", "status", "line"),
    [
        ("mysql://host/x", 2, "Error: database: expected sqlite:///FILE"),
        ("sqlite:////proc/x/y.db", 2, "Error: database: the folder of /proc/x/y.db"),
        ("sqlite:////proc/y.db", 2, "Error: database: expected a file of SQLite"),
    ],
)
def test_a_database_of_no_use_ends_the_server(
    start_server: Callable[..., Server], database: str, status: int, line: str
) -> None:
    """At once, with one line and no traceback."""
    server = start_server(database=database)
    assert server.process.wait(timeout=60) == status
    assert line in server.read_log()
    assert "Traceback" not in server.read_log()


def test_a_killed_worker_loses_nothing(start_server: Callable[..., Server]) -> None:
    """What was answered with 200 is there for the next worker; requests wait for it."""
    server = start_server()
    server.wait_for("/health/ready", 200)
    server.post("/observe", {"series": entry("a", [1.0, 2.0, 3.0])})
    worker = int(server.read_log().rsplit("Booting worker with pid: ", 1)[1].split()[0])
    os.kill(worker, signal.SIGKILL)

    answer = server.post("/observe", {"series": entry("a", [3.0, 4.0], 2)})
    assert answer["series"][0]["state"] == {
        "seq": 4,
        "last_ds": "1900-04-01T00:00:00",
        "applied": 1,
        "duplicates": 1,
        "ignored": 0,
    }
