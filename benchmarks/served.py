"""The service in processes of its own, as a user runs it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Self

ROOT = Path(__file__).parents[1]
START_S = 120  # a loaded machine imports TensorFlow slowly


class Served:
    """`forecaster serve` with its workers."""

    def __init__(self, models_dir: Path, folder: Path, **settings: object) -> None:
        """Prepare it.

        Args:
            models_dir: what it serves.
            folder: where it runs, logs, and keeps its database unless told otherwise.
            settings: by name.
        """
        settings = {"database": f"sqlite:///{folder}/service.db", **settings}
        self.database = str(settings["database"])
        self.port = _free_port()
        self.folder = folder
        self._models_dir = models_dir
        self._environ = {f"FORECASTER_{k.upper()}": str(v) for k, v in settings.items()}

    def start(self) -> None:
        """Start it, in a group of processes of its own."""
        self._log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "forecaster", "serve"),
                *("--port", str(self.port), "--models-dir", str(self._models_dir)),
            ],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self._environ},
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start it and wait until it is ready; it is stopped when the block ends."""
        self.start()
        try:
            self.wait_for("/health/ready", 200)
            yield self
        finally:
            self.stop()

    def workers(self) -> list[int]:
        """The processes that answer."""
        file = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            return [int(pid) for pid in file.read_text(encoding="ascii").split()]
        except OSError:
            return []

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

    def wait_for(self, path: str, status: int, patience_s: float = START_S) -> Any:
        """Ask until the answer has that status."""
        answer: Any = None
        deadline = time.monotonic() + patience_s
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
            self.kill()

    def kill(self) -> None:
        """End it and all its workers at once, as a machine does that loses its power."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()

    def behead(self) -> None:
        """End the master alone; its workers notice, and give up the port."""
        self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + START_S
        while not _is_free(self.port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"workers without a master hold port {self.port}")
            time.sleep(0.1)
        self._log.close()

    def read_log(self) -> str:
        """All it has printed."""
        return (self.folder / "server.log").read_text(errors="replace")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Bare:
    """The route of `benchmarks.bare` under gunicorn, while the block lasts."""

    WORKERS: ClassVar = {
        "bare route": "service.edge.worker.Worker",
        "bare route, gthread": "gthread",
    }

    def __init__(
        self, kind: str, folder: Path, workers: int, threads: int, answer: Path
    ) -> None:
        """Prepare it.

        Args:
            kind: one of `WORKERS`: whether gunicorn's worker or that of the service.
            folder: where it runs.
            workers: processes that answer.
            threads: in each of them.
            answer: the file it answers.
        """
        self.port = _free_port()
        self._folder = folder
        self._environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BARE_ANSWER": str(answer),
        }
        self._command = [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}"),
            *("--workers", str(workers), "--threads", str(threads)),
            *("--worker-class", self.WORKERS[kind], "--keep-alive", "5"),
            *("--no-control-socket", "--log-level", "error", "benchmarks.bare:app"),
        ]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, env=self._environ, start_new_session=True
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            time.sleep(0.1)
        raise AssertionError("the bare route did not start")

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
