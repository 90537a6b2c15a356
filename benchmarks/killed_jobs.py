"""Jobs whose workers and trainers are killed: `python -m benchmarks.killed_jobs`.

Two workers do retrainings of two small models, really trained on a real log. At random
moments one of them, or its trainer, gets kill -9; a worker that is gone is begun again,
as `serve --with-worker` would. New jobs come all the time, until there were so many kills;
then what is left is done in peace. What is counted is in KILLED_JOBS.md.
"""

import argparse
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.markdown import table
from benchmarks.plant import Plant, kill, stock, trainer_of, trainers
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from service.database import open_database
from service.jobs import store
from service.jobs.records import Job, Order

NAMES = ("one", "two")
LEASE_S = 4
WATCH_S = 0.05
LEFT_S = 3_600.0  # for what is left at the end
CONFIG = """
[network]
units = 16
patch_units = 32
head_units = 32
[training]
steps = 60
"""


@dataclass
class Seen:
    """What was seen while it went on."""

    kills: Counter[str] = field(default_factory=Counter)
    ended: dict[str, Job] = field(default_factory=dict)
    changed: int = 0  # jobs that were written to after their end
    doubled: int = 0  # moments at which a job had two trainers

    def look(self, plant: Plant) -> list[Job]:
        """Look at all jobs and all trainers; the jobs that have not ended."""
        pids = Counter(trainers())
        self.doubled += sum(count > 1 for count in pids.values())
        jobs = store.page(plant.engine, 1_000)
        for job in jobs:
            if job.is_finished:
                self.changed += self.ended.setdefault(job.id, job) != job
        return [job for job in jobs if not job.is_finished]


def main() -> None:
    """Kill so many, and print what came of the jobs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, default=20.0, help="seconds at most")
    parser.add_argument("--database", help="URL of an empty one; default: SQLite")
    asked = parser.parse_args()
    with _planted(asked.database) as plant:
        began = time.monotonic()
        seen = _go_on(plant, asked.kills, asked.pause, random.Random(asked.seed))
        rows = _rows(plant, seen, time.monotonic() - began)
        print(table(("what", "count"), rows))
        if seen.changed or seen.doubled or _is_left(plant, seen):
            raise SystemExit(1)


def _go_on(plant: Plant, kills: int, pause_s: float, rng: random.Random) -> Seen:
    seen = Seen()
    workers = [plant.start(job_lease_s=LEASE_S) for _ in NAMES]
    try:
        while seen.kills.total() < kills:
            until = time.monotonic() + rng.uniform(0, pause_s)
            while time.monotonic() < until:
                _ask_for_more(plant, seen.look(plant), rng)
                time.sleep(WATCH_S)
            seen.kills[_kill_one(rng.choice(workers), rng)] += 1
            workers = [_running(plant, worker) for worker in workers]
            print(
                f"{seen.kills.total()} kills, {len(seen.ended)} jobs ended", flush=True
            )
        until = time.monotonic() + LEFT_S
        while seen.look(plant) and time.monotonic() < until:
            workers = [_running(plant, worker) for worker in workers]
            time.sleep(WATCH_S)
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()
    return seen


def _ask_for_more(plant: Plant, unfinished: list[Job], rng: random.Random) -> None:
    """Let no worker be without a job."""
    for name in NAMES:
        if all(job.order.name != name for job in unfinished):
            spec: dict[str, Any] = {"seed": rng.randrange(1_000)}
            store.submit(plant.engine, Order("retrain", name, spec, "cli"), 100)


def _kill_one(worker: "subprocess.Popen[bytes]", rng: random.Random) -> str:
    """Kill a worker or its trainer; which of them."""
    trainer = trainer_of(worker.pid)
    if trainer is not None and rng.random() < 0.5:
        kill(trainer)
        return "trainer"
    kill(worker.pid)
    worker.wait()
    return "worker" if trainer is not None else "worker without a trainer"


def _running(
    plant: Plant, worker: "subprocess.Popen[bytes]"
) -> "subprocess.Popen[bytes]":
    is_gone = worker.poll() is not None
    return plant.start(job_lease_s=LEASE_S) if is_gone else worker


def _rows(plant: Plant, seen: Seen, took_s: float) -> list[tuple[str, str]]:
    jobs = store.page(plant.engine, 1_000)
    states = Counter(job.state for job in jobs)
    cut = Counter(job.cut_off for job in jobs)
    counts = {
        **{f"killed: {what}": count for what, count in sorted(seen.kills.items())},
        "jobs": len(jobs),
        **{f"jobs that {state}": count for state, count in sorted(states.items())},
        "jobs left pending or running": sum(not job.is_finished for job in jobs),
        "jobs written to after their end": seen.changed,
        "moments at which a job had two trainers": seen.doubled,
        **{
            f"jobs cut off {times} times": count for times, count in sorted(cut.items())
        },
        "minutes": round(took_s / 60),
    }
    return [(what, str(count)) for what, count in counts.items()]


def _is_left(plant: Plant, seen: Seen) -> bool:
    return len(seen.ended) < len(store.page(plant.engine, 1_000))


@contextmanager
def _planted(url: str | None) -> Iterator[Plant]:
    """Two small models, with logs that have gone on since they were trained."""
    from forecaster.pipeline import train_model  # TensorFlow is slow to import
    from forecaster.planning import Wishes

    with tempfile.TemporaryDirectory(prefix="killed-jobs-") as made:
        folder = Path(made)
        config = folder / "small.toml"
        config.write_text(CONFIG, encoding="utf-8")
        engine = open_database(url or f"sqlite:///{folder}/x.db")
        wishes = Wishes(horizon=12, seed=1, config=config)
        for number, name in enumerate(NAMES):
            train_model(_panel(300), name, wishes, folder / "models")
            stock(engine, _panel(360), name, 100 * number)
        plant = Plant(url or f"sqlite:///{folder}/x.db", folder / "models", engine)
        yield plant
        engine.dispose()


def _panel(steps: int) -> Panel:
    """Six monthly series with a season of 12; longer ones begin with shorter ones."""
    step = np.arange(steps)
    noise = np.random.default_rng(7).normal(0, 0.5, (360, 6))[:steps]
    values = [
        10 + 5 * np.sin(2 * np.pi * (step + i) / 12) + noise[:, i] + 3 * i
        for i in range(6)
    ]
    starts = np.array(["2000-01-01"] * 6, "M8[us]")
    return Panel.from_series(
        [f"s{i}" for i in range(6)], values, starts, Frequency("MS")
    )


if __name__ == "__main__":
    main()
