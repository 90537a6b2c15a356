"""Laws of canaries in the service: each series by one version, which the answer names."""

import gc
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import canary, registry
from forecaster.canary import answers_for
from forecaster.errors import ArtifactError
from forecaster.settings import Settings
from service import live_model
from service.app import service_of
from tests.service.conftest import VERSION, add_version
from tests.service.fakes import FakeModel, manifest, states_of
from tests.service.test_promoting import HISTORY, Service, observed, promoted

NEWER, OTHER, UNLIKE = (
    f"20260{month}02T000000Z-2b3c"
    for month in (2, 3, 4)  # another horizon
)
WEIGHTS = {VERSION: 0.25, NEWER: 0.5, OTHER: 0.75, UNLIKE: 0.9}
IDS = [f"series-{number}" for number in range(16)]
SHARE = 0.5
MINE = [one for one in IDS if answers_for("demo", one, SHARE)]


@pytest.fixture
def damaged() -> set[str]:
    """Versions that cannot be loaded."""
    return set()


@pytest.fixture
def service(settings: Settings, damaged: set[str]) -> Iterator[Service]:
    """One that serves a version, with others waiting."""

    def load(folder: Path) -> FakeModel:
        if folder.name in damaged:
            raise ArtifactError(f"{folder}: expected sha256 1, the file has 2")
        horizon = 5 if folder.name == UNLIKE else 4
        about = manifest(name="demo", version=folder.name, horizon=horizon)
        return FakeModel(about, WEIGHTS[folder.name])

    folder = Path(settings.server.models_dir)
    for version in (NEWER, OTHER, UNLIKE):
        add_version(folder, "demo", version, "challenger")
    registry.set_alias(folder, "demo", "challenger", NEWER)
    made = Service(settings, load)
    made.models.refresh()
    yield made
    service_of(made.app).close()


def begun(service: Service, version: str = "challenger", share: float = SHARE) -> Any:
    """Begin a canary, successfully."""
    body = {"version": version, "share": share}
    answer = service.client.put("/models/demo/canary", json=body)
    assert answer.status_code == 200, answer.json
    return answer.json


def asked(service: Service, ids: list[str]) -> dict[str, Any]:
    """Forecast from what is carried of some series."""
    body = {"series": [{"unique_id": one} for one in ids]}
    answer = service.client.post("/predict", json=body)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def expected(version: str, values: list[float]) -> float:
    """The median that a version forecasts behind values."""
    return float(states_of(FakeModel(manifest(), WEIGHTS[version]), values)[0])


def test_each_series_is_answered_by_one_version_which_is_named(
    service: Service,
) -> None:
    """Forecasts are those of that version alone, with states made when the canary began."""
    for one in IDS:
        observed(service.client, one, HISTORY)
    answer = begun(service)
    assert answer == {
        "name": "demo",
        "version": NEWER,
        "share": SHARE,
        "primed": len(MINE),
        "left": 0,
    }
    assert 0 < len(MINE) < len(IDS)
    tried = service.models.beside(service.models.get("demo")).live
    assert tried is not None
    assert isinstance(tried.model, FakeModel)
    steps = tried.model.steps
    shown = asked(service, IDS)
    assert tried.model.steps == steps  # the states were there

    assert shown["model"] == {"name": "demo", "version": VERSION}
    for one in shown["forecasts"]:
        by = NEWER if one["unique_id"] in MINE else VERSION
        assert one.get("version", VERSION) == by
        assert one["median"][0] == pytest.approx(expected(by, HISTORY))


def test_the_answer_of_one_version_says_so_as_ever(service: Service) -> None:
    """Where all series of a request are the canary's, or one is asked for by itself."""
    for one in MINE:
        observed(service.client, one, HISTORY)
    begun(service)
    shown = asked(service, MINE)
    assert shown["model"]["version"] == NEWER
    assert not any("version" in one for one in shown["forecasts"])
    for path in (f"/series/{MINE[0]}/forecast", f"/series/{MINE[0]}"):
        assert service.client.get(path).json["model"]["version"] == NEWER


