"""Laws of what a forecast looks like."""

from typing import Any

import pytest
from flask.testing import FlaskClient

BODY = {"series": {"unique_id": "a", "ds": ["2024-01-01T00:00"], "y": [8.0]}, "h": 2}


def forecast(client: FlaskClient, **asked: Any) -> dict[str, Any]:
    """The forecast of one series."""
    answer: dict[str, Any] = client.post("/predict", json={**BODY, **asked}).json
    return answer["forecasts"][0]  # type: ignore[no-any-return]


def test_by_default_the_quantiles_of_the_model_are_given(client: FlaskClient) -> None:
    """By their level; 0.5 is the median."""
    found = forecast(client)
    assert list(found["quantiles"]) == ["0.025", "0.1", "0.5", "0.9", "0.975"]
    assert found["quantiles"]["0.5"] == found["median"] == [2.0, 2.0]
    assert found["intervals"] == {}
    assert found["ds"] == ["2024-01-01T01:00:00", "2024-01-01T02:00:00"]


def test_a_level_is_the_interval_between_its_quantiles(client: FlaskClient) -> None:
    """80 % lie between 0.1 and 0.9, named as the user wrote the level."""
    quantiles = forecast(client)["quantiles"]
    found = forecast(client, level=[95, 80, 62.5])

    assert list(found["intervals"]) == [
        *("lo-95", "hi-95", "lo-80", "hi-80", "lo-62.5", "hi-62.5")
    ]
    assert found["intervals"]["lo-80"] == quantiles["0.1"]
    assert found["intervals"]["hi-95"] == quantiles["0.975"]
    assert found["quantiles"]["0.1875"] == found["intervals"]["lo-62.5"]
    assert found["median"] == quantiles["0.5"]


def test_quantiles_between_those_of_the_model_lie_between(client: FlaskClient) -> None:
    """Any level inside its range may be asked for."""
    found = forecast(client, quantiles=[0.1, 0.3, 0.5])["quantiles"]
    assert list(found) == ["0.1", "0.3", "0.5"]
    assert found["0.3"][1] == pytest.approx((found["0.1"][1] + found["0.5"][1]) / 2)


@pytest.mark.parametrize("query", ["level=80,95", "level=80&level=95"])
def test_levels_in_a_query_may_be_written_both_ways(
    client: FlaskClient, query: str
) -> None:
    """And mean what they mean in a body."""
    expected = forecast(client, level=[80, 95])
    found = client.get(f"/series/a/forecast?h=2&{query}").json
    assert found["intervals"] == expected["intervals"]


def test_pages_lead_to_the_next_one(client: FlaskClient) -> None:
    """Until there is none; every series is on one page."""
    for unique_id in "abcde":
        client.post(
            "/observe",
            json={"series": {**BODY["series"], "unique_id": unique_id}},  # type: ignore[dict-item]
        )
    seen: list[str] = []
    path = "/series?limit=2"
    while path:
        page = client.get(path).json
        seen += [one["unique_id"] for one in page["series"]]
        cursor = page["next_cursor"]
        path = cursor and f"/series?limit=2&cursor={cursor}"
    assert seen == list("abcde")
