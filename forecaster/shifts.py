"""Whether inputs have shifted: the population stability index of seasonal changes.

What a network sees of a series is scaled by the series itself; so what is compared is how
much values differ from those a season before, as shares of how much they usually do. What
the training had of it is a few numbers of the manifest. Below 0.1 nothing has shifted, above
0.25 much has.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.metrics import seasonal_scale
from forecaster.panel import Panel

Floats = NDArray[np.float64]

BINS = 10
LEAST = 100  # changes, to say anything
MOST_SERIES = 1_000  # of more an even choice
SMALLEST = 1e-4  # share of a bin, so that an empty one is not infinitely strange


def changes(values: Floats, season: int, scale: float) -> Floats:
    """Differences to a season before in units of `scale`; without those not known.

    >>> changes(np.array([1.0, 2.0, np.nan, 6.0]), 1, 2.0)
    array([0.5])
    """
    if len(values) <= season or not scale > 0:
        return np.zeros(0)
    found = (values[season:] - values[:-season]) / scale
    return np.asarray(found[np.isfinite(found)])


def summary(panel: Panel, season: int) -> dict[str, Any] | None:
    """The changes of a panel as bins and their shares; None where they are too few."""
    chosen = range(0, len(panel), ceil(len(panel) / MOST_SERIES))
    found = []
    for i in chosen:
        values = panel.values_of(i)
        found.append(changes(values, season, seasonal_scale(values, season)))
    pooled = np.concatenate(found)
    if len(pooled) < LEAST:
        return None
    wanted = np.quantile(pooled, np.arange(1, BINS) / BINS)
    cuts = np.unique([float(f"{cut:.6g}") for cut in wanted])
    shares = [round(float(share), 6) for share in _shares(cuts, pooled)]
    return {"cuts": cuts.tolist(), "shares": shares}


def psi(known: Mapping[str, Sequence[float]], found: Floats) -> float | None:
    """How far changes have shifted from those of a training; None where too few.

    Args:
        known: what `summary` returned.
        found: changes seen since.
    """
    if len(found) < LEAST:
        return None
    before = np.maximum(np.asarray(known["shares"]), SMALLEST)
    now = np.maximum(_shares(np.asarray(known["cuts"]), found), SMALLEST)
    return float(np.sum((now - before) * np.log(now / before)))


def _shares(cuts: Floats, values: Floats) -> Floats:
    """The share of values in each of the bins between the cuts [cuts + 1]."""
    counts = np.bincount(np.searchsorted(cuts, values), minlength=len(cuts) + 1)
    return np.asarray(counts / len(values))
