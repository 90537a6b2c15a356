"""Laws of /schedules: what is put is listed and followed, what makes no sense refused."""

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from service.app import service_of
from service.schedules.ticking import run_due
from service.telemetry import new_log

NIGHTLY = {"kind": "retrain", "name": "demo", "cron": "30 2 * * *", "margin": 0.05}


def put(client: FlaskClient, to: str = "nightly", **changed: Any) -> Any:
    """Put a schedule, with what is changed of the nightly one; None leaves it out."""
    body = {**NIGHTLY, **changed}
    given = {key: value for key, value in body.items() if value is not None}
    return client.put(f"/schedules/{to}", json=given)


def listed(client: FlaskClient) -> Any:
    """All schedules."""
    return client.get("/schedules").get_json()["schedules"]


def observe(client: FlaskClient, hour: int, y: float) -> None:
    """A series goes on, if need be over a gap."""
    series = {"unique_id": "a", "ds": [f"2024-01-01T{hour:02}:00:00"], "y": [y]}
    assert client.post("/observe", json={"series": series}).status_code == 200


def test_put_listed_deleted(client: FlaskClient) -> None:
    """A new one is 201, the same again 200, a deleted one 204, and then 404."""
    assert listed(client) == []
    first, again = put(client), put(client)
    assert (first.status_code, again.status_code) == (201, 200)
    assert listed(client) == [first.get_json()] == [again.get_json()]
    assert client.delete("/schedules/nightly").status_code == 204
    assert client.delete("/schedules/nightly").status_code == 404
    assert listed(client) == []


def test_what_is_told_of_one(client: FlaskClient) -> None:
    """What it is, what is asked of the job, and the next three runs in its own zone."""
    shown = put(client, timezone="Asia/Kolkata", jitter_s=60).get_json()

    assert (shown["name"], shown["model"], shown["kind"]) == (
        *("nightly", "demo"),
        "retrain",
    )
    assert shown["spec"] == {"margin": 0.05}
    assert shown["last_job"] is None
    runs = [datetime.fromisoformat(run) for run in shown["next_runs"]]
    assert len(runs) == 3
    for run in runs:
        assert run.utcoffset() == timedelta(hours=5, minutes=30)
        late = run - run.replace(hour=2, minute=30, second=0)
        assert timedelta(0) <= late <= timedelta(seconds=60)
    assert [(run.date() - runs[0].date()).days for run in runs] == [0, 1, 2]


@pytest.mark.parametrize(
    ("changed", "loc", "said"),
    [
        ({"cron": "30 25 * * *"}, "cron", "field hour"),
        ({"cron": "soon"}, "cron", "five fields"),
        ({"cron": None}, "cron", "none came"),
        ({"cron": 5}, "cron", "text"),
        ({"timezone": "Mars/Base"}, "timezone", "IANA"),
        ({"every_points": 0}, "every_points", "greater than"),
        ({"jitter_s": 90_000}, "jitter_s", "less than"),
        ({"jitter_s": 1.5}, "jitter_s", "whole number"),
        ({"name": "absent"}, "name", "there is: demo"),
        ({"name": ""}, "name", "there is: demo"),
        ({"kind": "dance"}, "kind", "retrain"),
        ({"margin": 2}, "margin", "less than 1"),
        ({"crom": "x"}, None, "unknown field 'crom'"),
    ],
)
def test_no_sense(
    client: FlaskClient, changed: dict[str, Any], loc: str | None, said: str
) -> None:
    """422, with the place and the mend; and nothing is kept."""
    answer = put(client, **changed)
    problem = answer.get_json()
    assert answer.status_code == 422
    assert said in problem["detail"]
    if loc is not None:
        assert [error["loc"] for error in problem["errors"]] == [loc]
    assert listed(client) == []


def test_names(client: FlaskClient) -> None:
    """A name of a schedule stands in a path as it is, or is refused."""
    assert put(client, "a.b-c_9").status_code == 201
    for name in ("-x", "%00", "a%20b", "x" * 65):
        assert put(client, name).status_code == 422


def test_the_only_model_need_not_be_named(client: FlaskClient) -> None:
    """A schedule without a model is about the only one there is."""
    shown = put(client, name=None).get_json()
    assert shown["model"] == "demo"


def test_the_job_it_made(app: Flask, client: FlaskClient) -> None:
    """Once it is due there is a job, and the schedule tells which, and its state."""
    shown = put(client).get_json()
    first = datetime.fromisoformat(shown["next_runs"][0])
    database: Engine = service_of(app).store._engine

    (job,) = run_due(database, new_log(io.StringIO()), first.timestamp())

    (after,) = listed(client)
    assert after["last_job"]["id"] == job.id
    assert after["last_job"]["state"] == "pending"
    assert after["last_job"]["reason"] == "by the clock"
    assert client.get(f"/jobs/{job.id}").get_json()["origin"] == "schedule:nightly"


def test_points_are_told(client: FlaskClient) -> None:
    """How many points came since it was put."""
    for step, y in ((0, 1.0), (1, 2.0)):
        observe(client, step, y)
    put(client, cron=None, every_points=10)
    observe(client, 4, 3.0)

    (shown,) = listed(client)
    assert (shown["new_points"], shown["next_runs"]) == (3, [])
