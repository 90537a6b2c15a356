"""A real server on a really trained model, run as a user runs it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
START_S = 120  # a loaded machine imports TensorFlow slowly


class Server:
    """`forecaster serve` in a process of its own."""

    def __init__(self, models_dir: Path, folder: Path, **settings: object) -> None:
        settings = {"database": f"sqlite:///{folder}/service.db", **settings}
        self.port = _free_port()
        self.folder = folder
        environ = {f"FORECASTER_{k.upper()}": str(v) for k, v in settings.items()}
        self.log = (folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "forecaster", "serve"),
                *("--port", str(self.port), "--models-dir", str(models_dir)),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdout=self.log,
            stderr=self.log,
        )

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        key: str | None = None,
        retry: str | None = None,
    ) -> tuple[int, Any]:
        """One request on a connection of its own: (status, JSON or text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {} if body is None else {"Content-Type": "application/json"}
        headers |= {} if key is None else {"Authorization": f"Bearer {key}"}
        headers |= {} if retry is None else {"Idempotency-Key": retry}
        data = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status, json.loads(text) if is_json else text

    def post(self, path: str, body: object) -> Any:
        """A request that must succeed."""
        status, answer = self.call("POST", path, body)
        assert status == 200, answer
        return answer

    def wait_for(self, path: str, status: int) -> Any:
        """Ask until the answer has that status."""
        answer: Any = None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.read_log()
            try:
                found, answer = self.call("GET", path)
                if found == status:
                    return answer
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(
            f"{path} did not answer {status}: {answer}\n{self.read_log()}"
        )

    def stop(self) -> int:
        """End it as a container would; what it exits with."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self.log.close()

    def read_log(self) -> str:
        """All it has printed."""
        return (self.folder / "server.log").read_text(errors="replace")


@pytest.fixture
def start_server(tmp_path: Path, tiny_models: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on one database; none outlives the test."""
    started: list[Server] = []

    def start(models_dir: Path = tiny_models, **settings: object) -> Server:
        started.append(Server(models_dir, tmp_path, **settings))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
