"""What training costs: speed, time to a score, memory.

    python -m benchmarks.training --data FOLDER

* Speed: steps per second of `train`, from two runs of different length (so that start,
  tracing and reading cancel), against `torch.nn.LSTM` of the same shape.
* Time to a score: neuralforecast's LSTM is scored after several numbers of steps of one
  run; then ours is trained with ever more seconds until it scores as well as the best.
* Memory: the peak of a short training as the data grow, and as it gets longer.

Results are kept in WORK/training.jsonl; an interrupted run goes on where it stopped.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks import (
    choices,
    machine,
    measured,
    ours,
    peering,
    scoring,
    training_report,
)
from benchmarks.cases import Case
from benchmarks.choices import chosen, empty
from benchmarks.made import waves
from benchmarks.measured import CommandError
from benchmarks.peering import Peer
from benchmarks.results import Record, Results
from benchmarks.sets import SETS
from forecaster import manifest as manifests

SPEED_SCRIPT = Path(__file__).with_name("peers_speed.py")
OUT = Path(__file__).with_name("TRAINING.md")
STEPS = "[training]\nsteps = {}\n"
SIZES = ("units", "layers", "patch_units", "head_units")
PATIENT = ("forecaster.session:PATIENCE=1000",)  # never stops before its steps are done
SHARES = (0.1, 0.15, 0.2, 0.25, 1 / 3, 0.5, 0.75, 1.0)  # of the other's time
MARKS = (0.1, 0.2, 0.4, 0.6, 0.8)  # of its steps, where it is scored as well
PARTS = ("speed", "score", "memory")
SCORED = ("m4_hourly", "m4_weekly")
Task = tuple[str, str, Callable[[], Record]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run."""

    work: Path
    python: Path  # of the environment of the peers
    steps: int  # of the longer run of the speed test
    peer_steps: int
    points: tuple[int, ...]  # sizes of data for the memory test


def speed(case: Case, plan: Plan) -> Record:
    """Steps per second of ours and of PyTorch with the same shape."""
    took = {}
    for steps in (plan.steps // 4, plan.steps):
        folder = empty(plan.work / case.spec.name / f"speed-{steps}")
        run = ours.Run(folder, 0, config=STEPS.format(steps), constants=PATIENT)
        version, took[steps] = ours.train(case, run)
    short, long = took.values()
    rate = (long["steps"] - short["steps"]) / (long["train_s"] - short["train_s"])
    shape = _shape(version) | {"steps": max(1, plan.steps // 4)}
    log = plan.work / case.spec.name / "torch.txt"
    measured.run([plan.python, SPEED_SCRIPT, json.dumps(shape)], log)
    answer = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    return {"ours": rate, "torch": answer["steps_per_s"], "shape": shape}


def _shape(version: Path) -> dict[str, int]:
    """What a network of PyTorch needs to be as large as one of ours."""
    from forecaster import trainer  # TensorFlow is slow to import

    about = manifests.read(version)
    size = {name: about.architecture[name] for name in SIZES}
    return size | {
        "lanes": about.training["lanes"],
        "chunk": about.training["chunk"],
        "inputs": 2 * about.architecture["ring"] + len(about.features),
        "horizon": about.horizon,
        "quantiles": len(about.quantiles),
        "stride": int(getattr(trainer, "ORIGIN_STRIDE", 1)),
    }


def score(case: Case, plan: Plan) -> Record:
    """The seconds that neuralforecast and ours take to the same score."""
    work, measure = plan.work / case.spec.name, case.spec.measures[0]
    marks = tuple(int(plan.peer_steps * share) for share in MARKS)
    peer = Peer("LSTM", plan.python, 0, plan.peer_steps, marks)
    some, took, path = peering.forecast(case, peer, empty(work / "lstm"))
    seconds = {**took["snapshots"], "forecasts": took["train_s"]}
    with np.load(path) as found:
        trace = [
            (seconds[name], scoring.score(some, found[name], scoring.LEVELS)[measure])
            for name in seconds
        ]
    best_s, best = min(trace, key=lambda pair: pair[1])
    ladder: list[tuple[float, float, float]] = []
    for share in SHARES:
        options = ("--max-time", f"{share * best_s:.1f}")
        run = ours.Run(empty(work / f"share-{share:.2f}"), 0, options)
        version, spent = ours.train(case, run)
        reached = ours.evaluate(case, version, windows=False)["scores"][measure]
        ladder.append((spent["loop_s"], reached, spent["train_s"]))
        if reached <= best:
            break
    return {"measure": measure, "peer": trace, "ladder": ladder}


def memory(points: int, steps: int, plan: Plan) -> Record:
    """The peak of a training on so many values."""
    case, folder = waves(points), empty(plan.work / f"memory-{points}-{steps}")
    run = ours.Run(folder, 0, config=STEPS.format(steps), constants=PATIENT)
    _, took = ours.train(case, run)
    file = folder / "data" / f"{case.spec.name}.csv"
    return {"values": points, "file_mb": file.stat().st_size / 2**20, **took}


def tasks(plan: Plan, data: Path, parts: tuple[str, ...]) -> Iterator[Task]:
    """What is to be measured: name, part, and the call itself."""
    for name in SCORED:
        for part, measure in (("speed", speed), ("score", score)):
            if part in parts:
                yield name, part, partial(_on, measure, name, data, plan)
    if "memory" in parts:
        for points in plan.points:
            yield f"{points} values", "memory", partial(memory, points, 20, plan)
        least = plan.points[0]
        yield f"{least} values, 10 x", "memory", partial(memory, least, 200, plan)


def _on(
    measure: Callable[[Case, Plan], Record], name: str, data: Path, plan: Plan
) -> Record:
    """A measurement on a set that is read now."""
    return measure(SETS[name].load(data), plan)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@choices.DATA
@click.option(
    "--parts", default="all", show_default=True, help="Of speed,score,memory."
)
@click.option("--steps", default=200, show_default=True, help="Of the speed test.")
@choices.PEER_STEPS
@click.option(
    "--values",
    default="100000,1000000,4000000",
    show_default=True,
    help="Sizes of the data of the memory test.",
)
@choices.PEERS_BY
@choices.work("out/training")
@choices.out(OUT)
def main(  # noqa: PLR0913 - one for each option
    data: Path,
    parts: str,
    steps: int,
    peer_steps: int,
    values: str,
    peer_python: Path,
    work: Path,
    out: Path,
) -> None:
    """Measure what training costs and write the report."""
    points = tuple(int(one) for one in values.split(","))
    plan = Plan(work, peer_python, steps, peer_steps, points)
    results = Results(work / "training.jsonl")
    for name, part, measure in tasks(plan, data, chosen(parts, PARTS)):
        if not results.has(name, part, 0):
            click.echo(f"{name}: {part}", err=True)
            try:
                found = measure()
            except CommandError as error:
                click.echo(f"  {error}", err=True)
                found = {"error": str(error)}
            results.add({"set": name, "method": part, "seed": 0, **found})
        head = machine.heading(machine.command_line("benchmarks.training"))
        out.write_text(training_report.text(results.all(), head), encoding="utf-8")
    click.echo(f"wrote {out}", err=True)


if __name__ == "__main__":
    main()
