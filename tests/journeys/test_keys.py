"""Keys as users meet them: a server that others can reach, and several workers."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from benchmarks.served import ROOT
from service.keyring import MAX_AGE_S
from tests.journeys.conftest import Server

SERIES = {"series": {"unique_id": "a", "ds": ["2024-01-01"], "y": [1.0]}}
SLACK_S = 1.0  # a loaded machine answers late


@pytest.fixture
def keys(tmp_path: Path) -> Callable[..., Any]:
    """`forecaster keys … --json` on the database of the test."""
    environ = {"FORECASTER_DATABASE": f"sqlite:///{tmp_path}/service.db"}

    def run(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "forecaster", "keys", *words, "--json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers without a model: nothing here needs a forecast."""
    started: list[Server] = []

    def begin(**settings: object) -> Server:
        started.append(Server(tmp_path / "none", tmp_path, **settings))
        return started[-1]

    yield begin
    for server in started:
        server.stop()


def statuses(server: Server, key: str, count: int) -> Counter[int]:
    """What so many requests with a key are answered, each on its own connection."""
    return Counter(server.call("GET", "/models", key=key)[0] for _ in range(count))


def test_a_server_for_others_asks_every_one_of_them_for_a_key(
    start: Callable[..., Server], keys: Callable[..., Any], tmp_path: Path
) -> None:
    """It does not start without; a key that is made works at once, in every worker;
    one that is revoked nowhere, a few seconds later; none is written anywhere."""
    alone = start(host="0.0.0.0")
    assert alone.process.wait(timeout=60) == 2
    assert "forecaster keys create" in alone.read_log()

    reader = keys("create", "--name", "reader", "--scope", "read")
    server = start(host="0.0.0.0", workers=2)
    server.wait_for("/health/live", 200)
    assert server.call("GET", "/models")[0] == 401
    assert server.call("GET", "/models", key=reader["key"])[0] == 200
    assert server.call("POST", "/predict", SERIES, key=reader["key"])[0] == 403
    caller = keys("create", "--name", "caller", "--scope", "predict")
    for _ in range(10):  # 503: it may, but there is no model
        assert server.call("POST", "/predict", SERIES, key=caller["key"])[0] == 503

    assert statuses(server, reader["key"], 20) == {200: 20}
    keys("revoke", reader["id"])
    time.sleep(MAX_AGE_S + SLACK_S)
    assert statuses(server, reader["key"], 20) == {401: 20}
    assert server.call("POST", "/predict", SERIES, key=caller["key"])[0] == 503
    assert server.stop() == 0

    written = b"".join(file.read_bytes() for file in tmp_path.glob("s*"))  # and the log
    for made in (reader, caller):
        assert made["id"].encode() in written
        assert made["key"].rpartition("_")[2].encode() not in written


def test_the_first_key_closes_a_service_that_was_open(
    start: Callable[..., Server], keys: Callable[..., Any]
) -> None:
    """Nobody is asked before, and everybody a few seconds later."""
    server = start(host="0.0.0.0", insecure=1)
    server.wait_for("/health/live", 200)
    assert server.call("GET", "/models")[0] == 200
    made = keys("create", "--name", "first", "--scope", "read")
    server.wait_for("/models", 401)
    assert server.call("GET", "/models", key=made["key"])[0] == 200


def ask(url: str, times: int) -> None:
    """Ask so often: on a slow machine some requests come back meanwhile."""
    for _ in range(times):
        urlopen(url, timeout=60).close()


def test_a_client_that_asks_too_often_waits_as_told(
    start: Callable[..., Server],
) -> None:
    """429 says when to come back; who does is served, and health always is."""
    server = start(rate_limit=20)
    server.wait_for("/health/live", 200)
    assert [server.call("GET", "/models")[0] for _ in range(20)] == [200] * 20
    with pytest.raises(HTTPError) as refused:
        ask(f"http://127.0.0.1:{server.port}/models", 20)
    assert refused.value.code == 429
    assert "20 requests a minute" in json.load(refused.value)["detail"]
    assert server.call("GET", "/health/live")[0] == 200
    time.sleep(int(refused.value.headers["Retry-After"]))
    assert server.call("GET", "/models")[0] == 200
