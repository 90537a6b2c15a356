"""Does a service that retrains get better, without blinking? A year of real hourly values.

    python -m benchmarks.lifecycle --data FOLDER

Two services carry the same series: one retrains every week (a schedule of so many new
points, its own worker, the gate), one keeps its first model. Both are sent a year, hour by
hour, and forecast a day after each. Half way through the year the series move by three
days and nine hours beside the clock. A real week has time for a training; here the stream
waits at the end of a week until the job has ended, while reads go on.

The table has the live error of every week. No request may fail, and in the end every
carried state must equal one pass over the whole log: else the exit code is 1.
"""

import os
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import pandas as pd

from benchmarks import choices, machine, markdown, measured
from benchmarks.replayed import Compared, compared
from benchmarks.served import Served
from benchmarks.sets import SETS
from benchmarks.year import WEEK, Client, Year, year_of
from forecaster import artifact, registry
from service.database import open_database
from service.store import Store

NAME, SCHEDULE = "load", "weekly"
CLOSE = 1e-3  # of a state and its replay, as a share of its largest number
JOB_S = 1_800  # that a retraining may take
READ_S = 0.1  # between two reads while a job runs
REPORT = Path(__file__).parent / "LIFECYCLE.md"


@dataclass(slots=True)
class Reader:
    """Reads forecasts all the time, while the block lasts.

    Attributes:
        served: the service.
        paths: what it reads, in turn.
        answers: how often it was answered what.
    """

    served: Served
    paths: list[str]
    answers: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Reader":
        self._stop.clear()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _read(self) -> None:
        while not self._stop.wait(READ_S):
            path = self.paths[self.answers.total() % len(self.paths)]
            try:
                answer = str(self.served.call("GET", path)[0])
            except OSError as error:
                answer = type(error).__name__
            self.answers[answer] += 1


def first_model(year: Year, folder: Path, max_time_s: float) -> None:
    """Train on the history, by the public command."""
    ds = year.times(0, year.history)
    frames = [
        pd.DataFrame({"unique_id": one, "ds": ds, "y": values[: year.history]})
        for one, values in zip(year.ids, year.values, strict=True)
    ]
    data = folder / "history.csv"
    pd.concat(frames).to_csv(data, index=False)
    command = [sys.executable, "-m", "forecaster", "train", str(data), "--name", NAME]
    command += ["--horizon", str(year.horizon), "--max-time", str(max_time_s)]
    command += ["--seed", "1", "--models-dir", str(folder / "models")]
    measured.run(command, folder / "train.txt")


def await_job(served: Served, already: int) -> list[dict[str, Any]]:
    """Wait until one more job has ended and its outcome is live; all jobs, newest first."""
    deadline = time.monotonic() + JOB_S
    while time.monotonic() < deadline:
        jobs: list[dict[str, Any]] = served.call("GET", "/jobs?limit=200")[1]["jobs"]
        ended = [one for one in jobs if one["state"] not in ("pending", "running")]
        model = served.call("GET", f"/models/{NAME}")[1]
        if len(ended) > already and model["live"] == model["aliases"]["champion"]:
            return ended
        time.sleep(1)
    raise TimeoutError(f"no job ended within {JOB_S} s\n{served.read_log()[-2000:]}")


def replayed(served: Served, year: Year, steps: int) -> list[Compared]:
    """Compare what a stopped service carries with what it was sent."""
    models = served.folder / "models"
    model = artifact.load(registry.resolve(models, NAME))
    store = Store(open_database(served.database))
    with store.snapshot() as log:
        carried = log.carried(NAME, model.manifest.version, list(year.ids))
        found = [
            compared(log, model, carried[one], sent[:steps], year.begin)
            for one, sent in zip(year.ids, year.values, strict=True)
        ]
    store.close()
    return found


def prepared(folder: Path, models: Path, **settings: object) -> Served:
    """A service with a copy of the models, ready."""
    copytree(models, folder / "models")
    served = Served(folder / "models", folder, **settings)
    served.start()
    served.wait_for("/health/ready", 200)
    return served


