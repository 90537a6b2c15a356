"""Scores of several forecasts of the same values: by series, pooled, by step, the best.

Shapes: `N` series, `W` windows, `H` horizon, `Q` quantiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics

Floats = NDArray[np.float64]
Scores = dict[str, dict[str, Floats]]
Table = dict[str, dict[str, float]]

# What a coverage should be. Of all other measures the lowest is the best.
NOMINAL = {"coverage-80": 0.80, "coverage-95": 0.95}
SCALED = ("mase", "msis-95")
GROUPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is scored.

    Attributes:
        actual: `[N, W, H]`, NaN where missing.
        forecasts: quantiles `[N, W, H, Q]` by name.
        levels: the `Q` probabilities.
        scale: `[N]`, see `metrics.seasonal_scale`.
    """

    actual: Floats
    forecasts: Mapping[str, Floats]
    levels: tuple[float, ...]
    scale: Floats

    def steps(self, first: int, last: int) -> "Judged":
        """The steps ahead from `first` to `last` alone, counted from 1."""
        chosen = slice(first - 1, last)
        parts = {name: q[:, :, chosen] for name, q in self.forecasts.items()}
        return Judged(self.actual[:, :, chosen], parts, self.levels, self.scale)


def by_series(judged: Judged) -> Scores:
    """Every measure of every forecast `[N]`, the windows of a series taken together."""
    count = len(judged.actual)
    actual = judged.actual.reshape(count, -1)
    return {
        name: metrics.score(
            actual, q.reshape(count, -1, q.shape[-1]), judged.levels, judged.scale
        )
        for name, q in judged.forecasts.items()
    }


def averaged(scores: Mapping[str, Mapping[str, Floats]]) -> Table:
    """The average over series of each measure, by name.

    Each series counts the same, however long. Series without a value for a measure
    (nothing observed, no scale) are left out of its average.
    """
    return {
        name: {measure: float(metrics.average(v)) for measure, v in measures.items()}
        for name, measures in scores.items()
    }


def pooled(judged: Judged) -> Table:
    """Every measure over the points of all series as one, by name.

    Each point counts the same. MASE and MSIS take the error of each point in the scale of
    its own series, and leave out series that have none.
    """
    ones = np.ones(1)
    scale = np.where(judged.scale > 0, judged.scale, np.nan)[:, None, None]
    flat, scaled = judged.actual.reshape(1, -1), (judged.actual / scale).reshape(1, -1)
    found: Table = {}
    for name, quantiles in judged.forecasts.items():
        shape = (1, -1, quantiles.shape[-1])
        raw = metrics.score(flat, quantiles.reshape(shape), judged.levels, ones)
        own = (quantiles / scale[..., None]).reshape(shape)
        relative = metrics.score(scaled, own, judged.levels, ones)
        found[name] = {
            measure: float((relative if measure in SCALED else raw)[measure][0])
            for measure in metrics.NAMES
        }
    return found


def by_steps(judged: Judged) -> dict[tuple[int, int], Table]:
    """The averages over the first, the middle and the last third of the horizon.

    The keys are the first and the last step of each third, counted from 1.
    """
    return {
        (first, last): averaged(by_series(judged.steps(first, last)))
        for first, last in step_groups(judged.actual.shape[2])
    }


def step_groups(horizon: int) -> list[tuple[int, int]]:
    """The first and the last step of each third, the earlier ones the longer.

    >>> step_groups(12), step_groups(7), step_groups(2)
    ([(1, 4), (5, 8), (9, 12)], [(1, 3), (4, 5), (6, 7)], [(1, 1), (2, 2)])
    """
    parts = np.array_split(np.arange(1, horizon + 1), min(GROUPS, horizon))
    return [(int(part[0]), int(part[-1])) for part in parts]


def best(table: Table) -> dict[str, str]:
    """Who is best at each measure; the first of equals; nobody where nobody has a score.

    >>> best({"a": {"mae": 2.0, "coverage-80": 0.9}, "b": {"mae": 3.0, "coverage-80": 0.75}})
    {'mae': 'a', 'coverage-80': 'b'}
    """
    found = {}
    for measure in next(iter(table.values())):
        known = {n: scores[measure] for n, scores in table.items()}
        known = {n: _loss(measure, v) for n, v in known.items() if np.isfinite(v)}
        if known:
            found[measure] = min(known, key=known.__getitem__)
    return found


def skill(table: Table, name: str, baselines: Sequence[str]) -> dict[str, float]:
    """By how many per cent a forecast is better than the best baseline, per measure.

    Coverages have none: nearer to nominal is no share of anything.

    >>> skill({"m": {"mae": 1.5}, "Naive": {"mae": 2.0}}, "m", ["Naive"])
    {'mae': 25.0}
    """
    found = {}
    for measure, score in table[name].items():
        bars = [table[other][measure] for other in baselines]
        bar = min((v for v in bars if np.isfinite(v)), default=float("nan"))
        if measure not in NOMINAL and bar > 0 and np.isfinite(score):
            found[measure] = 100.0 * (1.0 - score / bar)
    return found


def _loss(measure: str, score: float) -> float:
    return abs(score - NOMINAL[measure]) if measure in NOMINAL else score
