"""Several workers on one PostgreSQL server, which does not always stay with them."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from forecaster.artifact import Artifact
from tests import postgresql
from tests.journeys.conftest import Server
from tests.journeys.test_service import entry, history, numbers, replay

pytestmark = pytest.mark.tf
CLIENTS, ROUNDS, CHUNK = 4, 15, 8
PATIENCE_S = 120


def insist(server: Server, body: dict[str, Any], key: str | None = None) -> Any:
    """Send until it is answered with 200; on the way there may be 503s."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        status, answer = server.call("POST", "/observe", body, retry=key)
        if status == 200 and not answer["errors"]:
            return answer["series"][0]
        assert status == 503, answer
        assert answer["status"] == 503
        time.sleep(0.05)
    raise AssertionError(f"no answer but 503 for {PATIENCE_S} s")


def test_connections_that_break_lose_nothing_and_apply_nothing_twice(
    start_server: Callable[..., Server],
    tiny_artifact: Artifact,
    postgresql_server: postgresql.Server,
) -> None:
    """Clients of the same series send again what was not answered, and it counts once."""
    values = history(ROUNDS * CHUNK)
    url = postgresql_server.emptied()
    server = start_server(database=url, workers=3)
    server.wait_for("/health/ready", 200)
    insist(server, {"series": entry("counted", [1.0])})
    over = threading.Event()

    def cut() -> int:
        cuts = 0
        while not over.wait(0.1):
            cuts += postgresql_server.cut(url)
        return cuts

    def send(client: int) -> None:
        for place in range(0, len(values), CHUNK):
            series = entry("shared", values[place : place + CHUNK], place)
            insist(server, {"series": series})
            one = {"unique_id": "counted", "y": [float(place)]}
            insist(server, {"series": one}, key=f"{client} {place}")

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        cutting = pool.submit(cut)
        sending = [pool.submit(send, client) for client in range(CLIENTS)]
        try:
            for one in sending:
                one.result()
        finally:
            over.set()

    assert cutting.result() > 0
    answer = server.post("/predict", {"series": {"unique_id": "shared"}})
    found = answer["forecasts"][0]
    assert found["state"]["seq"] == len(values)
    np.testing.assert_allclose(
        numbers(found)[1:], replay(tiny_artifact, values), rtol=1e-5
    )
    _, counted = server.call("GET", "/series/counted")
    assert counted["count"] == 1 + CLIENTS * ROUNDS


def test_a_server_that_was_away_is_found_again(
    start_server: Callable[..., Server], postgresql_server: postgresql.Server
) -> None:
    """Meanwhile workers say 503 and why; one that is to start then waits for it."""
    server = start_server(database=postgresql_server.emptied(), workers=2)
    server.wait_for("/health/ready", 200)
    insist(server, {"series": entry("a", [1.0, 2.0])})
    postgresql_server.stop()
    try:
        problem = server.wait_for("/health/ready", 503)
        assert problem["type"].endswith("service-unavailable")
        body = {"series": entry("a", [2.0, 3.0], 1)}
        assert server.call("POST", "/observe", body)[0] == 503
        assert server.call("GET", "/series/a")[0] == 503
        assert server.call("GET", "/health/live")[0] == 200
        worker = server.read_log().rsplit("Booting worker with pid: ", 1)[1].split()[0]
        os.kill(int(worker), signal.SIGKILL)
        while server.read_log().count("Booting worker") < 3:
            time.sleep(0.1)
        time.sleep(
            3
        )  # in which the new worker must not give up, and the server with it
    finally:
        postgresql_server.start()

    assert insist(server, body)["state"]["seq"] == 3
    assert server.process.poll() is None
