"""What each piece of the model buys: it is trained without one, set by set, seed by seed.

    python -m benchmarks.ablation --data FOLDER --sets m4_weekly --seeds 0 --max-time 300

The whole model is that of `benchmarks.accuracy`: its results in WORK are used where they
are there, and made where not, so give both the same `--max-time`. Each result is kept in
WORK/ablation.jsonl; an interrupted run goes on where it stopped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import ablation_report, choices, machine, ours
from benchmarks.cases import Case
from benchmarks.choices import chosen, empty
from benchmarks.measured import CommandError
from benchmarks.results import Record, Results
from benchmarks.sets import SETS
from benchmarks.variants import FULL, VARIANTS, Variant, applies, as_seen

OUT = Path(__file__).with_name("ABLATION.md")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run on every set."""

    work: Path
    seeds: tuple[int, ...]
    variants: tuple[str, ...]
    options: tuple[str, ...]  # of `train`, for all

    @property
    def whole(self) -> Results:
        """The results of the whole model, those of `benchmarks.accuracy`."""
        return Results(self.work / "results.jsonl")

    @property
    def results(self) -> Results:
        """The results of the variants."""
        return Results(self.work / "ablation.jsonl")


def run_set(case: Case, plan: Plan) -> None:
    """Train and score what has not been on one set."""
    name = case.spec.name
    about = {"set": name, "series": len(case.panel), "points": case.points}
    for seed in plan.seeds:
        if not plan.whole.has(name, FULL, seed):
            click.echo(f"{name}: {FULL}, seed {seed}", err=True)
            folder = plan.work / "ours" / name / str(seed)
            found = _measured(case, ours.Run(empty(folder), seed, plan.options), True)
            plan.whole.add({**about, "method": FULL, "seed": seed, **found})
        for variant in _missing(case, seed, plan):
            click.echo(f"{name}: {variant.name}, seed {seed}", err=True)
            run = _run(name, variant, seed, plan)
            found = _measured(as_seen(variant, case), run, False)
            plan.results.add({**about, "method": variant.name, "seed": seed, **found})


def _missing(case: Case, seed: int, plan: Plan) -> Iterator[Variant]:
    """The variants that have no result for a seed yet."""
    for name in plan.variants:
        variant = VARIANTS[name]
        if applies(variant, case) and not plan.results.has(case.spec.name, name, seed):
            yield variant


def _run(name: str, variant: Variant, seed: int, plan: Plan) -> ours.Run:
    """How a variant is trained."""
    folder = empty(plan.work / "ablation" / name / variant.name / str(seed))
    return ours.Run(folder, seed, plan.options, variant.config, variant.constants)


def _measured(case: Case, run: ours.Run, windows: bool) -> Record:
    """The scores of one training, or how it failed."""
    try:
        version, took = ours.train(case, run)
    except CommandError as error:
        click.echo(f"  {error}", err=True)
        return {"error": str(error)}
    return {**took, **ours.evaluate(case, version, windows=windows)}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@choices.DATA
@choices.SETS
@choices.SEEDS
@click.option("--variants", default="all", show_default=True, help="With commas.")
@choices.MAX_TIME
@choices.work("out/accuracy")
@choices.out(OUT)
def main(  # noqa: PLR0913 - one for each option
    data: Path,
    sets: str,
    seeds: str,
    variants: str,
    max_time: float | None,
    work: Path,
    out: Path,
) -> None:
    """Measure what each piece of the model buys and write the report."""
    plan = Plan(
        work,
        tuple(int(seed) for seed in seeds.split(",")),
        chosen(variants, VARIANTS),
        () if max_time is None else ("--max-time", str(max_time)),
    )
    for name in chosen(sets, SETS):
        run_set(SETS[name].load(data), plan)
        head = machine.heading(machine.command_line("benchmarks.ablation"))
        records = [*plan.whole.all(), *plan.results.all()]
        out.write_text(ablation_report.text(records, head), encoding="utf-8")
    click.echo(f"wrote {out}", err=True)


if __name__ == "__main__":
    main()
