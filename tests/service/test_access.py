"""Laws of the door: who comes in with which key, and what is said to the others."""

import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from forecaster.settings import Settings
from service import keys
from service.app import create_app, service_of
from service.database import open_database
from service.telemetry import new_log
from tests.service.conftest import add_version, settings_in
from tests.service.fakes import loader

BODY = {"series": {"unique_id": "a", "ds": ["2024-01-01T00:00:00"], "y": [1.0]}}
SCOPES = {  # of every route; None is open
    ("GET", "/"): None,
    ("GET", "/docs"): None,
    ("GET", "/docs/<path:file>"): None,
    ("GET", "/openapi.json"): None,
    ("GET", "/version"): None,
    ("GET", "/health/live"): None,
    ("GET", "/health/ready"): None,
    ("POST", "/predict"): "predict",
    ("POST", "/observe"): "predict",
    ("GET", "/series"): "read",
    ("GET", "/series/<series:unique_id>"): "read",
    ("GET", "/series/<series:unique_id>/forecast"): "read",
    ("DELETE", "/series/<series:unique_id>"): "admin",
    ("GET", "/metrics"): "read",
    ("GET", "/models"): "read",
    ("GET", "/models/<name>"): "read",
    ("POST", "/models/<name>/promote"): "admin",
    ("POST", "/models/<name>/rollback"): "admin",
    ("PUT", "/models/<name>/canary"): "admin",
    ("DELETE", "/models/<name>/canary"): "admin",
    ("POST", "/jobs"): "admin",
    ("GET", "/jobs"): "read",
    ("GET", "/jobs/<id>"): "read",
    ("POST", "/jobs/<id>/cancel"): "admin",
    ("GET", "/jobs/<id>/report"): "read",
    ("GET", "/schedules"): "read",
    ("PUT", "/schedules/<name>"): "admin",
    ("DELETE", "/schedules/<name>"): "admin",
}
BODIES = {
    "/models/<name>/promote": {"version": "previous"},
    "/jobs": {"kind": "retrain", "name": "demo"},
    "/schedules/<name>": {"kind": "retrain", "cron": "@daily"},
    "/models/<name>/canary": {"version": "previous", "share": 0.5},
}
CLOSED = [route for route, scope in SCOPES.items() if scope is not None]


def open_app(settings: Settings, log: io.StringIO | None = None) -> Flask:
    """An app with its model loaded."""
    app = create_app(settings, new_log(log or io.StringIO()), loader())
    service_of(app).models.refresh()
    return app


