"""The report of the ablation: error without a piece over error with it, in Markdown.

A ratio is taken seed by seed, and averaged as a geometric mean: 1.05 is an error five per
cent larger without the piece. Two columns need no training of their own: the same model
at the same origins, but from fresh windows instead of the carried state.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import geometric_mean

from benchmarks.markdown import number, table
from benchmarks.results import Record
from benchmarks.scoring import Scores
from benchmarks.sets import SETS
from benchmarks.variants import FULL, VARIANTS

HEAD = """# Ablation

Written by `benchmarks/ablation.py`. Each entry is the error of the model without a piece
over the error of the whole model: above 1, the piece is worth having. Errors are those by
which a set is ranked (OWA, sMAPE, MSE or MASE), ratios are geometric means over seeds.

{machine}

{pieces}

The recurrent layers are worth little beside the ring and the average course: what was tried
to make them worth more (hearing them in all, in half or in two thirds of the lanes of a
batch, factors that are learned from zero, training for longer) stands with its figures among
the decisions of `forecaster/README.md`.
"""
WINDOWS = {
    "ring window": (
        "ring",
        "the whole model, at each origin from a fresh window of one ring",
    ),
    "fresh window": ("fresh", "the same, from one ring and one chunk of training"),
}
Ratios = Mapping[str, Mapping[str, Sequence[float]]]  # by column, then set: each seed
Pair = tuple[str, Scores | None, Scores | None]  # set; scores without and with a piece


def text(records: Sequence[Record], machine: str) -> str:
    """The whole report."""
    scored = [one for one in records if "scores" in one]
    ratios = {**_by_window(scored), **_by_variant(scored)}
    says = {name: why for name, (_, why) in WINDOWS.items()}
    says |= {name: variant.says for name, variant in VARIANTS.items()}
    pieces = "\n".join(f"* **{name}**: {says[name]}" for name in ratios)
    failed = [
        f"* {one['set']}, {one['method']}, seed {one['seed']}: {one['error'].splitlines()[-1]}"
        for one in records
        if "error" in one and one["method"] in {*VARIANTS, FULL}
    ]
    parts = [HEAD.format(machine=machine, pieces=pieces), _table(ratios)]
    if failed:
        parts += ["\n## Failed\n", *failed]
    return "\n".join(parts) + "\n"


def _by_window(records: Sequence[Record]) -> Ratios:
    """Fresh windows over carried, of the whole model."""
    whole = [one for one in records if one["method"] == FULL]
    return {
        name: _ratios((one["set"], one.get(part), one.get("carried")) for one in whole)
        for name, (part, _) in WINDOWS.items()
    }


def _by_variant(records: Sequence[Record]) -> Ratios:
    """Variants over the whole model of the same seed."""
    whole = {
        (one["set"], one["seed"]): one["scores"]
        for one in records
        if one["method"] == FULL
    }
    return {
        name: _ratios(
            (one["set"], one["scores"], whole.get((one["set"], one["seed"])))
            for one in records
            if one["method"] == name
        )
        for name in VARIANTS
    }


def _ratios(pairs: Iterable[Pair]) -> dict[str, list[float]]:
    """The ratios by set; left out where one of the two is absent."""
    found: dict[str, list[float]] = {}
    for name, without, whole in pairs:
        measure = SETS[name].measures[0]
        if without and whole:
            found.setdefault(name, []).append(without[measure] / whole[measure])
    return found


def _table(ratios: Ratios) -> str:
    """A line for each set; below, what all of them say."""
    names = [name for name in SETS if any(name in column for column in ratios.values())]
    means = {
        column: {name: geometric_mean(seeds) for name, seeds in by_set.items()}
        for column, by_set in ratios.items()
        if by_set
    }
    rows = [
        [name, SETS[name].measures[0]]
        + [number(column.get(name, float("nan"))) for column in means.values()]
        for name in names
    ]
    overall = [number(geometric_mean(column.values())) for column in means.values()]
    better = [
        f"{sum(ratio > 1 for ratio in column.values())} of {len(column)}"
        for column in means.values()
    ]
    rows += [["**geometric mean**", "", *overall], ["**worth having on**", "", *better]]
    return table(("set", "measure", *means), rows)