def test_a_canary_that_ended_leaves_no_trace(service: Service) -> None:
    """Forecasts are then those of a service that never had one."""
    begun(service)
    for one in IDS:
        observed(service.client, one, HISTORY)
    assert service.client.delete("/models/demo/canary").status_code == 204
    again = service.client.delete("/models/demo/canary")
    assert (again.status_code, "no canary" in again.json["detail"]) == (404, True)
    shown = asked(service, IDS)
    assert shown["model"]["version"] == VERSION
    medians = [one["median"][0] for one in shown["forecasts"]]
    assert medians == pytest.approx([expected(VERSION, HISTORY)] * len(IDS))
    assert service.client.get("/models/demo").json["canary"] is None


def test_a_stateless_request_is_answered_by_the_same_version(service: Service) -> None:
    """Who compares them compares one version with itself."""
    begun(service)
    times = [f"2024-01-01T{hour:02}" for hour in range(24)]
    series = [{"unique_id": one, "ds": times, "y": HISTORY[:24]} for one in IDS]
    body = {"series": series, "stateless": True}
    shown = service.client.post("/predict", json=body).json
    named = {one["unique_id"] for one in shown["forecasts"] if "version" in one}
    assert named == set(MINE)


def test_another_process_follows(service: Service) -> None:
    """A canary that began, grew or ended elsewhere; looking again changes nothing."""
    folder, models = service.models.folder, service.models
    canary.begin(folder, "demo", NEWER, 0.25)
    models.refresh()
    first = models.beside(models.get("demo"))
    assert (first.version, first.share) == (NEWER, 0.25)
    models.refresh()
    assert models.beside(models.get("demo")) is first
    canary.begin(folder, "demo", NEWER, 1.0)
    models.refresh()
    grown = models.beside(models.get("demo"))
    assert (grown.live is first.live, grown.share) == (True, 1.0)
    canary.end(folder, "demo")
    models.refresh()
    assert models.beside(models.get("demo")).live is None


def test_a_promoted_canary_answers_for_all(service: Service) -> None:
    """It is loaded already, and nobody runs beside it."""
    begun(service)
    loaded: list[Path] = []
    service.models._arrivals._load = loaded.append  # type: ignore[assignment]
    for one in IDS:
        observed(service.client, one, HISTORY)
    promoted(service.client, "canary")
    shown = asked(service, IDS)
    assert shown["model"]["version"] == NEWER
    assert not any("version" in one for one in shown["forecasts"])
    assert loaded == []
    assert service.client.get("/models/demo").json["canary"] is None


def test_a_canary_goes_on_beside_another_champion(service: Service) -> None:
    """Unless it would answer in another form; then the champion answers for all."""
    begun(service)
    promoted(service.client, OTHER)
    shown = service.client.get("/models/demo").json
    assert (shown["live"], shown["canary"]["version"]) == (OTHER, NEWER)
    assert shown["canary"] == {"version": NEWER, "share": SHARE, "problem": None}
    promoted(service.client, UNLIKE)
    shown = service.client.get("/models/demo").json
    assert shown["live"] == UNLIKE
    assert "same horizon, 5, got 4" in shown["canary"]["problem"]
    observed(service.client, MINE[0], HISTORY)
    assert asked(service, MINE[:1])["model"]["version"] == UNLIKE
    promoted(service.client, OTHER)
    assert service.client.get("/models/demo").json["canary"]["problem"] is None


@pytest.mark.parametrize(
    ("version", "said"),
    [(OTHER, "expected sha256 1"), (UNLIKE, "Promote it instead"), (VERSION, "all")],
)
def test_what_cannot_be_a_canary_leaves_all_as_it_is(
    service: Service, damaged: set[str], version: str, said: str
) -> None:
    """The reason is told, without where the folder lies."""
    damaged.add(OTHER)
    body = {"version": version, "share": SHARE}
    answer = service.client.put("/models/demo/canary", json=body)
    assert answer.status_code == 422
    assert said in answer.json["detail"]
    assert str(service.models.folder) not in answer.json["detail"]
    service.models.refresh()
    shown = service.client.get("/models/demo").json
    assert shown["canary"] is None
    assert "canary" not in shown["aliases"]


