"""What serving costs: answers a second beside a bare route, history, bulk, memory.

    python -m benchmarks.serving

* Single: one new point and a forecast, durable, from 1, 16 and 64 clients in a process
  of their own, beside a Flask route that answers the same bytes, in the same run.
* History: one new point after 100 and after 100,000, beside encoding them all again.
* Bulk: a point of each of many series, as JSON and as Arrow, beside the model alone and,
  where `make peers` was run, beside `neuralforecast`.
* Memory: start to ready, resident memory, and how it grows with requests.
* Many: a database of very many series: rate, size, start.

Results are kept in WORK/serving.jsonl; an interrupted run goes on where it stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import choices, machine, serving_parts, serving_report
from benchmarks.choices import chosen, empty
from benchmarks.results import Record, Results
from benchmarks.serving_parts import Bench

OUT = Path(__file__).with_name("SERVING.md")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done."""

    work: Path
    seconds: float  # of each load
    series: int  # of a bulk request
    requests: int  # of the memory test
    many: int  # series of the large database


def measures(bench: Bench, plan: Plan) -> dict[str, Callable[[], list[Record]]]:
    """What can be measured, by part."""
    return {
        "single": lambda: serving_parts.single(bench, plan.seconds),
        "history": lambda: serving_parts.history(bench),
        "bulk": lambda: serving_parts.bulk(bench, plan.series),
        "memory": lambda: serving_parts.memory(bench, plan.requests),
        "many": lambda: serving_parts.many(bench, plan.many),
    }


PARTS = ("single", "history", "bulk", "memory", "many")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--parts", default="all", show_default=True, help="With commas.")
@click.option("--workers", default=2, show_default=True, help="Processes that answer.")
@click.option("--seconds", default=15.0, show_default=True, help="Of each load.")
@click.option("--series", default=10_000, show_default=True, help="Of the bulk test.")
@click.option("--requests", default=1_000_000, show_default=True, help="Memory test.")
@click.option("--many", default=1_000_000, show_default=True, help="Large database.")
@choices.PEERS_BY
@choices.work("out/serving")
@choices.out(OUT)
def main(  # noqa: PLR0913 - one for each option
    parts: str,
    workers: int,
    seconds: float,
    series: int,
    requests: int,
    many: int,
    peer_python: Path,
    work: Path,
    out: Path,
) -> None:
    """Measure what serving costs and write the report."""
    plan = Plan(work, seconds, series, requests, many)
    results = Results(work / "serving.jsonl")
    bench = Bench(serving_parts.model(work), work, workers, peer_python)
    for name in chosen(parts, PARTS):
        click.echo(name, err=True)
        empty(bench.folder)
        for record in measures(bench, plan)[name]():
            results.add({"set": name, "seed": 0, **record})
        head = machine.heading(machine.command_line("benchmarks.serving"))
        out.write_text(serving_report.text(results.all(), head), encoding="utf-8")
    click.echo(f"wrote {out}", err=True)


if __name__ == "__main__":
    main()
