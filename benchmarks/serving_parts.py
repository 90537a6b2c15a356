"""What is measured of a running service, see `serving`."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bulk_client, machine, measured, ours, peering
from benchmarks.made import waves
from benchmarks.peering import Peer
from benchmarks.results import Record
from benchmarks.served import ROOT, Bare, Served
from forecaster.settings import load

NAME = "waves"
STEPS = "[training]\nsteps = 100\n"  # what a step costs does not depend on its weights
CLIENTS = (1, 16, 64)
HISTORIES = (100, 100_000)
POINTS = 300  # single ones, to tell the latency of
LATE, CORRECTIONS = 10, 7  # steps behind the newest; of a series
PRIMED = 72  # points that series have before the bulk request
PORTION = 10_000  # points or series of one request


@dataclass(frozen=True, slots=True)
class Bench:
    """What all parts work with."""

    models: Path
    work: Path
    workers: int
    peer_python: Path

    @property
    def folder(self) -> Path:
        """Where the servers of a part run."""
        return self.work / "run"

    @contextmanager
    def served(self, **settings: object) -> Iterator[Served]:
        """Give a service that is ready, and end it."""
        server = Served(self.models, self.folder, workers=self.workers, **settings)
        server.start()
        try:
            server.wait_for("/health/ready", 200)
            yield server
        finally:
            server.kill()

    @property
    def version(self) -> Path:
        """The folder of the model's version."""
        return next(self.models.glob(f"{NAME}/*/manifest.json")).parent


def model(work: Path) -> Path:
    """The models folder, with one of the default size that forecasts 24 steps.

    Of each revision another: what is served is also the graph that was exported.
    """
    folder = work / "model" / machine.revision()
    if not (folder / "models" / NAME).exists():
        ours.train(waves(100_000), ours.Run(folder, 0, config=STEPS))
    return folder / "models"


def single(bench: Bench, seconds: float) -> list[Record]:
    """Answers a second and latency of single points, ours and of a bare route."""
    found = []
    answer = bench.folder / "answer.json"
    with bench.served() as server:
        body = {"series": {"unique_id": "a", "ds": [1], "y": [10.0]}}
        answer.write_text(json.dumps(server.post("/predict", body)), encoding="utf-8")
        for clients in CLIENTS:
            record = _load(server.port, clients, seconds)
            found.append({"method": f"ours, {clients}", **record})
    threads = load().server.threads
    for kind in Bare.WORKERS:
        with Bare(kind, bench.folder, bench.workers, threads, answer) as bare:
            for clients in CLIENTS:
                record = _load(bare.port, clients, seconds)
                found.append({"method": f"{kind}, {clients}", **record})
    return found


def history(bench: Bench) -> list[Record]:
    """Latency of one new point, and of a correction, after short and long histories."""
    found = []
    artifact = _artifact(bench)
    with bench.served() as server:
        for length in HISTORIES:
            for begin in range(0, length, PORTION):
                _observe(server, f"h{length}", begin, min(PORTION, length - begin))
        took: dict[int, list[float]] = {length: [] for length in HISTORIES}
        for point in range(POINTS):  # in turns, so that other work disturbs them alike
            for length in HISTORIES:
                began = time.perf_counter()
                _observe(server, f"h{length}", length + point, 1, "/predict")
                took[length].append(time.perf_counter() - began)
        late = {length: _corrected(server, length) for length in HISTORIES}
    for length in HISTORIES:
        again = _seconds(lambda n=length: _encode(artifact, n))  # type: ignore[misc]
        p50 = float(np.median(took[length])) * 1000
        record = {"p50_ms": p50, "late_ms": late[length], "encode_ms": again * 1000}
        found.append({"method": f"{length}", **record})
    return found


def _corrected(server: Served, length: int) -> float:
    """Milliseconds to correct a value that is `LATE` steps old; the median."""
    took = []
    for again in range(CORRECTIONS):
        point = {"ds": [length + POINTS - LATE], "y": [float(again)]}
        body = {"series": {"unique_id": f"h{length}", **point}, "on_conflict": "revise"}
        took.append(_timed(lambda body=body: server.post("/predict", body)))  # type: ignore[misc]
    return float(np.median(took)) * 1000


