"""The report on accuracy, from results to Markdown.

One line per set at the top, what is not reached stated below it, then every method on
every set. Seeds are averaged; each seed's score stands beside. Sets that are parts of
one (`pooled`) get a line together, each series counting the same.
"""

from collections.abc import Sequence
from statistics import fmean

from benchmarks.found import Found, sets_of
from benchmarks.markdown import number, table
from benchmarks.published import PUBLISHED, goal
from benchmarks.results import Record

OURS = "this"
BARS = ("Naive", "SeasonalNaive")
COVERED_FROM = 2_000  # test points from which coverage says something
CARRIED = 0.99  # fresh windows may be better by one per cent
TOLERANCE = 0.03  # of coverage

SUMMARY = (
    "set",
    "measure",
    "this",
    "each seed",
    "to reach",
    "best naive bar",
    "best peer here",
    "coverage 80 / 95 %",
    "fresh / carried",
    "training s",
)
HEAD = """# Accuracy

Written by `benchmarks/accuracy.py`; the conventions are in `benchmarks/scoring.py` and
`benchmarks/cases.py`. Lower is better everywhere but for coverage.

{machine}

Ours is `forecaster train` with its default configuration, given only the horizon, the
season and the seed (nab_* also `--snap --duplicates mean`, *-weather the names of the
covariates), and evaluated with the state carried; "fresh" is the same model from windows
of one ring and one chunk of training. ETTh1 and exchange_rate are fitted on their training
rows alone, the validation rows are history. SeasonalNaive, AutoETS and
Theta are those of statsforecast, fitted again at every origin on the last ten seasons (at
least 500 steps), on ETTh1 and exchange_rate at every 96th origin. LSTM and NHITS are
those of neuralforecast with its defaults but `MQLoss(level=[80, 95])`, `input_size` three
horizons, a robust scaler and the number of steps of the command. Training and forecasting
seconds are wall clock, our training with the start of the process and reading the file.
"""


def text(records: Sequence[Record], machine: str) -> str:
    """The whole report."""
    found = sets_of(records)
    misses = [f"* {one.name}: {miss}" for one in found for miss in missed(one)]
    parts = [
        HEAD.format(machine=machine),
        "## Summary\n",
        table(SUMMARY, [summary(one) for one in found if one.of(OURS)]),
        *covariates({one.name: one for one in found if one.of(OURS)}),
        "\n## Not reached\n",
        *(misses or ["Nothing."]),
        *(details(one) for one in found),
    ]
    return "\n".join(parts) + "\n"


def summary(found: Found) -> list[str]:
    """One line of the table at the top."""
    ours = found.mean(OURS, found.measure)
    bar, best_bar = found.best(*BARS)
    peer, best_peer = found.best("statsforecast", "neuralforecast")
    covered = [100 * found.mean(OURS, f"coverage-{level}") for level in (80, 95)]
    seconds = fmean(one["train_s"] for one in found.of(OURS))
    return [
        found.name,
        found.measure,
        number(ours),
        ", ".join(number(seed) for seed in found.seeds(OURS)),
        number(goal(found.name, best_bar).reach),
        f"{number(best_bar)} ({bar})",
        f"{number(best_peer)} ({peer.split()[-1]})" if peer else "-",
        " / ".join(f"{share:.1f}" for share in covered),
        number(fresh_ratio(found)),
        f"{seconds:.0f}",
    ]


def covariates(found: dict[str, Found]) -> list[str]:
    """What covariates buy, where a set was run with and without."""
    rows = []
    for one in found.values():
        plain = found.get(one.spec.without or "")
        if plain is not None:
            with_, without = (each.mean(OURS, each.measure) for each in (one, plain))
            known = ", ".join(one.spec.covariates)
            row = [plain.name, known, one.measure, number(without), number(with_)]
            rows.append([*row, number(with_ / without)])
    columns = ("set", "known ahead", "measure", "without", "with", "ratio")
    return ["\n## Covariates\n", table(columns, rows)] if rows else []


def fresh_ratio(found: Found) -> float:
    """The error from fresh windows over that with the state carried; above 1 is good."""
    fresh = found.mean(OURS, found.measure, "fresh")
    return fresh / found.mean(OURS, found.measure, "carried")


def missed(found: Found) -> list[str]:
    """What a set falls short of, in words; also what could not be measured."""
    said = [
        f"{one['method']}, seed {one['seed']}, failed: {one['error'].splitlines()[-1]}"
        for one in found.records
        if "error" in one
    ]
    if not found.of(OURS):
        return said
    ours, target = (
        found.mean(OURS, found.measure),
        goal(found.name, found.best(*BARS)[1]),
    )
    if ours > target.reach:
        said.append(f"{found.measure} {number(ours)}, to reach {number(target.reach)}")
    elif ours > target.aim:
        said.append(
            f"{found.measure} {number(ours)} reaches {number(target.reach)}, "
            f"not the {number(target.aim)} aimed for"
        )
    return said + _missed_intervals(found) + _missed_carry(found)


def _missed_intervals(found: Found) -> list[str]:
    """Coverage too far from nominal, where there are enough points to tell."""
    points = sum(one["points"] for one in found.of(OURS) if one["seed"] == _seed(found))
    if points < COVERED_FROM:
        return []
    return [
        f"coverage of the {level} % interval {100 * share:.1f} %"
        for level in (80, 95)
        if abs((share := found.mean(OURS, f"coverage-{level}")) - level / 100)
        > TOLERANCE
    ]


def _missed_carry(found: Found) -> list[str]:
    """A carried state that forecasts worse than a fresh window."""
    ratio = fresh_ratio(found)
    return [f"fresh windows are better, ratio {ratio:.3f}"] if ratio < CARRIED else []


def _seed(found: Found) -> int:
    return int(found.of(OURS)[0]["seed"])


def details(found: Found) -> str:
    """Every method on one set, ours first, published scores last."""
    others = sorted(
        (one for one in found.methods if one != OURS),
        key=lambda one: found.mean(one, found.measure),
    )
    first = [OURS] if found.of(OURS) else []
    rows = [_row(found, method) for method in first + others]
    measures = found.spec.measures
    for name, scores in PUBLISHED.get(found.name, {}).items():
        shown = [number(scores.get(measure, float("nan"))) for measure in measures]
        rows.append([f"{name}, published", *shown, *["-"] * 5])
    columns = ("method", *measures, "80 %", "95 %", "training s", "forecasting s", "MB")
    return f"\n## {found.name}\n\n{table(columns, rows)}"


def _row(found: Found, method: str) -> list[str]:
    """One method: its scores, coverage in per cent, seconds, memory."""
    records = found.of(method)

    def took(name: str) -> str:
        values = [one[name] for one in records if name in one]
        return f"{fmean(values):.0f}" if values else "-"

    scores = [number(found.mean(method, measure)) for measure in found.spec.measures]
    covered = [number(100 * found.mean(method, f"coverage-{k}"), 1) for k in (80, 95)]
    return [
        method,
        *scores,
        *covered,
        took("train_s"),
        took("predict_s"),
        took("peak_mb"),
    ]
