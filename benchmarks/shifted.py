"""Whether intervals hold after the level and the variance of real series have changed.

    python -m benchmarks.shifted --data FOLDER

A model is trained on a set as it is. Then half way through the last steps of each series
what comes after is moved and stretched about the mean before: the model, its state carried,
meets a change that it never saw. A table: coverage one step ahead and of all steps, from
the origins of the last season before the change and of each season after.
"""

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks import choices, machine, markdown, ours
from benchmarks.carrying import carried
from benchmarks.sets import SETS
from forecaster import metrics
from forecaster.panel import Panel
from forecaster.report import actual_values
from forecaster.streaming import StepModel

Floats = NDArray[np.float64]

SERIES = 100  # at most
BEFORE, AFTER = 15, 4  # seasons before the change, and after it that origins lie in
ORIGINS = 6  # in each season
LEVELS = (80, 95)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of values: `mean * level + spread * (value - mean)`."""

    name: str
    level: float
    spread: float


CHANGES = (
    Change("none", 1.0, 1.0),
    Change("half as high again, twice as wide", 1.5, 2.0),
    Change("lower by 30 %, half as wide", 0.7, 0.5),
    Change("three times as wide", 1.0, 3.0),
    Change("a third as wide", 1.0, 1 / 3),
)


def changed(panel: Panel, change: Change, place: int, steps: int) -> Panel:
    """The last steps of the series that are as long, changed from `place` on.

    Values that were never negative stay so.
    """
    chosen = [i for i in range(len(panel)) if panel.lengths[i] >= steps][:SERIES]
    values = []
    for i in chosen:
        series = np.array(panel.values_of(i)[-steps:], float)
        mean = np.nanmean(series[:place])
        moved = change.level * mean + change.spread * (series[place:] - mean)
        least = 0.0 if np.nanmin(series) >= 0 else -np.inf
        values.append(np.concatenate([series[:place], np.maximum(moved, least)]))
    starts = np.array([panel.times_of(i)[-steps] for i in chosen])
    ids = [panel.ids[i] for i in chosen]
    return Panel.from_series(ids, values, starts, panel.frequency)


def coverages(model: StepModel, panel: Panel, place: int, season: int) -> list[Floats]:
    """Shares within the intervals for each season of origins, `[level, one or all steps]`.

    The first season is the last whose targets all lie before the change.
    """
    horizon = model.manifest.horizon
    begins = [place - season - horizon, *(place + k * season for k in range(AFTER))]
    found = []
    for begin in begins:
        each = np.arange(begin, begin + season, -(-season // ORIGINS))
        origins = np.tile(each, (len(panel), 1))
        quantiles = carried(model, panel, origins, horizon)
        actual = actual_values(panel, origins, horizon)
        found.append(
            np.array([_shares(quantiles, model, actual, level) for level in LEVELS])
        )
    return found


def _shares(
    quantiles: Floats, model: StepModel, actual: Floats, level: int
) -> list[float]:
    low, high = metrics.interval(quantiles, model.manifest.quantiles, level)
    inside, known = (actual >= low) & (actual <= high), ~np.isnan(actual)
    first = np.s_[..., 0]
    return [float(inside[first][known[first]].mean()), float(inside[known].mean())]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@choices.DATA
@click.option("--set", "name", default="m4_hourly", show_default=True)
@click.option("--version", type=choices.FOLDER, help="Trained on the set already.")
@choices.work("out/shifted")
def main(data: Path, name: str, version: Path | None, work: Path) -> None:
    """Print how intervals hold after a change."""
    from forecaster.artifact import load  # TensorFlow is slow to import
    from forecaster.cli.common import import_tensorflow

    case = SETS[name].load(data)
    if version is None:
        version, _ = ours.train(case, ours.Run(choices.empty(work / name), 0))
    import_tensorflow()  # without its notes on stderr
    model = load(version)
    season = model.manifest.season_length
    steps = (BEFORE + AFTER) * season + model.manifest.horizon
    click.echo(machine.heading(machine.command_line("benchmarks.shifted")))
    rows = []
    for change in CHANGES:
        panel = changed(case.panel, change, BEFORE * season, steps)
        for i, shares in enumerate(coverages(model, panel, BEFORE * season, season)):
            when = f"season {i} after" if i else "before"
            ahead = [f"{100 * share:.1f}" for share in shares.T.ravel()]
            rows.append([change.name, when, *ahead])
    ahead = [f"{level} %, {of}" for of in ("one step", "all") for level in LEVELS]
    click.echo(markdown.table(["change", "origins in", *ahead], rows))


if __name__ == "__main__":
    main()
