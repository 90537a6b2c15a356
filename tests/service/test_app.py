"""Laws of the whole app: answers as documented, ids as sent, apps on their own."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from forecaster.settings import Settings
from service import answers
from service.app import create_app, service_of
from service.telemetry import new_log
from tests.service.fakes import loader
from tests.service.test_schema import migrate

HOUR = "2024-01-01T00:00:00"
BODY = {"series": {"unique_id": "a", "ds": [HOUR], "y": [1.0]}}


DOCUMENTED: dict[tuple[str, str], type[BaseModel]] = {
    ("POST", "/predict"): answers.Predicted,
    ("POST", "/observe"): answers.Observed,
    ("GET", "/series"): answers.SeriesPage,
    ("GET", "/series/a"): answers.SeriesPortrait,
    ("GET", "/series/a/forecast?level=80"): answers.OneForecast,
    ("GET", "/models"): answers.ModelList,
    ("GET", "/models/demo"): answers.ModelDetail,
    ("GET", "/health/live"): answers.Health,
    ("GET", "/health/ready"): answers.Ready,
    ("GET", "/version"): answers.Version,
    ("GET", "/series/unheard-of"): answers.Problem,
    ("GET", "/models/unheard-of"): answers.Problem,
}


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
def test_answers_are_as_documented(client: FlaskClient, method: str, path: str) -> None:
    """Every field is in the document, and every documented field is there."""
    client.post("/observe", json=BODY)
    answer = client.open(path, method=method, json=BODY if method == "POST" else None)

    model = DOCUMENTED[method, path]
    read = model.model_validate_json(answer.data, strict=True, extra="forbid")
    written = read.model_dump(mode="json", exclude_unset=True)
    assert written == json.loads(answer.data)


def test_the_document_names_every_route(app: Flask, client: FlaskClient) -> None:
    """With its methods; pages for people are left out."""
    document = client.get("/openapi.json").json
    documented = {
        (path, method) for path, item in document["paths"].items() for method in item
    }
    routed = {
        (re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] != "docs"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert documented == routed
    assert document["openapi"].startswith("3.1")


def references(part: Any) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(part, dict):
        yield from (v for k, v in part.items() if k == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def nulls(part: Any) -> Iterator[str]:
    """Every key whose value is null, but for defaults: they may be."""
    if isinstance(part, dict):
        yield from (k for k, v in part.items() if v is None and k != "default")
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from nulls(inner)


def test_the_document_holds_what_it_refers_to(client: FlaskClient) -> None:
    """No more and no less: nothing is null, and no two operations share an id."""
    document = client.get("/openapi.json").json
    schemas = {
        f"#/components/schemas/{name}" for name in document["components"]["schemas"]
    }
    assert set(references(document)) <= schemas
    assert list(nulls(document)) == []

    ids = [
        op["operationId"] for item in document["paths"].values() for op in item.values()
    ]
    assert len(set(ids)) == len(ids)


def test_the_documentation_needs_no_network(client: FlaskClient) -> None:
    """Everything the page loads comes from the service itself."""
    page = client.get("/docs").text
    assert "//" not in page.replace("<!DOCTYPE", "")
    for asset in (
        "css/swagger-ui.css",
        "js/swagger-ui-bundle.js",
        "images/swagger.svg",
    ):
        assert f"docs/{asset}" in page
        answer = client.get(f"/docs/{asset}")
        assert answer.status_code == 200
        answer.close()


def test_the_first_page_leads_to_the_documentation(client: FlaskClient) -> None:
    """And to nothing that is not there."""
    page = client.get("/").text
    links = [part.partition('"')[0] for part in page.split('href="')[1:]]
    assert "docs" in links
    for link in links:
        assert client.get("/" + link).status_code == 200


@given(
    unique_id=st.text(min_size=1, max_size=30).filter(lambda t: "\0" not in t)
    | st.sampled_from(
        ["a/forecast", "/", "//x", "a%2Fb", "..", "?h=1", "#", "ä 日本", "+"]
    )
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_id_can_be_sent_shown_and_deleted(
    client: FlaskClient, unique_id: str
) -> None:
    """Percent-encoded in a path, whatever characters it has."""
    try:
        encoded = quote(unique_id, safe="")
    except UnicodeEncodeError:  # half of a surrogate pair is no text
        return
    series = {"unique_id": unique_id, "ds": [HOUR], "y": [1.0]}
    assert client.post("/observe", json={"series": series}).status_code == 200
    path = f"/series/{encoded}"

    assert client.get(path).json["unique_id"] == unique_id
    assert client.get(path + "/forecast?h=2").json["unique_id"] == unique_id
    listed = client.get("/series?prefix=" + encoded).json["series"]
    assert [one["unique_id"] for one in listed] == [unique_id]
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_a_slash_that_is_not_encoded_is_understood_where_it_can_be(
    client: FlaskClient,
) -> None:
    """Many clients leave it as it is."""
    for unique_id in ("a/b", "a//b"):
        client.post(
            "/observe", json={"series": {**BODY["series"], "unique_id": unique_id}}
        )
        shown = client.get(f"/series/{unique_id}")
        assert shown.json["unique_id"] == unique_id
        shown = client.get(f"/series/{unique_id}/forecast")
        assert shown.json["unique_id"] == unique_id


def test_what_stands_below_a_series_cannot_be_deleted(client: FlaskClient) -> None:
    """A slash before `forecast` is no part of an id unless it is encoded."""
    client.post(
        "/observe", json={"series": {**BODY["series"], "unique_id": "a/forecast"}}
    )
    assert client.delete("/series/a/forecast").status_code == 405
    assert client.delete("/series/a%2Fforecast").status_code == 204


def test_two_apps_share_nothing(
    make_app: Callable[..., Flask], settings: Settings, tmp_path: Path
) -> None:
    """Each has its own store, its own models and its own log."""
    first = make_app()
    other = tmp_path / "other"
    from tests.service.conftest import add_version, settings_in

    add_version(other / "models", "elsewhere")
    log = io.StringIO()
    second = create_app(settings_in(other), new_log(log), loader())
    service_of(second).models.refresh()
    first.test_client().post("/observe", json=BODY)

    assert second.test_client().get("/series").json["series"] == []
    assert [m["name"] for m in second.test_client().get("/models").json["models"]] == [
        "elsewhere"
    ]
    assert log.getvalue().count("\n") == 3  # of its model, and of two requests
    service_of(second).close()


def test_each_request_is_one_line_of_json(settings: Settings) -> None:
    """With the id that the caller got, and without the path's series."""
    log = io.StringIO()
    app = create_app(settings, new_log(log), loader())
    answer = app.test_client().get("/series/secret-name")
    line = json.loads(log.getvalue())
    service_of(app).close()

    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["method"], line["route"]) == ("GET", "/series/<series:unique_id>")
    assert line["status"] == answer.status_code == 503
    assert "secret-name" not in log.getvalue()