def bulk(bench: Bench, series: int) -> list[Record]:
    """Series a second, of requests with one new point of each of many."""
    found = []
    with bench.served(max_points=10**7, max_body_bytes=2**28) as server:
        for kind in bulk_client.KINDS:
            ids = [f"{kind}-{number}" for number in range(series)]
            bulk_client.send(server.port, kind, ids, (0, PRIMED))
            took = min(
                bulk_client.send(server.port, kind, ids, (PRIMED + point, 1))
                for point in range(3)
            )
            found.append({"method": f"ours, {kind}", "per_s": series / took})
    artifact = _artifact(bench)
    found.append({"method": "the model alone", "per_s": _alone(artifact, series)})
    if bench.peer_python.exists():
        case = waves(series // 10 * 1000)  # a tenth: these series are long
        peer = Peer("LSTM", bench.peer_python, max_steps=10)
        _, answer, _ = peering.forecast(case, peer, bench.folder / "peer")
        rate = len(case.panel) / answer["predict_s"]
        found.append({"method": "neuralforecast LSTM, predict", "per_s": rate})
    return found


def memory(bench: Bench, requests: int) -> list[Record]:
    """Start to ready, and the resident memory of the workers as requests come."""
    server = Served(bench.models, bench.folder, workers=bench.workers)
    server.start()
    began = time.monotonic()
    try:
        server.wait_for("/health/ready", 200)
        found = [{"method": "0", "ready_s": time.monotonic() - began, **_rss(server)}]
        done, first = 0, 1
        while done < requests:
            record = _load(server.port, 16, 20.0, first)
            done += int(record["per_s"] * 20)
            first += 10**6  # a gap is refused: each load begins series of its own
            found.append({"method": f"{done}", **_rss(server)})
    finally:
        server.kill()
    return found


def many(bench: Bench, series: int) -> list[Record]:
    """A database of very many series: how fast, how large, how long to start."""
    with bench.served(max_points=10**6, max_body_bytes=2**28) as server:
        began = time.monotonic()
        for begin in range(0, series, PORTION):
            ids = [
                f"m{number}" for number in range(begin, min(begin + PORTION, series))
            ]
            bulk_client.send(server.port, "Arrow", ids, (0, 1), "/observe")
        took = time.monotonic() - began
        assert server.stop() == 0
    size = sum(file.stat().st_size for file in bench.folder.glob("service.db*"))
    began = time.monotonic()
    with bench.served() as server:
        ready = time.monotonic() - began
        bulk_client.send(server.port, "JSON", ["m0"], (1, 1))
    state = 4 * int(_artifact(bench).manifest.state_size)
    return [
        {
            "method": f"{series}",
            "per_s": series / took,
            "bytes": size / series,
            "state_bytes": state,
            "ready_s": ready,
        }
    ]


def _load(port: int, clients: int, seconds: float, first: int = 1) -> Record:
    """What clients in a process of their own saw."""
    given = [str(port), str(clients), str(seconds), str(first)]
    command = [sys.executable, "-m", "benchmarks.load", *given]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _observe(
    server: Served, name: str, begin: int, count: int, path: str = "/observe"
) -> None:
    steps = np.arange(begin, begin + count)
    values = (100 + 30 * np.sin(steps / 24 * 2 * np.pi)).round(2)
    body = {"unique_id": name, "ds": (steps + 1).tolist(), "y": values.tolist()}
    server.post(path, {"series": body})


def _artifact(bench: Bench) -> Any:
    from forecaster import artifact
    from forecaster.cli.common import import_tensorflow

    import_tensorflow()
    return artifact.load(bench.version)


def _encode(artifact: Any, length: int) -> None:
    """Read a whole history and forecast, as libraries do at each call."""
    from forecaster.streaming import advance_series, forecast_series

    values = [np.sin(np.arange(length)) + 2.0]
    state = advance_series(artifact, artifact.initial_state(1), values, [1])
    forecast_series(artifact, state, [length], artifact.manifest.horizon)


def _alone(artifact: Any, series: int, batch: int = 512) -> float:
    """Series a second of the model in this process, without HTTP and store."""
    horizon, width = artifact.manifest.horizon, len(artifact.manifest.features)
    states = artifact.initial_state(batch)
    y = np.ones((batch, 1), np.float32)
    x = np.zeros((batch, 1 + horizon, width), np.float32)
    seconds = _seconds(lambda: artifact.step(states, y, x))
    return batch / seconds


def _seconds(call: Callable[[], object], runs: int = 5) -> float:
    """The fastest of some runs: what disturbs a machine only makes it slower."""
    call()
    return min(_timed(call) for _ in range(runs))


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _rss(server: Served) -> Record:
    sizes = [measured.resident_mb(pid) for pid in server.workers()]
    return {"rss_mb": max(sizes), "total_mb": sum(sizes)}
