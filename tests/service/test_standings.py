"""Laws of standings: versions compare on days that all have, as much as these weigh."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from forecaster import manifest as manifests
from forecaster.cli import verbs
from forecaster.registry import set_alias
from service.app import service_of
from service.live_scores import Scored, keep
from service.standings import Live, averaged
from tests.service.conftest import VERSION, add_version
from tests.service.fakes import manifest

OTHER = "20260102T000000Z-1a2b"
LATER = "20260103T000000Z-1a2b"


def day(name: str, error: float | None, count: int = 3) -> Scored:
    """One day of some version."""
    return Scored("v", name, count, {"mase": error, "psi": 0.5}, None)


def test_only_days_that_all_have_count() -> None:
    """Each as much as it has forecasts, and none whose forecasts are not the same."""
    found = averaged(
        {
            "a": [day("04", 1.0, 1), day("03", 2.0, 3), day("02", 9.0), day("01", 9.0)],
            "b": [day("04", 3.0, 1), day("03", 3.0, 3), day("02", 9.0, 2)],
        }
    )
    assert found == {
        "a": Live("03", "04", 2, 4, {"mase": 1.75}),
        "b": Live("03", "04", 2, 4, {"mase": 3.0}),
    }


def test_who_was_not_scored_lately_is_not_compared() -> None:
    """And hinders nobody; of whole steps 100 is later than 99."""
    days = [day("100", 1.0), day("99", 2.0)]
    found = averaged({"a": days, "old": [day("99", 1.0)], "new": []})
    assert found == {"a": Live("99", "100", 2, 6, {"mase": 1.5})}
    assert averaged({"a": []}) == averaged({}) == {}


def test_what_nobody_can_say_is_left_out_of_means() -> None:
    """A day whose errors have no scale weighs nothing; without others there is none."""
    found = averaged({"a": [day("2", None), day("1", 2.0)]})
    assert found["a"].scores == {"mase": 2.0}
    assert averaged({"a": [day("2", None)]})["a"].scores == {"mase": None}


@pytest.fixture
def versions(settings: object, tmp_path: Path) -> Path:
    """A challenger with a manifest, a damaged version before, beside the champion."""
    models = tmp_path / "models"
    add_version(models, "demo", OTHER, "previous")
    folder = models / "demo" / LATER
    folder.mkdir()
    made = replace(
        manifest(version=LATER), metrics={"mase": 0.7}, data={"last": "2026"}
    )
    (folder / manifests.FILE_NAME).write_text(made.to_json())
    set_alias(models, "demo", "challenger", LATER)
    return models


def test_standings_are_shown(versions: Path, app: Flask, client: FlaskClient) -> None:
    """One look tells what training said of each version, and how it does since."""
    before = client.post("/predict", json=BODY).get_json()
    scores = {"mase": 1.5, "wql": 0.2, "coverage-80": 0.75, "coverage-95": None}
    days = [{"day": f"2026-02-0{d}", "count": 3, "scores": scores} for d in (1, 2, 3)]
    better = [{**one, "scores": {**scores, "mase": 0.5}} for one in days[1:]]
    engine = service_of(app).store._engine
    keep(engine, "demo", VERSION, days, 77, {LATER: better})

    champion, *others = client.get("/models/demo").get_json()["standings"]

    assert (champion["version"], champion["aliases"]) == (VERSION, ["champion"])
    assert champion["live"] == {
        "first_day": "2026-02-02",
        "last_day": "2026-02-03",
        "days": 2,
        "count": 6,
        "scores": scores,
    }
    challenger, previous = others
    assert challenger["aliases"] == ["challenger"]
    assert challenger["validation"] == {"mase": 0.7}
    assert challenger["trained_until"] == "2026"
    assert challenger["live"]["scores"]["mase"] == 0.5
    assert (previous["version"], previous["live"]) == (OTHER, None)
    assert "expected format_version" in previous["problem"]
    assert str(versions) not in previous["problem"]
    # Whoever stands in the shadow answers nobody.
    after = client.post("/predict", json=BODY).get_json()
    assert after["model"] == before["model"]
    assert after["forecasts"][0]["median"] == before["forecasts"][0]["median"]


BODY = {
    "name": "demo",
    "series": {"unique_id": "s", "ds": ["2026-01-01T00:00:00"], "y": [1.0]},
}


def test_standings_are_printed(versions: Path, app: Flask, tmp_path: Path) -> None:
    """The command line shows the same, a line for each version."""
    day = {"day": "2026-02-01", "count": 3, "scores": {"mase": 1.5, "wql": None}}
    keep(service_of(app).store._engine, "demo", VERSION, [day], 77, {LATER: [day]})
    where = ["--models-dir", str(versions), "--database", database_in(tmp_path)]
    shell = CliRunner()
    text = shell.invoke(verbs, ["models", "standings", "demo", *where]).output
    head, _, challenger, _, period = text.splitlines()
    assert head.split()[:6] == [
        "VERSION",
        "ALIASES",
        "TRAINED",
        "UNTIL",
        "MASE",
        "LIVE",
    ]
    told = [LATER, "challenger", "2026", "0.7", "1.5", *["-"] * 6]
    assert challenger.split() == told
    assert period == "live: 1 day, 2026-02-01 to 2026-02-01, 3 forecasts each"
    told = shell.invoke(verbs, ["models", "standings", "--json", *where]).output
    shown = app.test_client().get("/models/demo").get_json()["standings"]
    assert json.loads(told) == {"name": "demo", "standings": shown}


def database_in(folder: Path) -> str:
    """The URL of the database of the service."""
    return f"sqlite:///{folder}/state/service.db"