def test_ready_means_a_model_and_a_store(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without either it is 503, and says which."""
    monkeypatch.setattr("service.store.PROVEN_S", 0.0)  # each is asked for anew
    assert client.get("/health/ready").status_code == 200
    service = service_of(app)
    with monkeypatch.context() as patch:
        patch.setattr(service.models, "_statuses", {})
        assert "forecaster train" in client.get("/health/ready").json["detail"]

    database = Path(service.store._engine.url.database or "")
    service.store.close()
    for file in database.parent.iterdir():
        file.unlink()
    database.mkdir()
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "the store does not answer" in answer.json["detail"]
    assert answer.headers["Retry-After"] == "1"
    assert client.get("/health/live").status_code == 200


def test_a_server_that_runs_on_beside_a_newer_release_is_not_ready(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, refuses what writes, and forecasts from what is carried."""
    monkeypatch.setattr("service.store.PROVEN_S", 0.0)
    series = {"unique_id": "a", "ds": ["2024-01-01"], "y": [1.0]}
    assert client.post("/predict", json={"series": series}).status_code == 200

    migrate(str(service_of(app).store._engine.url), "9999")
    refused = [
        client.get("/health/ready"),
        client.post("/observe", json={"series": {**series, "ds": ["2024-01-02"]}}),
        client.delete("/series/a"),
        client.post("/jobs", json={"kind": "retrain"}),
        client.put("/schedules/n", json={"kind": "retrain", "cron": "@daily"}),
    ]
    for answer in refused:
        assert answer.status_code == 503
        assert "schema 9999" in answer.json["detail"]
    assert client.get("/health/live").status_code == 200
    known = client.post("/predict", json={"series": {"unique_id": "a"}})
    assert known.status_code == 200
    assert known.json["forecasts"][0]["state"]["seq"] == 1


def test_a_broken_model_is_told_beside_the_ones_that_serve(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    """Ready for some, with the reason for the others."""
    folder = tmp_path / "models" / "broken" / "20260101T000000Z-0000"
    folder.mkdir(parents=True)
    app = make_app()
    ready = app.test_client().get("/health/ready").json

    assert [model["name"] for model in ready["models"]] == ["demo"]
    assert "champion" in ready["problems"]["broken"]
    shown = app.test_client().get("/models/broken").json
    assert (shown["live"], shown["problem"]) == (None, ready["problems"]["broken"])
