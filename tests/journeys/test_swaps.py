"""Versions that take over while a service answers: over HTTP, from the command line."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.altered import alone, altered, versions_like
from benchmarks.streams import Streams, distances
from forecaster import registry
from forecaster.artifact import load
from forecaster.canary import answers_for
from forecaster.frequency import Frequency
from tests.forecaster import test_proving as proving
from tests.journeys.conftest import Server
from tests.journeys.test_keeping import run_verb
from tests.journeys.test_service import entry, history, numbers

pytestmark = pytest.mark.tf
PATIENCE_S = 240
SHARE = 0.5
IN_A_ROW = 100  # answers, after which no process is thought to answer otherwise
CLOSE = 1e-5  # beside the largest number of a forecast
DAMAGES = {
    "flipped bit": "flipped bit",
    "truncated file": "truncated graph",
    "missing variable": "missing variable",
    "NaN weights": "NaN",
    "wrong signature": "wrong type",
    "half-copied folder": "half copied",
    "foreign manifest": "foreign manifest",
}


@pytest.fixture
def models(tiny_models: Path, tmp_path: Path) -> Path:
    """A models folder of its own, with the trained version as champion of `tiny`."""
    alone(registry.resolve(tiny_models, "tiny"), tmp_path / "models")
    return tmp_path / "models"


def until_live(server: Server, version: str, workers: int) -> None:
    """Wait until so many processes answer with a version."""
    line = f'forecaster_model_live{{model="tiny",version="{version}"}} {workers}.0'
    deadline = time.monotonic() + PATIENCE_S
    while line not in server.call("GET", "/metrics")[1]:
        assert time.monotonic() < deadline, server.read_log()
        time.sleep(0.1)


def promote(server: Server, version: str, name: str = "tiny") -> dict[str, Any]:
    """Promote over HTTP."""
    body = {"version": version}
    found: dict[str, Any] = server.post(f"/models/{name}/promote", body)
    return found


def under_load(server: Server) -> tuple[Server, Streams]:
    """A service that is ready, and streams that go on until they are stopped."""
    server.wait_for("/health/ready", 200)
    streams = Streams(server.port, "tiny", Frequency("MS"), count=32)
    streams.begin(30)
    streams.start(rate=40)
    return server, streams


def test_no_answer_fails_or_mixes_versions(
    start_server: Callable[..., Server], models: Path
) -> None:
    """Under a steady load, whoever promotes: each forecast is that of the version it names."""
    folder = registry.resolve(models, "tiny")
    old, new, newest = versions_like(folder, 2)
    server, streams = under_load(start_server(models, workers=2))
    try:
        assert promote(server, new)["previous"] == old
        until_live(server, new, 2)
        run_verb("models", "promote", "tiny", newest, folder=models.parent)
        until_live(server, newest, 2)
        for version in (new, newest):
            answer = server.post("/models/tiny/rollback", None)
            assert answer["version"] == version
            until_live(server, version, 2)
    finally:
        streams.stop()

    assert streams.tally.failures == []
    assert {one.version for one in streams.tally.told} == {old, new, newest}
    for version in (old, new, newest):
        told = [one for one in streams.tally.told if one.version == version]
        model = load(folder.parent / version)
        assert distances(told, model, streams).max() <= CLOSE
        others = [one for one in streams.tally.told if one.version != version]
        assert distances(others, model, streams).min() > 10 * CLOSE


def test_a_canary_answers_for_its_share_alone(
    start_server: Callable[..., Server], models: Path
) -> None:
    """Under a steady load, in every worker, begun over HTTP and ended by command line."""
    folder = registry.resolve(models, "tiny")
    old, new, _ = versions_like(folder, 2)
    server, streams = under_load(start_server(models, workers=2))
    try:
        trial = {"version": new, "share": SHARE}
        begun = server.call("PUT", "/models/tiny/canary", trial)
        assert begun[0] == 200, begun
        mine = {one for one in range(32) if answers_for("tiny", f"s{one}", SHARE)}
        until_answered(server, [f"s{one}" for one in mine], new)
        seen = len(streams.tally.told)
        until_told(streams, seen + 200)
        last = streams.tally.told[seen:]
        run_verb("models", "canary", "tiny", "--stop", folder=models.parent)
        until_answered(server, [f"s{one}" for one in mine], old)
    finally:
        streams.stop()

    assert streams.tally.failures == []
    assert {one.series for one in last if one.version == new} == mine
    assert {one.series for one in last if one.version == old} == {*range(32)} - mine
    for version in (old, new):
        told = [one for one in streams.tally.told if one.version == version]
        model = load(folder.parent / version)
        assert distances(told, model, streams).max() <= CLOSE


def until_answered(server: Server, ids: list[str], version: str) -> None:
    """Wait until every process answers for these series with a version."""
    deadline = time.monotonic() + PATIENCE_S
    in_a_row = 0
    while in_a_row < IN_A_ROW:
        for one in ids:
            answer = server.call("GET", f"/series/{one}/forecast")[1]
            in_a_row = in_a_row + 1 if answer["model"]["version"] == version else 0
        assert time.monotonic() < deadline, server.read_log()


def until_told(streams: Streams, count: int) -> None:
    """Wait until so many answers have come."""
    deadline = time.monotonic() + PATIENCE_S
    while len(streams.tally.told) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_rollback_leaves_no_trace(
    start_server: Callable[..., Server], models: Path
) -> None:
    """Promote, observe, roll back: forecasts are those of a model that never promoted."""
    folder = registry.resolve(models, "tiny")
    alone(folder, models, "never")
    (new,) = versions_like(folder, 1)[1:]
    server = start_server(models)
    server.wait_for("/health/ready", 200)
    values = history(120)

    def observe(begin: int, end: int) -> list[np.ndarray]:
        """Send points to both models; their forecasts."""
        series = [entry(one, values[begin:end], begin) for one in ("a", "b")]
        found = []
        for name in ("tiny", "never"):
            answer = server.post("/predict", {"series": series, "name": name})
            found.append(np.array([numbers(one) for one in answer["forecasts"]]))
        return found

    same, reference = observe(0, 60)
    np.testing.assert_array_equal(same, reference)
    assert promote(server, new)["primed"] == 2
    for month in range(60, 80):
        other, reference = observe(month, month + 1)
        assert np.abs(other - reference).max() > 1e-3
    assert server.call("GET", "/models/never")[1]["live"] == folder.name
    back = server.post("/models/tiny/rollback", None)
    assert (back["version"], back["previous"], back["primed"]) == (folder.name, new, 2)
    for month in range(80, 120):
        same, reference = observe(month, month + 1)
        np.testing.assert_allclose(same, reference, rtol=1e-5)


def test_nothing_damaged_goes_live(
    start_server: Callable[..., Server], models: Path
) -> None:
    """Each names its reason: over HTTP, and of a champion that was named past the proof."""
    sound = registry.resolve(models, "tiny")
    server = start_server(models)
    server.wait_for("/health/ready", 200)
    forecast = server.post("/predict", {"series": entry("a", history(60))})
    for number, damage in enumerate(DAMAGES.values()):
        harm, said = proving.DAMAGES[damage]
        version = f"2099010{number + 1}T000000Z-0000"
        folder = altered(sound, version, seed=number)
        harm(folder)
        status, problem = server.call(
            "POST", "/models/tiny/promote", {"version": version}
        )
        assert (status, problem["status"]) == (422, 422), problem
        assert_says(problem["detail"], said)
        assert str(models) not in problem["detail"]
        shown = server.call("GET", "/models/tiny")[1]
        assert (shown["live"], shown["problem"]) == (sound.name, None)
        assert shown["aliases"] == {"champion": sound.name}

    registry.set_alias(models, "tiny", "champion", version)
    registry.set_alias(models, "tiny", "previous", sound.name)
    deadline = time.monotonic() + PATIENCE_S
    while (shown := server.call("GET", "/models/tiny")[1])["problem"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert_says(shown["problem"], said)
    assert server.post("/predict", {"series": {"unique_id": "a"}}) == {
        **forecast,
        "forecasts": [without_points(forecast["forecasts"][0])],
    }
    assert server.stop() == 0
    server = start_server(models)  # which has nothing to go on with but what was before
    assert sound.name in str(server.wait_for("/health/ready", 200))
    assert server.post("/models/tiny/rollback", None)["version"] == sound.name
    assert server.call("GET", "/models/tiny")[1]["problem"] is None


def assert_says(told: str, said: str) -> None:
    """A reason is in one line, and is the right one."""
    assert re.search(said, told), told
    assert "\n" not in told


def without_points(forecast: dict[str, Any]) -> dict[str, Any]:
    """The same forecast, asked for without points."""
    state = {**forecast["state"], "applied": 0}
    return {**forecast, "state": state, "anomaly": {"ds": [], "score": []}}
