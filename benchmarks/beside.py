"""What does a job that trains cost those who are answered meanwhile?

    python -m benchmarks.beside --models-dir models --name demo --rate 50

Clients send one new point after the other at a steady rate, each asking for a forecast, while
the worker beside the service (`serve --with-worker`) retrains the same model on what was
sent, and is told to end after a while. Quiet times and trainings take turns, so that both
meet the same machine. Service, trainer and load share its cores. Writes `BESIDE.md`.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks import machine
from benchmarks.altered import alone
from benchmarks.markdown import number, table
from benchmarks.served import Served
from benchmarks.streams import Streams
from forecaster import manifest, registry
from forecaster.frequency import Frequency

REPORT = Path(__file__).with_name("BESIDE.md")
SERIES = 64
HISTORY = 600  # steps of each before the first training
SETTLED_S = 10.0  # after the start, before anything is counted
PATIENCE_S = 3_600.0  # for one training to begin and end
BOUND = 3.0  # times the p99 without, at most

UNFINISHED = ("pending", "running")
STEPS = "training: step"  # how messages begin once it is at work

Span = tuple[float, float]  # by the monotonic clock


@click.command()
@click.option("--models-dir", type=Path, default=Path("models"), show_default=True)
@click.option("--name", default="demo", show_default=True, help="Of monthly series.")
@click.option("--rate", default=50.0, show_default=True, help="Requests a second.")
@click.option("--trainings", default=3, show_default=True)
@click.option(
    "--seconds", default=60.0, show_default=True, help="Of each, and between."
)
def main(
    models_dir: Path, name: str, rate: float, trainings: int, seconds: float
) -> None:
    """Measure a service of one worker, and write the report."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        source = registry.resolve(models_dir, name)
        alone(source, folder / "models")
        frequency = Frequency.parse(manifest.read(source).freq)
        with Served(folder / "models", folder, with_worker=1).running() as served:
            streams = Streams(served.port, name, frequency, SERIES)
            streams.begin(HISTORY)
            streams.start(rate)
            try:
                quiet, busy, jobs = _in_turn(served, name, trainings, seconds)
            finally:
                streams.stop()
    text = _report(streams, quiet, busy, jobs)
    REPORT.write_text(text, encoding="utf-8")
    click.echo(text)


def _in_turn(
    served: Served, name: str, trainings: int, seconds: float
) -> tuple[list[Span], list[Span], list[Any]]:
    """When nothing was trained, when something was, and what came of it."""
    quiet, busy, jobs = [], [], []
    time.sleep(SETTLED_S)
    for seed in range(trainings):
        began = time.monotonic()
        time.sleep(seconds)
        quiet.append((began, time.monotonic()))
        span, job = _trained(served, {"name": name, "seed": seed}, seconds)
        busy.append(span)
        jobs.append(job)
        click.echo(f"{job['state']}: {job['message']}")
    return quiet, busy, jobs


def _trained(
    served: Served, wanted: dict[str, Any], seconds: float
) -> tuple[Span, Any]:
    """Have a job train for so long, then cancel it: from when to when, and its end."""
    body = {"kind": "retrain", "max_time_s": PATIENCE_S, **wanted}
    status, job = served.call("POST", "/jobs", body)
    assert status == 202, job
    place, until = f"/jobs/{job['id']}", time.monotonic() + PATIENCE_S
    began = ended = 0.0
    while job["state"] in UNFINISHED and time.monotonic() < until:
        now = time.monotonic()
        if not began and job["message"].startswith(STEPS):
            began = now
        elif began and not ended and now - began >= seconds:
            ended = now
            served.call("POST", f"{place}/cancel")
        time.sleep(0.2)
        job = served.call("GET", place)[1]
    assert began, f"it never trained: {job}"
    return (began, ended or time.monotonic()), job


def _report(
    streams: Streams, quiet: list[Span], busy: list[Span], jobs: list[Any]
) -> str:
    rows = [
        _row("without a job", _within(streams, quiet)),
        _row("while one trains", _within(streams, busy)),
    ]
    p99 = [np.percentile(_within(streams, spans), 99) for spans in (quiet, busy)]
    states = ", ".join(job["state"] for job in jobs)
    return "\n".join(
        [
            "# Serving beside a job",
            "",
            "Written by `benchmarks/beside.py`, whose first lines say what is measured.",
            "",
            machine.heading(machine.command_line("benchmarks.beside")),
            "",
            table(("", "answers", "p50 ms", "p95 ms", "p99 ms", "max ms"), rows),
            "",
            f"p99 with / without: {p99[1] / p99[0]:.2f} (at most {BOUND:.0f}). "
            f"Requests that failed: {len(streams.tally.failures)}. Jobs: {states}; "
            f"seconds of each: {', '.join(f'{b - a:.0f}' for a, b in busy)}.",
            "",
        ]
    )


def _within(streams: Streams, spans: list[Span]) -> list[float]:
    """The latencies of the answers in some spans, in milliseconds."""
    return [
        took
        for at, took in streams.tally.took
        if any(begin <= at <= end for begin, end in spans)
    ]


def _row(said: str, took: list[float]) -> list[str]:
    shown = [number(float(np.percentile(took, p)), 1) for p in (50, 95, 99, 100)]
    return [said, f"{len(took):,}", *shown]


if __name__ == "__main__":
    main()
