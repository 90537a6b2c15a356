"""Laws of promotion and rollback over HTTP: proven, then live; else nothing changes."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecaster import registry
from forecaster.errors import ArtifactError
from forecaster.settings import Settings
from service.app import create_app, service_of
from service.telemetry import new_log
from tests.service.conftest import VERSION, add_version
from tests.service.fakes import FakeModel, manifest, states_of

NEWER, NEWEST = "20260202T000000Z-2b3c", "20260303T000000Z-3c4d"
WEIGHTS = {VERSION: 0.25, NEWER: 0.5, NEWEST: 0.75}
HISTORY = [float(value) for value in range(1, 31)]

Load = Callable[[Path], FakeModel]


def load(folder: Path) -> FakeModel:
    """Versions that smooth differently; the newest is damaged."""
    if folder.name == NEWEST:
        raise ArtifactError(f"{folder}: expected sha256 1, the file has 2")
    about = manifest(name=folder.parent.name, version=folder.name)
    return FakeModel(about, WEIGHTS[folder.name])


class Service:
    """An app with a log that can be read."""

    def __init__(self, settings: Settings, load: Load) -> None:
        self.stream = io.StringIO()
        self.app = create_app(settings, new_log(self.stream), load)
        self.models = service_of(self.app).models
        self.client: FlaskClient = self.app.test_client()

    def told(self, event: str) -> list[dict[str, object]]:
        """The lines of the log about something."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """One that serves a version, with a newer one waiting and a damaged one beside."""
    folder = Path(settings.server.models_dir)
    add_version(folder, "demo", NEWER, "challenger")
    add_version(folder, "demo", NEWEST, "challenger")
    registry.set_alias(folder, "demo", "challenger", NEWER)
    made = Service(settings, load)
    made.models.refresh()
    yield made
    service_of(made.app).close()


def observed(client: FlaskClient, unique_id: str, values: list[float]) -> None:
    """Send values of a series."""
    body = {"series": {"unique_id": unique_id, "y": values}}
    if client.get(f"/series/{unique_id}").status_code != 200:
        body["series"]["ds"] = [
            f"2024-01-{1 + i // 24:02}T{i % 24:02}" for i in range(len(values))
        ]  # type: ignore[assignment]
    answer = client.post("/observe", json=body)
    assert answer.status_code == 200, answer.json


def promoted(client: FlaskClient, version: str) -> dict[str, object]:
    """Promote, successfully."""
    answer = client.post("/models/demo/promote", json={"version": version})
    assert answer.status_code == 200, answer.json
    found: dict[str, object] = answer.json
    return found


@pytest.mark.parametrize("named", [NEWER, "challenger"])
def test_a_promoted_version_is_live_with_its_states(
    service: Service, named: str
) -> None:
    """At once, by its name or its alias, and the answer says what became of it."""
    observed(service.client, "a", HISTORY)
    observed(service.client, "b", HISTORY[:3])
    answer = promoted(service.client, named)

    assert answer.pop("seconds") >= 0  # type: ignore[operator]
    assert answer == {
        "name": "demo",
        "version": NEWER,
        "previous": VERSION,
        "changed": True,
        "primed": 2,
        "left": 0,
    }
    model = service.models.get("demo").model
    assert isinstance(model, FakeModel)
    before = model.steps
    shown = service.client.get("/series/a/forecast").json
    assert model.steps == before  # the state was there
    assert shown["model"]["version"] == NEWER
    state = states_of(FakeModel(manifest(), WEIGHTS[NEWER]), HISTORY)
    assert shown["median"][0] == pytest.approx(float(state[0]))
    assert service.client.get("/models/demo").json["live"] == NEWER


def test_a_rollback_goes_back_and_forth(service: Service) -> None:
    """Without loading anything: what answered before is still at hand."""
    loaded: list[str] = []
    service.models._arrivals._load = lambda f: loaded.append(f.name) or load(f)  # type: ignore[func-returns-value]
    promoted(service.client, NEWER)
    observed(service.client, "a", HISTORY)
    for version in (VERSION, NEWER, VERSION):
        answer = service.client.post("/models/demo/rollback").json
        assert answer["version"] == service.models.get("demo").version == version
    assert loaded == [NEWER]


def test_there_may_be_nothing_to_go_back_to(service: Service) -> None:
    """Which is a conflict, and says what to do."""
    answer = service.client.post("/models/demo/rollback")
    assert (answer.status_code, answer.content_type) == (
        409,
        "application/problem+json",
    )
    assert "promote the version you want" in answer.json["detail"]


def test_a_version_that_cannot_go_live_leaves_all_as_it_is(service: Service) -> None:
    """The reason is told, without where the folder lies; the old one answers."""
    answer = service.client.post("/models/demo/promote", json={"version": NEWEST})
    assert answer.status_code == 422
    assert answer.json["detail"] == f"demo/{NEWEST}: expected sha256 1, the file has 2"
    shown = service.client.get("/models/demo").json
    assert (shown["live"], shown["problem"]) == (VERSION, None)
    assert shown["aliases"] == {"champion": VERSION, "challenger": NEWER}


def test_what_is_champion_already_stays(service: Service) -> None:
    """And is told so; what was before it is still what a rollback goes back to."""
    promoted(service.client, NEWER)
    again = promoted(service.client, "champion")
    assert (again["changed"], again["previous"]) == (False, VERSION)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/models/other/promote", {"version": NEWER}, 404, "there is: demo"),
        ("/models/other/rollback", None, 404, "there is: demo"),
        ("/models/..%2F..%2Fetc/promote", {"version": NEWER}, 404, ""),
        ("/models/demo/promote", {"version": "v9"}, 404, "no version 'v9'"),
        ("/models/demo/promote", {"version": "../x"}, 404, "no version '../x'"),
        ("/models/demo/promote", {"version": ""}, 422, ""),
        ("/models/demo/promote", {"version": 5}, 422, ""),
        ("/models/demo/promote", {}, 422, ""),
        ("/models/demo/promote", [], 422, ""),
        ("/models/demo/promote", {"version": NEWER, "now": True}, 422, ""),
    ],
)
def test_what_cannot_be_meant_is_refused(
    service: Service, path: str, body: object, status: int, said: str
) -> None:
    """With a problem that says what there is; nothing changes."""
    answer = service.client.post(path, json=body)
    assert answer.status_code == answer.json["status"] == status
    assert said in answer.json["detail"]
    assert service.models.get("demo").version == VERSION


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/vnd.apache.arrow.stream", 415),
    ],
)
def test_a_body_must_be_json(
    service: Service, data: bytes, kind: str, status: int
) -> None:
    """As on the other routes."""
    answer = service.client.post("/models/demo/promote", data=data, content_type=kind)
    assert answer.status_code == answer.json["status"] == status


def test_every_swap_is_told_and_counted(service: Service) -> None:
    """A line of the log with its reason, a count, and which version answers."""
    promoted(service.client, NEWER)
    service.client.post("/models/demo/rollback")
    add_version(service.models.folder, "demo", "20260404T000000Z-4d5e")
    WEIGHTS["20260404T000000Z-4d5e"] = 0.9
    service.models.refresh()
    registry.set_alias(service.models.folder, "demo", "champion", NEWEST)
    service.models.refresh()
    service.models.refresh()

    told = [(line["reason"], line["version"]) for line in service.told("swap")]
    assert told == [
        ("champion", VERSION),
        ("promote", NEWER),
        ("rollback", VERSION),
        ("champion", "20260404T000000Z-4d5e"),
    ]
    failed = service.told("no swap")
    assert [(line["version"], line["before"]) for line in failed] == [
        (NEWEST, "20260404T000000Z-4d5e")
    ]
    assert "sha256" in str(failed[0]["problem"])
    page = service.client.get("/metrics").text
    assert 'forecaster_swaps_total{model="demo",outcome="swapped"} 3.0' in page
    assert 'forecaster_swaps_total{model="demo",outcome="failed"} 1.0' in page
    assert f'forecaster_model_live{{model="demo",version="{NEWER}"}} 0.0' in page


def test_two_promotions_at_once_come_one_after_the_other(
    settings: Settings,
) -> None:
    """Each is champion for its time, and what answers is the champion in the end."""
    folder = Path(settings.server.models_dir)
    add_version(folder, "demo", NEWER, "challenger")
    busy, most = [0], [0]
    entered = threading.Event()

    def slow(place: Path) -> FakeModel:
        busy[0] += 1
        most[0] = max(most[0], busy[0])
        entered.wait(0.2)
        busy[0] -= 1
        return load(place)

    add_version(folder, "demo", "20260404T000000Z-4d5e", "challenger")
    WEIGHTS["20260404T000000Z-4d5e"] = 0.9
    service = Service(settings, slow)
    service.models.refresh()
    threads = [
        threading.Thread(target=promoted, args=(service.app.test_client(), version))
        for version in (NEWER, "20260404T000000Z-4d5e")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    roles = registry.aliases(folder, "demo")
    service_of(service.app).close()
    assert most == [1]
    assert service.models.get("demo").version == roles["champion"]
    assert {roles["champion"], roles["previous"]} == {NEWER, "20260404T000000Z-4d5e"}
