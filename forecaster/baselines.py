"""Naive and SeasonalNaive with quantiles: the bars that every model must clear.

Both repeat the past: the forecast is the last value (the last season), missing history
filled with the value before it. The quantiles are normal around that value; their
deviation is that of the in-sample errors, widened by the number of seasons ahead:
sigma * sqrt(ceil(k / m)) at step k (Hyndman and Athanasopoulos, Forecasting: Principles
and Practice, 3rd edition, section 5.5).

Shapes: `N` series, `T` history, `E` origins, `H` horizon, `Q` quantiles. An origin is
the number of values known there, so that one pass over a history serves all its origins.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from forecaster.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BARS = ("Naive", "SeasonalNaive")


def bars(
    panel: Panel,
    origins: Ints,
    horizon: int,
    levels: Sequence[float],
    season_length: int,
) -> dict[str, Floats]:
    """Both forecasts of every series `[N, E, H, Q]`, by name, at `origins[N, E]`.

    >>> from forecaster.frequency import Frequency
    >>> panel = Panel.from_series(["a"], [[1.0, 5.0, 2.0, 6.0]], [1], Frequency("1"))
    >>> both = bars(panel, np.array([[4]]), 2, [0.5], season_length=2)
    >>> {name: forecast.ravel().tolist() for name, forecast in both.items()}
    {'Naive': [6.0, 6.0], 'SeasonalNaive': [2.0, 6.0]}
    """
    histories = [panel.values_of(i)[: ends.max()] for i, ends in enumerate(origins)]
    return {
        name: np.stack(
            [
                seasonal_naive(history, ends, horizon, levels, season)
                for history, ends in zip(histories, origins, strict=True)
            ]
        )
        for name, season in zip(BARS, (1, season_length), strict=True)
    }


def naive(
    history: Floats, origins: Ints, horizon: int, levels: Sequence[float]
) -> Floats:
    """The last known value at each origin, with its quantiles `[E, H, Q]`.

    >>> naive(np.array([1.0, 3.0, np.nan]), np.array([1, 3]), 2, [0.5])[..., 0]
    array([[1., 1.],
           [3., 3.]])
    """
    return seasonal_naive(history, origins, horizon, levels, season_length=1)


def seasonal_naive(
    history: Floats,
    origins: Ints,
    horizon: int,
    levels: Sequence[float],
    season_length: int,
) -> Floats:
    """The last season before each origin, repeated, with its quantiles `[E, H, Q]`.

    An origin with less than a season behind it gets the naive forecast. Where no two
    values one season apart are known, nothing is known of the errors either, and the
    quantiles have no width.

    Args:
        history: `[T]`, NaN where missing, the first value known.
        origins: `[E]`, each from 1 to `T`.
        horizon: `H`.
        levels: the `Q` probabilities.
        season_length: the number of steps `m` of a season.

    >>> history = np.array([1.0, 5.0, 2.0, 6.0])
    >>> seasonal_naive(history, np.array([4]), 3, [0.5], season_length=2)[0, :, 0]
    array([2., 6., 2.])
    """
    season = np.where(origins < season_length, 1, season_length)[:, None]  # [E, 1]
    ahead = np.arange(horizon)  # [H]
    point = forward_fill(history)[origins[:, None] - season + ahead % season]
    deviation = np.where(
        season[:, 0] == 1,
        _error_deviation(history, origins, 1),
        _error_deviation(history, origins, season_length),
    )
    width = deviation[:, None] * np.sqrt(ahead // season + 1)  # [E, H]
    normal = np.array([NormalDist().inv_cdf(level) for level in levels])
    return np.asarray(point[..., None] + width[..., None] * normal)


def forward_fill(values: Floats) -> Floats:
    """Every missing value replaced by the last known one before it.

    >>> forward_fill(np.array([1.0, np.nan, np.nan, 4.0]))
    array([1., 1., 1., 4.])
    """
    last_known = np.where(np.isnan(values), 0, np.arange(len(values)))
    return np.asarray(values[np.maximum.accumulate(last_known)])


def _error_deviation(history: Floats, origins: Ints, season_length: int) -> Floats:
    """Root mean square `[E]` of x_t - x_(t-m) over the known pairs before each origin.

    Pairs with a missing value are left out, so that filling does not narrow the bands.
    """
    errors = history[season_length:] - history[:-season_length]
    known = ~np.isnan(errors)
    sums = np.cumsum(np.where(known, errors, 0.0) ** 2)
    pairs = np.maximum(origins - season_length, 0)
    total = np.concatenate([[0.0], sums])[pairs]
    count = np.concatenate([[0], np.cumsum(known)])[pairs]
    return np.asarray(np.sqrt(total / np.maximum(count, 1)))
