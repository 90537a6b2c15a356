"""Laws of live scores: kept by model, version and day, and drift is noticed once."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from service.database import open_database, reading
from service.live_scores import drifted, keep, newest, tell
from service.metrics import Metrics


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An empty database of each kind."""
    made = open_database(database)
    yield made
    made.dispose()


def day(number: int, error: float | None = 1.0, count: int = 5) -> dict[str, Any]:
    """One day of a month, with its error."""
    scores = {"mase": error, "wql": 0.1, "coverage-80": 0.8, "coverage-95": None}
    return {"day": f"2024-05-{number:02}", "count": count, "scores": scores}


def drifts(engine: Engine) -> dict[str, int]:
    """When drift was noticed, by model."""
    with reading(engine) as connection:
        return drifted(connection)


def test_days_are_kept_and_replaced(engine: Engine) -> None:
    """A day that is scored again has its newest scores; others stay as they were."""
    keep(engine, "demo", "v1", [day(1), day(2), day(3)], 50)
    keep(engine, "demo", "v1", [day(3, 2.0, 6), day(4)], 60)
    keep(engine, "demo", "v2", [day(4, 0.5)], 60)
    keep(engine, "other", "v1", [day(9)], 60)

    found = newest(engine, "demo", 4)

    shown = [(one.version, one.day[-1], one.count, one.scores["mase"]) for one in found]
    assert shown == [
        ("v2", "4", 5, 0.5),
        ("v1", "4", 5, 1.0),
        ("v1", "3", 6, 2.0),
        ("v1", "2", 5, 1.0),
    ]
    assert found[0].scores["coverage-95"] is None
    assert drifts(engine) == {}


def test_drift_is_noticed_once(engine: Engine) -> None:
    """Errors that stay twice as high are noticed, once, of that version of that model."""
    usual = [day(number, 1.0 + 0.05 * (number % 3)) for number in range(1, 15)]
    assert keep(engine, "demo", "v1", usual, 50) == []
    worse = [day(number, 2.0) for number in range(15, 17)]

    noticed = keep(engine, "demo", "v1", worse, 60)

    assert noticed
    assert drifts(engine) == {"demo": 60}
    assert keep(engine, "demo", "v1", [*usual, *worse], 70) == []
    assert keep(engine, "demo", "v2", worse, 70) == []
    assert drifts(engine) == {"demo": 60}


def test_whole_steps_are_in_order(engine: Engine) -> None:
    """Of series in whole steps the day is a number, and 100 comes behind 99."""
    for number in (100, 99, 101):
        keep(engine, "demo", "v1", [{**day(1), "day": str(number)}], 50)
    assert [one.day for one in newest(engine, "demo", 9)] == ["101", "100", "99"]


def test_drift_is_that_of_the_champion_alone(engine: Engine) -> None:
    """However badly a version in its shadow forecasts, nothing is noticed of it."""
    usual = [day(number, 1.0 + 0.05 * (number % 3)) for number in range(1, 17)]
    worse = [*usual[:10], *(day(number, 5.0) for number in range(11, 17))]
    assert keep(engine, "demo", "v1", usual, 50, {"v2": worse}) == []
    assert drifts(engine) == {}
    assert keep(engine, "demo", "v2", worse, 60, {"v1": usual}) != []
    assert drifts(engine) == {"demo": 60}


def test_prometheus_hears_of_each_version(engine: Engine) -> None:
    """Those scored on the newest day, each under its own name; of older days nobody."""
    keep(engine, "demo", "v1", [day(1, 7.0)], 50, {"v0": [day(1, 8.0)]})
    keep(engine, "demo", "v1", [day(2, 1.5)], 60, {"v2": [day(2, 0.5)], "v3": []})
    metrics = Metrics()
    tell(engine, metrics)
    told = metrics.text().decode()
    lines = [line for line in told.splitlines() if 'measure="mase"' in line]
    of = 'forecaster_live_score{measure="mase",model="demo",version='
    assert sorted(lines) == [f'{of}"v1"}} 1.5', f'{of}"v2"}} 0.5']
