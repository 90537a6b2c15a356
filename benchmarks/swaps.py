"""What do 50 swaps cost who is being answered, and does memory stay?

    python -m benchmarks.swaps --models-dir models --name demo --swaps 50 --rate 100

Clients send one new point after the other at a steady rate, each asking for a forecast,
while versions are promoted and rolled back. Every fifth swap promotes a version that is not loaded
(it lies on disk, with other weights), the others go back to the version before, which still is.
A swap is over when every worker answers with the new version. In the end every forecast is
held against one pass over the history by the version that it names. Writes `SWAPS.md`.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks import machine
from benchmarks.altered import alone, versions_like
from benchmarks.markdown import number, table
from benchmarks.served import Served
from benchmarks.streams import Streams, distances
from forecaster import artifact, registry
from forecaster.frequency import Frequency

REPORT = Path(__file__).with_name("SWAPS.md")
FRESH = 5  # every so many swaps promote a version that is not loaded
OTHERS = 3  # versions beside the one there is: more than stay loaded
SERIES = 64
HISTORY = 60  # steps of each before the first swap
QUIET_S = 20.0  # without swaps, before and after
CLOSE = 1e-5
PATIENCE_S = 300.0
COLUMNS = ("", "1 worker", "2 workers")


@dataclass(frozen=True, slots=True)
class Swap:
    """One of them."""

    loads: bool
    began: float
    answered: float
    over: float
    memory_mb: float  # of all workers, afterwards


@dataclass(frozen=True, slots=True)
class Run:
    """What came of the swaps of one service."""

    swaps: list[Swap]
    streams: Streams
    apart: float  # the largest distance of a forecast from its replay
    mixed: int  # forecasts that are not those of the version they name


@click.command()
@click.option("--models-dir", type=Path, default=Path("models"), show_default=True)
@click.option("--name", default="demo", show_default=True, help="Of monthly series.")
@click.option("--swaps", default=50, show_default=True)
@click.option("--rate", default=100.0, show_default=True, help="Requests a second.")
def main(models_dir: Path, name: str, swaps: int, rate: float) -> None:
    """Measure services of one and two workers, and write the report."""
    runs = []
    for workers in (1, 2):
        with TemporaryDirectory() as folder:
            alone(registry.resolve(models_dir, name), Path(folder) / "models")
            runs.append(_run(Path(folder), name, workers, (swaps, rate)))
        click.echo(f"{workers} workers: {runs[-1].mixed} of another version")
    REPORT.write_text(_report(runs, rate), encoding="utf-8")
    click.echo(f"wrote {REPORT.name}")


def _run(folder: Path, name: str, workers: int, load: tuple[int, float]) -> Run:
    swaps, rate = load
    models = folder / "models"
    source = registry.resolve(models, name)
    versions = versions_like(source, OTHERS)
    with Served(models, folder, workers=workers).running() as served:
        frequency = Frequency.parse(artifact.load(source).manifest.freq)
        streams = Streams(served.port, name, frequency, SERIES)
        streams.begin(HISTORY)
        streams.start(rate)
        try:
            time.sleep(QUIET_S)
            done = [
                _swapped(served, name, workers, _wanted(versions, number))
                for number in range(swaps)
            ]
            time.sleep(QUIET_S)
        finally:
            streams.stop()
    found = []
    for version in versions:
        told = [one for one in streams.tally.told if one.version == version]
        model = artifact.load(source.parent / version)
        found.append(distances(told, model, streams))
    apart = np.concatenate(found)
    return Run(done, streams, float(apart.max()), int((apart > CLOSE).sum()))


def _wanted(versions: list[str], swap: int) -> str | None:
    """What a swap promotes; None is the version before.

    >>> [_wanted(["a", "b", "c"], swap) for swap in range(7)]
    ['b', None, None, None, None, 'c', None]
    """
    turn, rest = divmod(swap, FRESH)
    return None if rest else versions[(turn + 1) % len(versions)]


def _swapped(served: Served, name: str, workers: int, version: str | None) -> Swap:
    """Promote, or roll back, and wait until all workers have followed."""
    began = time.monotonic()
    if version is None:
        answer = served.post(f"/models/{name}/rollback", None)
    else:
        answer = served.post(f"/models/{name}/promote", {"version": version})
    answered = time.monotonic()
    live = f'forecaster_model_live{{model="{name}",version="{answer["version"]}"}}'
    while f"{live} {workers}.0" not in served.call("GET", "/metrics")[1]:
        if time.monotonic() > answered + PATIENCE_S:
            raise TimeoutError(served.read_log()[-2000:])
        time.sleep(0.2)
    over, memory = time.monotonic(), sum(map(_resident_mb, served.workers()))
    click.echo(f"{answer['version']} {over - began:6.1f} s {memory:8.1f} MB")
    return Swap(version is not None, began, answered, over, memory)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _report(runs: list[Run], rate: float) -> str:
    columns = [_column(run) for run in runs]
    rows = [[said, *(column[said] for column in columns)] for said in columns[0]]
    return "\n".join(
        [
            "# Swaps",
            "",
            "Written by `benchmarks/swaps.py`, whose first lines say what is measured. The",
            f"load, {rate:.0f} requests a second, comes from the same machine.",
            "",
            machine.heading(machine.command_line("benchmarks.swaps")),
            "",
            table(COLUMNS[: len(runs) + 1], rows),
            "",
        ]
    )


def _column(run: Run) -> dict[str, str]:
    tally, swaps = run.streams.tally, run.swaps
    fresh = [one for one in swaps if one.loads]
    kept = [one for one in swaps if not one.loads]
    during, quiet = _latencies(run)
    memory = [one.memory_mb for one in swaps]
    tenth = min(9, len(memory) - 1)
    return {
        "swaps": str(len(swaps)),
        "of these, of a version to be loaded": str(len(fresh)),
        "answers": f"{len(tally.told):,}",
        "not 200": str(len(tally.failures)),
        "forecasts of another version than they name": str(run.mixed),
        "largest distance from the replay": f"{run.apart:.1e}",
        "s until it answers, loaded": _median([s.answered - s.began for s in fresh]),
        "s until it answers, at hand": _median([s.answered - s.began for s in kept]),
        "s until all workers do, loaded": _median([s.over - s.began for s in fresh]),
        "s until all workers do, at hand": _median([s.over - s.began for s in kept]),
        "p50 ms, quiet": number(float(np.percentile(quiet, 50)), 1),
        "p50 ms, while swapping": number(float(np.percentile(during, 50)), 1),
        "p99 ms, quiet": number(float(np.percentile(quiet, 99)), 1),
        "p99 ms, while swapping": number(float(np.percentile(during, 99)), 1),
        "MB after swap 1": number(memory[0], 1),
        "MB after swap 10": number(memory[tenth], 1),
        "MB after the last": number(memory[-1], 1),
        "MB at most after swap 10": number(max(memory[tenth:]), 1),
    }


def _median(values: list[float]) -> str:
    return number(float(np.median(values)), 1) if values else "-"


def _latencies(run: Run) -> tuple[list[float], list[float]]:
    """Milliseconds of requests while a version was on its way, and of the others."""
    during, quiet = [np.nan], [np.nan]
    spans = [(one.began, one.over) for one in run.swaps]
    for when, took in run.streams.tally.took:
        busy = any(first <= when <= last + 0.1 for first, last in spans)
        (during if busy else quiet).append(took)
    return during[1:] or during, quiet[1:] or quiet


if __name__ == "__main__":
    main()
