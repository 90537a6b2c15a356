"""What Prometheus reads: counts of what was done, without names in them."""

from flask.testing import FlaskClient

POINTS = {
    "unique_id": "very-secret-shop",
    "ds": ["2024-01-01T00:00:00", "2024-01-01T01:00:00"],
    "y": [1.0, 2.0],
}


def read(client: FlaskClient) -> dict[str, float]:
    """Every sample by its name and labels."""
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines)
        if not name.startswith("#")
    }


def test_points_and_requests_are_counted_once(client: FlaskClient) -> None:
    """A request sent again counts as a request, and its points as duplicates."""
    for _ in range(2):
        assert client.post("/predict", json={"series": POINTS}).status_code == 200
    found = read(client)
    assert found['forecaster_points_total{outcome="applied"}'] == 2
    assert found['forecaster_points_total{outcome="duplicate"}'] == 2
    labels = 'method="POST",route="/predict",status="200"'
    assert found[f"forecaster_requests_total{{{labels}}}"] == 2
    assert found['forecaster_request_seconds_count{route="/predict"}'] == 2


def test_every_stage_is_timed_apart(client: FlaskClient) -> None:
    """Waiting, reading, computing and writing have their own times."""
    client.post("/predict", json={"series": POINTS})
    found = read(client)
    for stage in ("queue", "plan", "compute", "commit"):
        assert found[f'forecaster_stage_seconds_count{{stage="{stage}"}}'] == 1
    assert found["forecaster_batch_series_sum"] == 1


def test_no_name_of_a_series_is_told(client: FlaskClient) -> None:
    """Whoever may read counters need not know of whom."""
    client.post("/predict", json={"series": POINTS})
    client.get("/series/very-secret-shop")
    client.get("/no-such-path-very-secret-shop")
    assert b"secret" not in client.get("/metrics").data


def test_clients_cannot_make_up_labels(client: FlaskClient) -> None:
    """Any word may be sent as a method; all that are none are counted as one."""
    for word in ("AAAA", "BBBB", "CCCC"):
        client.open("/predict", method=word)
    counted = 'forecaster_requests_total{method="other"'
    found = [value for name, value in read(client).items() if name.startswith(counted)]
    assert sum(found) == 3
    assert b"BBBB" not in client.get("/metrics").data
