"""Jobs over HTTP, with the worker that `serve --with-worker` keeps beside the service."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Server

pytestmark = pytest.mark.tf
PATIENCE_S = 300.0


def workers_beside(server: Server) -> list[int]:
    """The processes that do jobs for a server, whoever started them."""
    mine = f"--database {server.database}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ")
            environ = (path / "environ").read_bytes()
        except OSError:
            continue
        is_worker = b"forecaster worker" in command or b"service.jobs" in command
        if is_worker and (mine in command or server.database.encode() in environ):
            found.append(int(path.name))
    return found


def ended(server: Server, place: str) -> Any:
    """The job at a place, once it has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        status, job = server.call("GET", place)
        assert status == 200
        if job["state"] not in ("pending", "running"):
            return job
        assert time.monotonic() < deadline, (job, server.read_log())
        time.sleep(0.1)


def submitted(server: Server) -> str:
    """Where a job is, for a model of which nothing was observed."""
    status, job = server.call("POST", "/jobs", {"kind": "retrain", "name": "tiny"})
    assert status == 202
    return f"/jobs/{job['id']}"


def test_the_worker_of_a_server_is_kept_and_ends_with_it(
    start_server: Callable[..., Server],
) -> None:
    """It does what is asked for, comes again when it is killed, and leaves nothing."""
    server = start_server(with_worker=1, job_lease_s=4, job_niceness=0)
    server.wait_for("/health/ready", 200)
    job = ended(server, submitted(server))
    assert (job["state"], job["attempt"]) == ("failed", 1)
    assert "POST /observe" in job["error"]

    first = job["worker"].split("-")[-2]
    os.kill(int(first), signal.SIGKILL)
    again = ended(server, submitted(server))
    assert again["state"] == "failed"
    assert again["worker"].split("-")[-2] != first
    assert server.call("GET", "/health/ready")[0] == 200

    assert workers_beside(server)
    assert server.stop() == 0
    deadline = time.monotonic() + PATIENCE_S
    while workers_beside(server):
        assert time.monotonic() < deadline
        time.sleep(0.1)
