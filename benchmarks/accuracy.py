"""How well we forecast: every benchmark set, ours and peers, on one machine.

    make peers                                            # once; see requirements-peers.txt
    python -m benchmarks.accuracy --data FOLDER           # everything: many hours
    python -m benchmarks.accuracy --data FOLDER --sets m4_weekly --seeds 0 --peers none

Ours is trained by `forecaster train` with nothing but the horizon and the season; see
`ours.py`. Each result is kept in WORK/results.jsonl as soon as it is there, so that an
interrupted run goes on where it stopped; what failed is tried again. The report is
written from all results that are there.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from benchmarks import accuracy_report, choices, machine, ours, peering, scoring
from benchmarks.accuracy_report import OURS
from benchmarks.cases import Case
from benchmarks.choices import chosen, empty
from benchmarks.measured import CommandError
from benchmarks.peering import NEURAL, STATISTICAL, Peer
from benchmarks.results import Record, Results
from benchmarks.sets import SETS

OUT = Path(__file__).with_name("ACCURACY.md")
Measure = Callable[[], Record]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run on every set."""

    work: Path
    seeds: tuple[int, ...]
    max_time_s: float | None
    peers: tuple[str, ...]
    python: Path
    peer_steps: int


def measures(case: Case, plan: Plan) -> Iterator[tuple[str, int, Measure]]:
    """Every method and seed of a set with what measures it, the quick ones first."""
    peers = () if case.spec.without else plan.peers  # these are given no covariates
    for method in peers:
        if method in STATISTICAL:
            peer = Peer(method, plan.python)
            yield peer.name, 0, partial(_peer, case, peer, plan)
    for seed in plan.seeds:
        yield OURS, seed, partial(_ours, case, seed, plan)
        for method in peers:
            if method in NEURAL:
                peer = Peer(method, plan.python, seed, plan.peer_steps)
                yield peer.name, seed, partial(_peer, case, peer, plan)


def _ours(case: Case, seed: int, plan: Plan) -> Record:
    folder = empty(plan.work / "ours" / case.spec.name / str(seed))
    limit = () if plan.max_time_s is None else ("--max-time", str(plan.max_time_s))
    version, took = ours.train(case, ours.Run(folder, seed, limit))
    return {**took, **ours.evaluate(case, version)}


def _peer(case: Case, peer: Peer, plan: Plan) -> Record:
    folder = empty(plan.work / "peers" / case.spec.name / peer.method / str(peer.seed))
    record = peering.run(case, peer, folder)
    shutil.rmtree(folder)  # forecasts of thousands of origins are large
    return record


def run_set(case: Case, plan: Plan, results: Results) -> None:
    """Measure what has not been measured on one set."""
    name = case.spec.name
    about = {"set": name, "series": len(case.panel), "points": case.points}
    if not results.has(name, "Naive", 0):
        for bar, scores in scoring.bars(case).items():
            results.add({**about, "method": bar, "seed": 0, "scores": scores})
    for method, seed, measure in measures(case, plan):
        if results.has(name, method, seed):
            continue
        click.echo(f"{name}: {method}, seed {seed}", err=True)
        try:
            found = measure()
        except CommandError as error:
            click.echo(f"  {error}", err=True)
            found = {"error": str(error)}
        results.add({**about, "method": method, "seed": seed, **found})


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@choices.DATA
@choices.SETS
@choices.SEEDS
@choices.MAX_TIME
@click.option(
    "--peers",
    default="all",
    show_default=True,
    help="Methods of other libraries, with commas, or none.",
)
@choices.PEER_STEPS
@choices.PEERS_BY
@choices.work("out/accuracy")
@choices.out(OUT)
def main(  # noqa: PLR0913 - one for each option
    data: Path,
    sets: str,
    seeds: str,
    max_time: float | None,
    peers: str,
    peer_steps: int,
    peer_python: Path,
    work: Path,
    out: Path,
) -> None:
    """Measure accuracy on the benchmark sets and write the report."""
    methods = chosen(peers, (*STATISTICAL, *NEURAL))
    if methods and not peer_python.exists():
        raise click.UsageError(
            f"{peer_python} is absent: `make peers`, or --peers none"
        )
    numbers = tuple(int(seed) for seed in seeds.split(","))
    plan = Plan(work, numbers, max_time, methods, peer_python, peer_steps)
    results = Results(work / "results.jsonl")
    for name in chosen(sets, SETS):
        run_set(SETS[name].load(data), plan, results)
        records = results.all()
        versions = [one["versions"] for one in records if "versions" in one]
        command = machine.command_line("benchmarks.accuracy")
        head = machine.heading(command, versions[-1] if versions else {})
        out.write_text(accuracy_report.text(records, head), encoding="utf-8")
    click.echo(f"wrote {out}", err=True)


if __name__ == "__main__":
    main()
