"""Real workers on a real database: a log to learn from, and processes that are killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from forecaster.frequency import Frequency
from forecaster.panel import Panel
from service.database import insert_all, open_database, writing
from service.jobs import store
from service.jobs.records import Job, Order
from service.tables import observations, series

PATIENCE_S = 300.0  # on a machine with much else to do
WORKER = (sys.executable, "-m", "forecaster", "worker")
NAME = "tiny"


def stock(engine: Engine, panel: Panel, name: str = NAME, first: int = 0) -> None:
    """Write a panel into the log of a model, as series that no others are called."""
    unit = np.timedelta64(1, "us")
    with writing(engine) as connection:
        rows, values = [], []
        for number, unique_id in enumerate(panel.ids):
            pk = first + number + 1
            y = panel.values_of(number)
            start = int((panel.starts[number] - np.datetime64(0, "us")) / unit)
            row = (pk, name, unique_id, panel.frequency.alias, start)
            rows.append((*row, 0, len(y), 0, 0))
            values += [
                (pk, step, float(value))
                for step, value in enumerate(y)
                if np.isfinite(value)
            ]
        insert_all(connection, series, rows)
        insert_all(connection, observations, values)


def longer(panel: Panel, steps: int = 60) -> Panel:
    """What came since a model was trained on a panel: more of the same."""
    rng = np.random.default_rng(3)
    length = 300 + steps
    step = np.arange(length)
    values = []
    for i in range(len(panel.ids)):
        y = 10 + 5 * np.sin(2 * np.pi * (step + i) / 12) + rng.normal(0, 0.5, length)
        y += 3 * i
        y[:300] = panel.values_of(i)
        values.append(y)
    starts = np.array(["2000-01-01"] * len(panel.ids), "M8[us]")
    return Panel.from_series(list(panel.ids), values, starts, Frequency("MS"))


@dataclass(frozen=True, slots=True)
class Plant:
    """A database with a log, a models folder, and the workers on both."""

    url: str
    models_dir: Path
    engine: Engine

    def submit(self, **spec: Any) -> Job:
        """Ask for a retraining."""
        return store.submit(self.engine, Order("retrain", NAME, spec, "cli"), 1_000)

    def job(self, job: Job) -> Job:
        """The job as it is now."""
        found = store.get(self.engine, job.id)
        assert found is not None
        return found

    def until(self, job: Job, holds: Callable[[Job], bool]) -> Job:
        """Wait until something is true of a job."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds(found := self.job(job)):
            assert time.monotonic() < deadline, f"waited in vain: {found}"
            time.sleep(0.05)
        return found

    @contextmanager
    def worker(self, **settings: Any) -> Iterator["subprocess.Popen[bytes]"]:
        """Give a worker that runs, and leave none."""
        process = self.start(**settings)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE_S)

    def start(self, **settings: Any) -> "subprocess.Popen[bytes]":
        """Start a worker."""
        wanted = {"job_lease_s": 4, "job_niceness": 0, **settings}
        flags = [
            part
            for name, value in wanted.items()
            for part in ("--" + name.replace("_", "-"), str(value))
        ]
        where = ["--database", self.url, "--models-dir", str(self.models_dir)]
        return subprocess.Popen([*WORKER, *where, *flags], start_new_session=True)


@contextmanager
def planted(url: str, models: Path, folder: Path, panel: Panel) -> Iterator[Plant]:
    """Give a plant of its own copy of the models, with a log."""
    shutil.copytree(models, folder / "models")
    engine = open_database(url)
    stock(engine, panel)
    try:
        yield Plant(url, folder / "models", engine)
    finally:
        engine.dispose()


def kill(pid: int) -> None:
    """Kill a process, as kill -9 does."""
    os.kill(pid, signal.SIGKILL)


def trainer_of(worker: int) -> int | None:
    """The process that trains for a worker, if there is one."""
    return next((pid for pid, parent in _processes() if parent == worker), None)


def trainers() -> Iterator[str]:
    """The jobs for which a trainer is at work on this machine, each of them once."""
    found = {}
    for pid, parent in _processes():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"service.jobs.child" in command:
            found[pid] = (parent, command[-2].decode())
    for parent, job in found.values():
        if parent not in found:  # else it is about to become another program
            yield job


def is_there(pid: int) -> bool:
    """Whether a process lives."""
    return any(pid == one for one, _ in _processes())


def _processes() -> Iterator[tuple[int, int]]:
    """Number and parent of each process that lives."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            yield int(path.parent.name), int(parent)
