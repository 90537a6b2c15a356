"""Naive2 as the organisers of the M4 competition compute it: the unit of OWA.

The last value of the series after taking out its season, with the season put back.
Whether there is a season is decided by a test on the autocorrelations.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def naive2(history: Floats, season_length: int, horizon: int) -> Floats:
    """The Naive2 forecast `[horizon]` of a complete history.

    >>> naive2(np.array([1.0, 2.0, 3.0]), season_length=1, horizon=2)
    array([3., 3.])
    >>> naive2(np.tile([1.0, 3.0], 20), season_length=2, horizon=3)
    array([1., 3., 1.])
    """
    if not is_seasonal(history, season_length):
        return np.repeat(history[-1], horizon)
    indices = seasonal_indices(history, season_length)
    count = len(history)
    level = history[-1] / indices[(count - 1) % season_length]
    return np.asarray(level * indices[(count + np.arange(horizon)) % season_length])


def is_seasonal(history: Floats, season_length: int) -> bool:
    """Whether |r_m| exceeds its 90 per cent limit under no season.

    >>> is_seasonal(np.arange(5.0), 4)
    False
    """
    count = len(history)
    most_lags = int(10 * np.log10(count))
    if season_length == 1 or count < 3 * season_length or season_length > most_lags:
        return False
    centred = history - history.mean()
    power = float(centred @ centred)
    if power == 0.0:
        return False
    lags = range(1, season_length + 1)
    correlations = np.array([centred[k:] @ centred[:-k] / power for k in lags])
    limit = 1.645 * np.sqrt((1 + 2 * (correlations[:-1] ** 2).sum()) / count)
    return bool(abs(correlations[-1]) > limit)


def seasonal_indices(history: Floats, season_length: int) -> Floats:
    """The multiplicative index of each phase, counted from the first observation."""
    weights = np.ones(season_length)
    if season_length % 2 == 0:  # centred: half weight at both ends
        weights = np.concatenate([[0.5], np.ones(season_length - 1), [0.5]])
    trend = np.convolve(history, weights / season_length, mode="valid")
    first = len(weights) // 2
    ratios = history[first : first + len(trend)] / trend
    phases = (first + np.arange(len(trend))) % season_length
    indices = np.array([ratios[phases == k].mean() for k in range(season_length)])
    return np.asarray(indices / indices.mean())
