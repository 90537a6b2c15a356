"""What becomes of the data of a service that runs: pruned, saved, brought back."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from forecaster.artifact import Artifact
from service.database import open_database, writing
from service.retention import need_of
from tests.journeys.conftest import Server
from tests.journeys.test_service import entry, history, numbers

pytestmark = pytest.mark.tf
PATIENCE_S = 120


def until_pruned(server: Server, unique_id: str) -> dict[str, Any]:
    """Wait for the log to begin later than the series; what is shown of it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        shown: dict[str, Any] = server.call("GET", f"/series/{unique_id}")[1]
        if shown["kept_ds"] != shown["first_ds"]:
            return shown
        time.sleep(0.2)
    raise AssertionError(server.read_log())


def test_a_server_forgets_what_it_need_not_keep(
    start_server: Callable[..., Server], tiny_artifact: Artifact
) -> None:
    """Forecasts from the carried state stay; from one made anew they stay close."""
    kept = need_of(tiny_artifact.manifest).steps
    server = start_server(keep_points=1, workers=2)
    server.wait_for("/health/ready", 200)
    body = {"series": entry("a", history(900)), "h": 12}
    before = server.post("/predict", body)["forecasts"][0]

    shown = until_pruned(server, "a")

    assert shown["count"] == before["state"]["seq"] == 900
    after = server.call("GET", "/series/a/forecast?h=12")[1]
    np.testing.assert_array_equal(numbers(after), numbers(before))
    status, refused = server.call("POST", "/observe", body)
    assert (status, refused["status"]) == (409, 409)
    assert "(keep_points, keep_days)" in refused["detail"]
    assert server.stop() == 0

    engine = open_database(server.database)
    with writing(engine) as connection:
        rows = connection.execute(text("SELECT min(step) FROM observations")).scalar()
        connection.execute(text("DELETE FROM states"))
    engine.dispose()
    assert 900 - kept <= int(rows or 0) <= 900 - kept + 20  # values may be missing
    server = start_server()
    server.wait_for("/health/ready", 200)
    anew = server.call("GET", "/series/a/forecast?h=12")[1]
    fan = numbers(before)
    width = fan[-1] - fan[1]
    assert (np.abs(numbers(anew) - fan) / width).max() < 0.1