def test_a_canary_that_cannot_be_loaded_elsewhere_is_told(
    service: Service, damaged: set[str]
) -> None:
    """Once in the log, and in the API; the champion answers for all series."""
    damaged.add(NEWER)
    canary.begin(service.models.folder, "demo", NEWER, 1.0)
    for _ in range(3):
        service.models.refresh()
    observed(service.client, "a", HISTORY)
    assert asked(service, ["a"])["model"]["version"] == VERSION
    shown = service.client.get("/models/demo").json["canary"]
    assert shown == {
        "version": NEWER,
        "share": 0.0,
        "problem": f"demo/{NEWER}: expected sha256 1, the file has 2",
    }
    assert len(service.told("no canary")) == 1


def test_a_share_that_cannot_be_read_is_told_until_it_is_mended(
    service: Service,
) -> None:
    """And then the canary answers again."""
    begun(service)
    path = service.models.folder / "demo" / "canary.json"
    sound = path.read_text()
    path.write_text("{")
    service.models.refresh()
    assert (
        "Begin the canary again"
        in service.client.get("/models/demo").json["canary"]["problem"]
    )
    path.write_text(sound)
    service.models.refresh()
    assert service.client.get("/models/demo").json["canary"]["version"] == NEWER


def test_a_folder_that_is_away_for_a_moment_ends_no_canary(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told meanwhile, and nothing is loaded again."""
    begun(service)
    models, path = service.models, service.models.folder / "demo" / "canary.json"
    first, read = models.beside(models.get("demo")).live, Path.read_text

    def away(self: Path, *args: Any, **about: Any) -> str:
        if self == path:
            raise OSError(5, "Input/output error")
        return read(self, *args, **about)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", away)
        models.refresh()
        now = models.beside(models.get("demo"))
        assert (now.live, now.share) == (first, SHARE)
        assert "Input/output" in str(now.problem)
    models.refresh()
    now = models.beside(models.get("demo"))
    assert (now.live is first, now.problem) == (True, None)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", away)
        promoted(service.client, UNLIKE)  # beside which it may not answer
        assert models.beside(models.get("demo")).live is None


def test_a_canary_is_told_and_counted(service: Service) -> None:
    """A line when it begins and when it ends, and its share as Prometheus reads it."""
    begun(service)
    line = f'forecaster_canary_share{{model="demo",version="{NEWER}"}}'
    assert f"{line} 0.5" in service.client.get("/metrics").text
    service.client.delete("/models/demo/canary")
    assert f"{line} 0.0" in service.client.get("/metrics").text
    told = [(one["version"], one["share"]) for one in service.told("canary")]
    assert told == [(NEWER, SHARE), (NEWER, 0.0)]


@pytest.mark.parametrize("ending", ["promoted", "replaced"])
def test_what_is_canary_no_longer_has_no_share(service: Service, ending: str) -> None:
    """However it ended: by its promotion, or by another one in its place."""
    begun(service)
    told = [(NEWER, SHARE), (NEWER, 0.0)]
    if ending == "promoted":
        promoted(service.client, "canary")
    else:
        begun(service, OTHER, 0.25)
        told.append((OTHER, 0.25))
    line = f'forecaster_canary_share{{model="demo",version="{NEWER}"}}'
    assert f"{line} 0.0" in service.client.get("/metrics").text
    assert [(one["version"], one["share"]) for one in service.told("canary")] == told


def test_no_series_goes_to_and_fro_while_a_champion_changes(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A canary that goes on answers for its share at every moment."""
    begun(service)
    models, answering = service.models, []
    show = models._show

    def shown(name: str, status: Any) -> None:
        show(name, status)
        live = models.get(name)
        beside = models.beside(live).live
        answering.append((live.version, beside and beside.version))

    monkeypatch.setattr(models, "_show", shown)
    promoted(service.client, OTHER)
    registry.set_alias(models.folder, "demo", "champion", VERSION)
    models.refresh()
    assert {beside for _, beside in answering} == {NEWER}
    assert answering[-1] == (VERSION, NEWER)
    promoted(service.client, UNLIKE)  # beside which it may not answer
    assert answering[-1] == (UNLIKE, None)
    assert (UNLIKE, NEWER) not in answering


@pytest.mark.parametrize("ending", ["stopped", "replaced"])
def test_the_memory_of_what_was_canary_is_given_back(
    service: Service, ending: str
) -> None:
    """A moment later, although it was out of the collector's sight."""
    begun(service)
    live = service.models.beside(service.models.get("demo")).live
    assert live is not None
    live.model.itself = live.model  # type: ignore[attr-defined]  # as a graph does
    seen = weakref.ref(live.model)
    gc.collect()
    gc.freeze()
    try:
        del live
        if ending == "stopped":
            service.client.delete("/models/demo/canary")
        else:
            begun(service, OTHER)
        service.models.refresh()
        assert seen() is None
    finally:
        gc.unfreeze()


def test_what_cannot_be_ended_now_is_a_canary_still(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version is on its way for too long: nothing is done, and one may ask again."""
    begun(service)
    monkeypatch.setattr(live_model, "PATIENCE_S", 0.01)
    with service.models._turn:
        assert service.client.delete("/models/demo/canary").status_code == 429
    assert canary.read(service.models.folder, "demo") is not None
    assert service.client.delete("/models/demo/canary").status_code == 204


def test_one_that_is_refused_takes_nobody_s_place(service: Service) -> None:
    """What answers stays loaded, and is not loaded again when it changes its share."""
    begun(service)
    first = service.models.beside(service.models.get("demo")).live
    body = {"version": "champion", "share": SHARE}
    assert service.client.put("/models/demo/canary", json=body).status_code == 422
    begun(service, NEWER, 0.75)
    assert service.models.beside(service.models.get("demo")).live is first


def test_observations_name_the_version_too(service: Service) -> None:
    """Of JSON and of Arrow, whose metadata say what JSON does."""
    begun(service)
    times = [f"2024-01-01T{hour:02}" for hour in range(24)]
    series = [{"unique_id": one, "ds": times, "y": HISTORY[:24]} for one in IDS]
    answer = service.client.post("/observe", json={"series": series}).json
    named = {one["unique_id"] for one in answer["series"] if "version" in one}
    assert named == set(MINE)
    pa = pytest.importorskip("pyarrow")
    answer = service.client.post(
        "/predict",
        json={"series": [{"unique_id": one} for one in IDS]},
        headers={"Accept": "application/vnd.apache.arrow.stream"},
    )
    table = pa.ipc.open_stream(answer.data).read_all()
    about = json.loads(table.schema.metadata[b"forecaster"])
    assert {one["unique_id"] for one in about["series"] if "version" in one} == set(
        MINE
    )
    medians = np.array(table["median"]).reshape(len(IDS), -1)[:, 0]
    by = [NEWER if one in MINE else VERSION for one in IDS]
    wanted = [expected(version, HISTORY[:24]) for version in by]
    np.testing.assert_allclose(medians, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"version": NEWER}, 422),
        ({"share": 0.5}, 422),
        ({"version": NEWER, "share": 0}, 422),
        ({"version": NEWER, "share": 1.5}, 422),
        ({"version": NEWER, "share": "0.5"}, 422),
        ({"version": NEWER, "share": True}, 422),
        ({"version": NEWER, "share": 0.5, "now": 1}, 422),
        ({"version": "v9", "share": 0.5}, 404),
    ],
)
def test_what_cannot_be_meant_is_refused(
    service: Service, body: dict[str, object], status: int
) -> None:
    """Nothing is begun."""
    answer = service.client.put("/models/demo/canary", json=body)
    assert answer.status_code == answer.json["status"] == status
    missing = service.client.put("/models/other/canary", json=body)
    assert missing.status_code in (404, 422)
    assert service.client.get("/models/demo").json["canary"] is None