def live(
    year: Year, weeks: int, clients: list[Client], max_time_s: float
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Send the year to both; the jobs of the one, and what its readers were answered."""
    retraining, still = clients
    for client in clients:
        client.prime(year)
    schedule = {"kind": "retrain", "name": NAME, "max_time_s": max_time_s}
    schedule |= {"every_points": len(year.ids) * WEEK}
    status, told = retraining.served.call("PUT", f"/schedules/{SCHEDULE}", schedule)
    assert status == 201, told
    reader = Reader(
        retraining.served, [f"/series/{one}/forecast?name={NAME}" for one in year.ids]
    )
    jobs: list[dict[str, Any]] = []
    for number in range(weeks):
        with reader:
            other = threading.Thread(target=still.week, args=(year, number))
            other.start()
            retraining.week(year, number)
            other.join()
            jobs = await_job(retraining.served, len(jobs))
        why = (jobs[0]["result"] or {}).get("reason") or jobs[0]["error"]
        errors = f"{still.errors[-1]:.3f} {retraining.errors[-1]:.3f}"
        click.echo(f"week {number + 1}: {errors} {jobs[0]['state']}: {why}", err=True)
    return jobs, reader.answers


def table(year: Year, retraining: Client, still: Client) -> str:
    """The live error of each week, and means."""
    change = (year.change - year.history) // WEEK
    rows = [
        [
            f"{number + 1}{' (changed)' if number == change else ''}",
            *(markdown.number(client.errors[number]) for client in (still, retraining)),
            *(
                markdown.number(100 * client.covered[number], 0)
                for client in (still, retraining)
            ),
            retraining.versions[number],
        ]
        for number in range(len(still.errors))
    ]
    for name, part in (
        ("before", slice(change)),
        ("first four weeks after", slice(change, change + 4)),
        ("after", slice(change, None)),
    ):
        means = [
            [np.mean(client.errors[part]) for client in (still, retraining)],
            [100 * np.mean(client.covered[part]) for client in (still, retraining)],
        ]
        rows.append(
            [
                f"mean {name}",
                *(markdown.number(float(x)) for x in means[0]),
                *(markdown.number(float(x), 0) for x in means[1]),
                f"{100 * (means[0][1] / means[0][0] - 1):+.1f} %",
            ]
        )
    columns = ["week", "first model", "retrained", "80 %: first", "retrained", "live"]
    return markdown.table(columns, rows)


def verdict(
    jobs: list[dict[str, Any]],
    clients: list[Client],
    answers: Counter[str],
    states: list[Compared],
) -> tuple[str, bool]:
    """What came of it in a few lines, and whether all guarantees held."""
    ended = Counter(str(one["state"]) for one in jobs)
    promoted = len(set(clients[0].versions)) - 1
    failures = [failure for client in clients for failure in client.failures]
    other = {answer: n for answer, n in answers.items() if answer != "200"}
    apart = max(one.apart for one in states)
    differing = sum(one.differing for one in states)
    good = not failures and not other and not differing and apart < CLOSE
    lines = [
        f"* Jobs: {', '.join(f'{n} {state}' for state, n in ended.items())}; "
        f"{promoted} challengers went live.",
        f"* Requests that failed: {len(failures)} of the stream, {sum(other.values())} of "
        f"{answers.total()} reads beside.",
        f"* In the end {sum(one.points for one in states)} points are carried, {differing} "
        f"of them differ from what was sent; states lie within {apart:.0e} of a replay.",
    ]
    return "\n".join([*lines, *(f"* {one}" for one in failures[:5])]), good


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@choices.DATA
@click.option("--set", "name", default="gefcom2012_load", show_default=True)
@click.option("--series", default=4, show_default=True)
@click.option("--history", default=12, show_default=True, help="Weeks.")
@click.option("--weeks", default=52, show_default=True)
@click.option("--max-time", default=60.0, show_default=True, help="Of a training, s.")
@choices.out(REPORT)
def main(data: Path, name: str, out: Path, **shape: Any) -> None:
    """Send a year to a service that retrains, and to one that does not."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    panel = SETS[name].load(data).panel
    weeks, max_time_s = shape["weeks"], shape["max_time"]
    year = year_of(panel, shape["series"], shape["history"], weeks, horizon=24)
    with TemporaryDirectory() as work:
        folder = Path(work)
        first_model(year, folder, max_time_s)
        places = [folder / "retraining", folder / "still"]
        services = [
            prepared(places[0], folder / "models", with_worker=True, job_niceness=0),
            prepared(places[1], folder / "models"),
        ]
        clients = [Client(served, NAME) for served in services]
        try:
            jobs, answers = live(year, weeks, clients, max_time_s)
        finally:
            for served in services:
                served.stop()
        states = replayed(services[0], year, year.history + weeks * WEEK)
    told, good = verdict(jobs, clients, answers, states)
    heading = machine.heading(machine.command_line("benchmarks.lifecycle"))
    text = (
        f"# {weeks} weeks with and without retraining\n\n{heading}\n\n"
        f"{len(year.ids)} series of `{name}`, error as MASE of all forecasts of the next "
        f"{year.horizon} hours.\n\n{told}\n\n{table(year, *clients)}\n"
    )
    out.write_text(text, encoding="utf-8")
    click.echo(text)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
