"""Laws of /jobs: what is asked for is checked at once, and can be followed to its end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from forecaster import cli
from forecaster.settings import Settings
from service.app import service_of
from service.database import open_database
from service.jobs import leases, store
from service.jobs.records import SUCCEEDED, News

GOOD: dict[str, Any] = {"kind": "retrain", "name": "demo"}


@pytest.fixture
def engine(app: Flask) -> Engine:
    """The database of the app."""
    return service_of(app).store._engine


def test_a_job_can_be_followed_from_its_order_to_its_end(
    client: FlaskClient, engine: Engine
) -> None:
    """Where it is told to be, with progress, what it said, and its result."""
    made = client.post("/jobs", json={**GOOD, "windows": 3, "fine_tune": True})
    assert made.status_code == 202
    place = made.headers["Location"]
    assert place == f"/jobs/{made.json['id']}"
    first = client.get(place).json
    assert first == {**made.json, "lines": []}
    assert first["spec"] == {"windows": 3, "fine_tune": True}
    assert (first["state"], first["origin"]) == ("pending", "http")

    job = leases.claim(engine, "w", 60)
    assert job is not None
    leases.renew(engine, job.lease, 60, News(0.5, "half", ("begun", "half")))
    running = client.get(place).json
    assert (running["state"], running["progress"], running["message"]) == (
        "running",
        0.5,
        "half",
    )
    assert [line["text"] for line in running["lines"]] == ["begun", "half"]

    leases.finish(engine, job.lease, SUCCEEDED, {"promoted": False})
    ended = client.get(place).json
    assert (ended["state"], ended["result"]) == ("succeeded", {"promoted": False})
    assert first["created_at"] <= ended["started_at"] <= ended["finished_at"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"kind": "retrain", "name": "unheard-of"}, 404, "there is: demo"),
        ({"kind": "retrain", "name": ""}, 404, "there is: demo"),
        ({"name": "demo"}, 422, "is needed"),
        ({**GOOD, "kind": "dance"}, 422, "retrain"),
        ({**GOOD, "steps": 5}, 422, "unknown field 'steps'"),
        ({**GOOD, "margin": 1.5}, 422, "less than 1"),
        ({**GOOD, "windows": 0}, 422, "greater than or equal to 1"),
        ({**GOOD, "windows": "3"}, 422, "whole number"),
        ({**GOOD, "metric": "luck"}, 422, "'wql'"),
        ({**GOOD, "data": "/etc/passwd"}, 422, "unknown field"),
        ([], 422, "object"),
    ],
)
def test_what_can_never_be_done_is_refused_at_once(
    client: FlaskClient, body: Any, status: int, said: str
) -> None:
    """With what was expected; nothing waits then."""
    answer = client.post("/jobs", json=body)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert said in answer.text
    assert client.get("/jobs").json["jobs"] == []


def test_a_job_is_asked_for_in_json_alone(client: FlaskClient) -> None:
    """Nothing else is taken for it, also where other routes take more."""
    for kind in ("application/vnd.apache.arrow.stream", "text/plain"):
        answer = client.post("/jobs", data=json.dumps(GOOD), content_type=kind)
        assert answer.status_code == 415
    assert client.get("/jobs").json["jobs"] == []


def test_the_model_may_be_left_out_when_there_is_one(client: FlaskClient) -> None:
    """As everywhere."""
    assert client.post("/jobs", json={"kind": "retrain"}).json["name"] == "demo"


def test_pages_hold_each_job_once(client: FlaskClient) -> None:
    """Newest first, and those of one state or model alone."""
    ids = [client.post("/jobs", json=GOOD).json["id"] for _ in range(5)][::-1]
    seen, cursor = [], {}
    while True:
        page = client.get("/jobs", query_string={"limit": 2, **cursor}).json
        seen += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ids
    client.post(f"/jobs/{ids[2]}/cancel")
    found = client.get("/jobs?state=cancelled&name=demo").json["jobs"]
    assert [job["id"] for job in found] == [ids[2]]
    assert client.get("/jobs?name=other").json["jobs"] == []
    assert client.get("/jobs?state=lost").status_code == 422


def test_a_job_that_has_ended_cannot_be_cancelled(
    client: FlaskClient, engine: Engine
) -> None:
    """409; but to cancel twice is no error, and what is not there is 404."""
    first = client.post("/jobs", json=GOOD).json["id"]
    for _ in range(2):
        answer = client.post(f"/jobs/{first}/cancel")
        assert (answer.status_code, answer.json["state"]) == (202, "cancelled")
    client.post("/jobs", json=GOOD)
    job = leases.claim(engine, "w", 60)
    assert job is not None
    told = client.post(f"/jobs/{job.id}/cancel").json
    assert (told["state"], told["cancel_requested"]) == ("running", True)
    leases.finish(engine, job.lease, SUCCEEDED, {})
    assert client.post(f"/jobs/{job.id}/cancel").status_code == 409
    for path in ("/jobs/none", "/jobs/none/report"):
        assert client.get(path).status_code == 404
    assert client.post("/jobs/none/cancel").status_code == 404


def test_only_so_many_jobs_wait(
    make_app: Callable[..., Flask], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is 429, and says when to come again."""
    monkeypatch.setattr(type(settings.jobs), "max_pending_jobs", 2)
    client = make_app().test_client()
    for status in (202, 202, 429):
        answer = client.post("/jobs", json=GOOD)
        assert answer.status_code == status
    assert "Retry-After" in answer.headers


def test_a_report_comes_as_it_is_asked_for(
    client: FlaskClient, engine: Engine, settings: Settings
) -> None:
    """JSON to a program, a page that runs nothing to a browser; 404 where there is none."""
    place = f"/jobs/{client.post('/jobs', json=GOOD).json['id']}/report"
    assert client.get(place).status_code == 404
    job = leases.claim(engine, "w", 60)
    assert job is not None
    folder = settings.server.models_dir / "demo" / "reports"
    told = {"report": "/elsewhere/models/demo/reports/r1.json"}
    leases.finish(engine, job.lease, SUCCEEDED, told)
    assert client.get(place).status_code == 404
    folder.mkdir()
    (folder / "r1.json").write_text('{"reason": "better"}')
    (folder / "r1.html").write_text("<p>better")

    assert client.get(place).json == {"reason": "better"}
    page = client.get(place, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.mimetype, page.text) == ("text/html", "<p>better")
    assert "sandbox" in page.headers["Content-Security-Policy"]


def test_the_command_line_shows_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """List, show and cancel, for people and as JSON."""
    url = f"sqlite:///{tmp_path}/x.db"
    about = ["--database", url]

    def told(*verb: str) -> Any:
        assert cli.run(["jobs", *verb, *about, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    engine = open_database(url)
    assert told("list") == {"jobs": []}
    job = store.submit(engine, store.Order("retrain", "demo", {"seed": 1}, "cli"), 9)
    engine.dispose()
    assert told("list")["jobs"][0]["id"] == job.id
    assert told("list", "--state", "failed") == {"jobs": []}
    assert told("show", job.id)["spec"] == {"seed": 1}
    assert cli.run(["jobs", "show", job.id, *about]) == 0
    assert "pending" in capsys.readouterr().out
    assert told("cancel", job.id)["state"] == "cancelled"
    assert cli.run(["jobs", "show", "none", *about]) == 2
    assert "jobs list" in capsys.readouterr().err