class Guarded:
    """A service that has a key for each scope, and asks for one."""

    def __init__(self, settings: Settings, **server: Any) -> None:
        server = {"require_key": True, **server}
        settings = dataclasses.replace(
            settings, server=dataclasses.replace(settings.server, **server)
        )
        store = open_database(settings.server.database)
        self.keys = {scope: keys.create(store, scope, [scope]) for scope in keys.SCOPES}
        store.dispose()
        self.log = io.StringIO()
        self.app = open_app(settings, self.log)
        self.client = self.app.test_client()

    def ask(self, route: tuple[str, str], headers: dict[str, str]) -> Any:
        """A request on a route, for the series `a` and the model `demo`."""
        method, rule = route
        path = rule.replace("<series:unique_id>", "a").replace("<name>", "demo")
        path = path.replace("<path:file>", "css/swagger-ui.css")
        body = BODIES.get(rule, BODY) if method in ("POST", "PUT") else None
        with self.client.open(path, method=method, json=body, headers=headers) as got:
            got.get_data()  # before it is closed, as a file of /docs has to be
            return got


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One for all tests."""
    folder = tmp_path_factory.mktemp("guarded")
    add_version(folder / "models", "demo")
    add_version(folder / "models", "demo", "20250101T000000Z-0a1b", "previous")
    service = Guarded(settings_in(folder))
    yield service
    service_of(service.app).close()


def test_every_route_has_a_scope_or_is_open_on_purpose(guarded: Guarded) -> None:
    """The table of this file names all there are."""
    routed = {
        (method, rule.rule)
        for rule in guarded.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routed == set(SCOPES)


@pytest.mark.parametrize("route", SCOPES)
def test_a_key_opens_what_its_scopes_say(
    guarded: Guarded, route: tuple[str, str]
) -> None:
    """Without one only what is open; `admin` opens everything."""
    wanted = SCOPES[route]
    assert (guarded.ask(route, {}).status_code == 401) == (wanted is not None)
    for scope, (_, shown) in guarded.keys.items():
        guarded.ask(("POST", "/observe"), {"X-API-Key": guarded.keys["predict"][1]})
        admin = {"X-API-Key": guarded.keys["admin"][1]}
        guarded.ask(("PUT", "/schedules/<name>"), admin)
        guarded.ask(("PUT", "/models/<name>/canary"), admin)
        answer = guarded.ask(route, {"X-API-Key": shown})
        if wanted in (None, scope) or scope == "admin":
            known = "<id>" not in route[1]  # no job has the id that stands there
            assert answer.status_code in ((200, 202, 204) if known else (404,))
        else:
            assert answer.status_code == 403
            assert f"--scope {wanted}" in answer.json["detail"]
            assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("route", CLOSED)
def test_a_key_that_is_not_known_opens_nothing(
    guarded: Guarded, route: tuple[str, str]
) -> None:
    """It is a problem that says how to authorise, and does not repeat the key."""
    for wrong in ("fc_00_00", "nonsense", "ü" * 100):
        answer = guarded.ask(route, {"X-API-Key": wrong})
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert wrong not in answer.text


def test_a_key_is_taken_from_either_header(guarded: Guarded) -> None:
    """Its own first: a proxy may use the other for itself."""
    route, shown = ("GET", "/series"), guarded.keys["read"][1]
    for good in (
        {"Authorization": f"Bearer {shown}"},
        {"Authorization": f"bearer  {shown} "},
        {"X-API-Key": shown},
        {"X-API-Key": shown, "Authorization": "Basic dXNlcjpwYXNz"},
        {"X-API-Key": shown, "Authorization": "Bearer of-the-proxy"},
    ):
        assert guarded.ask(route, good).status_code == 200
    for bad in (
        {"Authorization": shown},
        {"Authorization": f"Basic {shown}"},
        {"Authorization": "Bearer"},
        {"X-API-Key": " "},
    ):
        answer = guarded.ask(route, bad)
        assert answer.status_code == 401
        assert "got none" in answer.json["detail"]


def test_who_has_no_key_learns_nothing_of_what_is_there(guarded: Guarded) -> None:
    """Neither whether a series exists nor whether a body makes sense."""
    for path in ("/series/a", "/series/unheard-of", "/models/unheard-of"):
        assert guarded.client.get(path).status_code == 401
    assert guarded.client.post("/predict", data=b"{").status_code == 401
    assert guarded.client.get("/no/such/path").status_code == 404


def test_no_key_is_logged_but_its_id_is(guarded: Guarded) -> None:
    """A line says which key asked; neither it nor a wrong one can be read there."""
    for key, shown in guarded.keys.values():
        guarded.ask(("GET", "/series"), {"Authorization": f"Bearer {shown}"})
        assert f'"key": "{key.id}"' in guarded.log.getvalue()
        assert shown.rpartition("_")[2] not in guarded.log.getvalue()
    guarded.ask(("GET", "/series"), {"X-API-Key": "wrong-secret"})
    assert "wrong-secret" not in guarded.log.getvalue()


def test_the_document_tells_which_scope_a_route_needs(guarded: Guarded) -> None:
    """By two schemes, either of them enough; what is open is told to be."""
    document = guarded.client.get("/openapi.json").json
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert (schemes["header"]["in"], schemes["header"]["name"]) == (
        "header",
        "X-API-Key",
    )
    for (method, rule), scope in SCOPES.items():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            asked = [{"bearer": [scope]}, {"header": [scope]}]
            assert operation["security"] == (asked if scope else [])
            told = {"401", "403"} & set(operation["responses"])
            assert told == ({"401", "403"} if scope else set())


def test_a_service_for_other_machines_never_documents_that_keys_are_optional(
    settings: Settings,
) -> None:
    """There is none to be reached without."""
    server = dataclasses.replace(settings.server, host="0.0.0.0")
    app = open_app(dataclasses.replace(settings, server=server))
    document = app.test_client().get("/openapi.json").json
    assert {} not in document["paths"]["/predict"]["post"]["security"]
    assert app.test_client().get("/series").status_code == 401  # though there is no key
    service_of(app).close()


@pytest.mark.parametrize("insecure", [False, True])
def test_who_wants_a_key_to_be_asked_for_is_open_to_nobody_without(
    settings: Settings, insecure: bool
) -> None:
    """Of a database without a key, perhaps the wrong one, as well; the first key opens."""
    server = dataclasses.replace(settings.server, require_key=True, insecure=insecure)
    app = open_app(dataclasses.replace(settings, server=server))
    client = app.test_client()
    answer = client.delete("/series/a")
    assert answer.status_code == 401
    assert "'forecaster keys create' makes one" in answer.json["detail"]
    assert client.get("/health/ready").status_code == 200
    document = client.get("/openapi.json").json
    assert {} not in document["paths"]["/predict"]["post"]["security"]
    _, key = keys.create(service_of(app).store._engine, "first", ["read"])
    found = client.get("/series", headers={"X-API-Key": key})
    service_of(app).close()
    assert found.status_code == 200


def test_without_keys_nobody_is_asked_on_this_machine(client: FlaskClient) -> None:
    """A key that is sent all the same does no harm."""
    document = client.get("/openapi.json").json
    assert {} in document["paths"]["/predict"]["post"]["security"]
    assert client.post("/observe", json=BODY).status_code == 200
    assert client.get("/series", headers={"X-API-Key": "any"}).status_code == 200
    assert client.delete("/series/a").status_code == 204


def test_with_keys_this_machine_is_trusted_but_a_key_is_held_to_its_word(
    settings: Settings,
) -> None:
    """Without a key everything is open on loopback; a key that is sent is checked."""
    service = Guarded(settings, require_key=False)
    assert service.client.post("/observe", json=BODY).status_code == 200
    for key, status in (("fc_wrong", 401), (service.keys["predict"][1], 403)):
        answer = service.client.get("/series", headers={"X-API-Key": key})
        assert answer.status_code == status
    service_of(service.app).close()


def limited(settings: Settings, rate_limit: int) -> Flask:
    """An app with a rate limit."""
    limits = dataclasses.replace(settings.limits, rate_limit=rate_limit)
    return open_app(dataclasses.replace(settings, limits=limits))


def test_each_address_without_a_key_has_the_limit(settings: Settings) -> None:
    """Then 429 with Retry-After; health is told to everybody, always."""
    app = limited(settings, rate_limit=3)
    client = app.test_client()
    found = [client.get("/series").status_code for _ in range(5)]
    answer = client.get("/version")
    other = client.get("/series", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    health = {client.get("/health/live").status_code for _ in range(20)}
    service_of(app).close()

    assert found == [200] * 3 + [429] * 2
    assert answer.status_code == 429
    assert answer.content_type == "application/problem+json"
    assert "3 requests a minute" in answer.json["detail"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert other.status_code == 200
    assert health == {200}


def test_each_key_has_the_limit_and_guessing_has_it_too(
    settings: Settings, tmp_path: Path
) -> None:
    """One key takes nothing from another at the same address."""
    store = open_database(settings.server.database)
    (_, first), (_, second) = (keys.create(store, n, ["read"]) for n in "ab")
    store.dispose()
    app = limited(settings, rate_limit=2)
    client = app.test_client()

    def ask(key: str) -> list[int]:
        headers = {"X-API-Key": key}
        return [client.get("/series", headers=headers).status_code for _ in range(3)]

    assert ask(first) == [200, 200, 429]
    assert ask("wrong") == [401, 401, 429]
    assert ask(second) == [200, 200, 429]
    service_of(app).close()
