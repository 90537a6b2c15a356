"""Does the service lose anything when it is killed? Workers and server, over and over.

    python -m benchmarks.chaos --kills 100
    python -m benchmarks.chaos --kills 100 --database postgresql+psycopg:///chaos

Clients send the points of a few series, one or several at a time, some again, and try
until they are answered with 200, while a process of the server is killed with SIGKILL
every few seconds: mostly a worker, at times all of them with the master. In the end
nothing that was acknowledged may be missing, every timestamp must have been applied
once, and every state must equal one pass over the whole history. Exit code 1 otherwise.
"""

import http.client
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, ours
from benchmarks.made import waves
from benchmarks.served import Served
from forecaster import artifact, registry
from forecaster.artifact import Artifact
from forecaster.streaming import advance_series
from service.database import open_database  # before TensorFlow brings a SQLite along
from service.store import Store

NAME = "waves"
CONFIG = (
    "[network]\nunits = 16\npatch_units = 32\nhead_units = 32\n[training]\nsteps = 40\n"
)
LENGTH = 20_000  # points that a series has at most
CLOSE = 1e-5  # a state may differ from its replay by so much, beside its largest number
MASTER_TOO = 0.2  # share of kills that take the master with its workers


@dataclass
class Series:
    """One series that clients send, and how far it has been acknowledged."""

    unique_id: str
    values: NDArray[np.float64]
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def body(self, begin: int, end: int) -> dict[str, Any]:
        """A request for some of its points; steps count from 1."""
        steps = list(range(begin + 1, end + 1))
        values = self.values[begin:end].tolist()
        return {"series": {"unique_id": self.unique_id, "ds": steps, "y": values}}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is left when all is over."""

    kills: int
    answers: Counter[str]
    points: int
    lost: int
    differing: int  # values that are not what was sent
    apart: float  # the largest distance of a state from its replay

    @property
    def good(self) -> bool:
        """Whether all guarantees held."""
        return self.lost == 0 and self.differing == 0 and self.apart <= CLOSE


def send(
    served: Served,
    series: Series,
    answers: Counter[str],
    stop: threading.Event,
    seed: int,
) -> None:
    """Send points of a series, with repeats, until it is time to stop."""
    rng = random.Random(seed)
    while not stop.is_set() and series.acknowledged < LENGTH - 10:
        begin = max(0, series.acknowledged - rng.choice([0, 0, 0, 2]))
        end = series.acknowledged + rng.choice([1, 1, 1, 5])
        answer = _answer(served, series.body(begin, end))
        with series.lock:
            answers[answer] += 1
            if answer == "200":
                series.acknowledged = max(series.acknowledged, end)
        if answer != "200":
            time.sleep(rng.uniform(0.01, 0.1))


def _answer(served: Served, body: dict[str, Any]) -> str:
    try:
        return str(served.call("POST", "/observe", body)[0])
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def harass(served: Served, kills: int, every_s: float) -> Served:
    """Kill a process every few seconds; the server that is left."""
    rng = random.Random(0)
    for kill in range(kills):
        time.sleep(rng.uniform(0.5, 1.5) * every_s)
        workers = served.workers()
        if rng.random() < MASTER_TOO or not workers:
            served.kill()
            served.start()
        else:
            os.kill(rng.choice(workers), signal.SIGKILL)
        click.echo(f"\r{kill + 1} of {kills} killed", nl=False, err=True)
    click.echo(err=True)
    return served


def verdict(
    served: Served, model: Artifact, many: list[Series], done: Verdict
) -> Verdict:
    """Compare what is carried with what was sent."""
    version = model.manifest.version
    store = Store(open_database(served.database))
    lost = differing = points = 0
    apart = 0.0
    with store.snapshot() as log:
        carried = log.carried(NAME, version, [one.unique_id for one in many])
        for one in many:
            kept = carried[one.unique_id]
            count = kept.span.length
            points, lost = points + count, lost + max(0, one.acknowledged - count)
            values = log.values(kept.pk, kept.span.first, kept.span.end)
            differing += int((values != one.values[:count]).sum())
            state = advance_series(
                model, model.initial_state(1), [one.values[:count]], [1]
            )[0]
            if kept.kept is None or kept.kept.end != kept.span.end:
                differing += 1
                continue
            size = float(np.abs(state).max())
            apart = max(apart, float(np.abs(state - kept.kept.state).max()) / size)
    store.close()
    return Verdict(done.kills, done.answers, points, lost, differing, apart)


def run(
    folder: Path, database: str, kills: int, clients: int, every_s: float
) -> Verdict:
    """Train, serve, send and kill; what came of it."""
    case = waves(20_000)
    ours.train(case, ours.Run(folder, 0, config=CONFIG))
    models = folder / "models"
    served = Served(models, folder, database=database, workers=2)
    served.start()
    served.wait_for("/health/ready", 200)
    rng = np.random.default_rng(1)
    many = [
        Series(f"series-{i}", rng.normal(100, 5, LENGTH).round(3))
        for i in range(max(1, clients // 2))
    ]
    answers: Counter[str] = Counter()
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=send, args=(served, many[i % len(many)], answers, stop, i)
        )
        for i in range(clients)
    ]
    for thread in threads:
        thread.start()
    harass(served, kills, every_s)
    stop.set()
    for thread in threads:
        thread.join()
    served.wait_for("/health/ready", 200)
    for one in many:  # a state that was lost is made anew
        served.call("GET", f"/series/{one.unique_id}/forecast")
    served.stop()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    model = artifact.load(registry.resolve(models, NAME))
    return verdict(served, model, many, Verdict(kills, answers, 0, 0, 0, 0.0))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--kills", default=100, show_default=True)
@click.option("--clients", default=16, show_default=True)
@click.option("--every", default=4.0, show_default=True, help="Seconds between kills.")
@click.option("--database", help="URL.  [default: a file of SQLite]")
def main(kills: int, clients: int, every: float, database: str | None) -> None:
    """Kill the service under load and say what it lost."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        found = run(
            folder, database or f"sqlite:///{folder}/chaos.db", kills, clients, every
        )
    click.echo(machine.heading(machine.command_line("benchmarks.chaos")))
    answers = ", ".join(
        f"{count} x {what}" for what, count in found.answers.most_common()
    )
    click.echo(f"{found.kills} kills under {clients} clients; answers: {answers}")
    click.echo(
        f"{found.points} points carried, {found.lost} acknowledged and lost, "
        f"{found.differing} differing, states within {found.apart:.1e} of a replay"
    )
    sys.exit(0 if found.good else 1)


if __name__ == "__main__":
    main()
