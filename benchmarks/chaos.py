"""Does the service lose anything when it is killed? Workers and server, over and over.

    python -m benchmarks.chaos --kills 100
    python -m benchmarks.chaos --kills 100 --database postgresql+psycopg:///chaos

Clients send the points of a few series, one or several at a time, some again, and try
until they are answered with 200, while a process of the server is killed with SIGKILL
every few seconds: mostly a worker, at times the master, at times all of them. In the end
nothing that was acknowledged may be missing, every timestamp must have been applied
once, and every state must equal one pass over the whole history. Exit code 1 otherwise.
The database may have been used before: the series are begun anew.
"""

import http.client
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, ours
from benchmarks.made import waves
from benchmarks.replayed import compared
from benchmarks.served import Served
from forecaster import artifact, registry
from forecaster.artifact import Artifact
from forecaster.frequency import Frequency
from service.database import open_database
from service.store import Store

NAME = "waves"
CONFIG = (
    "[network]\nunits = 16\npatch_units = 32\nhead_units = 32\n[training]\nsteps = 40\n"
)
LENGTH = 20_000  # points that a series has at most
CLOSE = 1e-5  # a state may differ from its replay by so much, beside its largest number
VICTIMS = {"worker": 0.8, "master": 0.1, "all": 0.1}  # shares of the kills
PATIENCE_S = 300  # until a server that was killed must serve again


@dataclass
class Series:
    """One series that clients send, and how far it has been acknowledged."""

    unique_id: str
    values: NDArray[np.float64]
    frequency: Frequency
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def begin(self) -> Any:
        """The time of the first point."""
        return 1 if self.frequency.is_integer else np.datetime64("1900-01-01", "us")

    def body(self, begin: int, end: int) -> dict[str, Any]:
        """A request for some of its points."""
        times = self.frequency.times(self.begin, np.arange(begin, end))
        values = self.values[begin:end].tolist()
        ds = self.frequency.format(times)
        return {"series": {"unique_id": self.unique_id, "ds": ds, "y": values}}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to a server: who is killed, how often, under how many clients."""

    victims: Sequence[str]
    clients: int
    every_s: float


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


def harass(served: Served, victims: Sequence[str], every_s: float) -> None:
    """Kill one after the other, every few seconds."""
    rng = random.Random(0)
    for count, victim in enumerate(victims, start=1):
        time.sleep(rng.uniform(0.5, 1.5) * every_s)
        workers = served.workers()
        if victim == "worker" and workers:
            os.kill(rng.choice(workers), signal.SIGKILL)
        else:
            (served.behead if victim == "master" else served.kill)()
            served.start()
        click.echo(f"\r{count} of {len(victims)} killed", nl=False, err=True)
    click.echo(err=True)


def verdict(
    database: str, model: Artifact, many: list[Series], done: Verdict
) -> Verdict:
    """Compare what is carried with what was sent."""
    name, version = model.manifest.name, model.manifest.version
    store = Store(open_database(database))
    lost = differing = points = 0
    apart = 0.0
    with store.snapshot() as log:
        carried = log.carried(name, version, [one.unique_id for one in many])
        for one in many:
            found = compared(log, model, carried[one.unique_id], one.values, one.begin)
            points += found.points
            lost += max(0, one.acknowledged - found.points)
            differing += found.differing
            apart = max(apart, found.apart)
    store.close()
    return Verdict(done.kills, done.answers, points, lost, differing, apart)


def run(served: Served, model: Artifact, plan: Plan) -> Verdict:
    """Serve, send and kill; what came of it.

    Args:
        served: not started yet.
        model: the one that it serves.
        plan: what is done to it.
    """
    served.start()
    served.wait_for("/health/ready", 200, PATIENCE_S)
    rng = np.random.default_rng(1)
    frequency = Frequency(model.manifest.freq)
    many = [
        Series(f"series-{i}", rng.normal(100, 5, LENGTH).round(3), frequency)
        for i in range(max(1, plan.clients // 2))
    ]
    for one in many:
        served.call("DELETE", f"/series/{one.unique_id}")
    answers: Counter[str] = Counter()
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=send, args=(served, many[i % len(many)], answers, stop, i)
        )
        for i in range(plan.clients)
    ]
    for thread in threads:
        thread.start()
    try:
        harass(served, plan.victims, plan.every_s)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    served.wait_for("/health/ready", 200, PATIENCE_S)
    for one in many:  # a state that was lost is made anew
        served.call("GET", f"/series/{one.unique_id}/forecast")
    served.stop()
    done = Verdict(len(plan.victims), answers, 0, 0, 0, 0.0)
    return verdict(served.database, model, many, done)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--kills", default=100, show_default=True)
@click.option("--clients", default=16, show_default=True)
@click.option("--every", default=4.0, show_default=True, help="Seconds between kills.")
@click.option("--database", help="URL.  [default: a file of SQLite]")
def main(kills: int, clients: int, every: float, database: str | None) -> None:
    """Kill the service under load and say what it lost."""
    shares = list(VICTIMS.values())
    victims = random.Random(1).choices(list(VICTIMS), shares, k=kills)
    with TemporaryDirectory() as name:
        folder = Path(name)
        ours.train(waves(20_000), ours.Run(folder, 0, config=CONFIG))
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        model = artifact.load(registry.resolve(folder / "models", NAME))
        place = database or f"sqlite:///{folder}/chaos.db"
        served = Served(folder / "models", folder, database=place, workers=2)
        found = run(served, model, Plan(victims, clients, every))
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
