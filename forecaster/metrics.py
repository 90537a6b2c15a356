"""Measures of a forecast, each over the last axis of NumPy arrays.

Shapes: `P` points of a series (the steps of all its windows together), `Q` quantiles.
Every measure takes `actual[..., P]` and gives `[...]`: one value per series. A point
whose actual value is missing (NaN) is left out; where nothing is left, or where the
scale of MASE and MSIS is zero or unknown (a constant history), the measure is NaN,
because no number would be true, and `average` over series leaves that series out.

Where `utilsforecast` has a measure of the same name it agrees, but for three things:
its sMAPE runs from 0 to 1, ours (as in M4) from 0 to 200; it takes the scale of MASE
anew at each cutoff, we keep the one before the first; it counts a missing actual value
as outside every interval, we leave it out. Its `scaled_crps` is our `wql`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import InputError

Floats = NDArray[np.float64]

NAMES = (
    "mase",
    "smape",
    "mae",
    "rmse",
    "wql",
    "coverage-80",
    "coverage-95",
    "msis-95",
)


def average(values: Floats, actual: Floats | None = None) -> Floats:
    """The mean over the last axis, NaN where there is nothing to average.

    Only missing values of `actual` (of `values`, without it) are left out, so that a
    forecast that is not a number shows instead of being passed over.

    >>> average(np.array([[1.0, np.nan, 3.0], [np.nan] * 3]))
    array([ 2., nan])
    >>> average(np.array([1.0, np.nan, 3.0]), actual=np.array([5.0, 5.0, np.nan]))
    array(nan)
    """
    known = ~np.isnan(values if actual is None else actual)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return _ratio(total, known.sum(axis=-1))


def mae(actual: Floats, forecast: Floats) -> Floats:
    """Mean absolute error: mean |y - f|.

    >>> mae(np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, 5.0]))
    array(1.)
    """
    return average(np.abs(actual - forecast), actual)


def rmse(actual: Floats, forecast: Floats) -> Floats:
    """Root mean squared error: sqrt(mean (y - f)^2).

    >>> rmse(np.array([0.0, 0.0]), np.array([1.0, 7.0]))
    array(5.)
    """
    return np.asarray(np.sqrt(average((actual - forecast) ** 2, actual)))


def smape(actual: Floats, forecast: Floats) -> Floats:
    """Symmetric percentage error, 0 to 200: mean 200 |y - f| / (|y| + |f|); 0/0 is 0.

    >>> smape(np.array([1.0, 0.0, 3.0]), np.array([3.0, 0.0, 3.0])).round(2)
    np.float64(33.33)
    """
    error = np.abs(actual - forecast)
    size = np.abs(actual) + np.abs(forecast)
    return average(200.0 * np.where(error == 0.0, 0.0, _ratio(error, size)), actual)


def seasonal_scale(history: Floats, season_length: int) -> float:
    """The scale of MASE and MSIS: mean |x_t - x_(t-m)| over the non-missing pairs.

    NaN when there is no such pair.

    >>> seasonal_scale(np.array([1.0, 2.0, np.nan, 6.0]), 2)
    4.0
    """
    if len(history) <= season_length:
        return float("nan")
    return float(average(np.abs(history[season_length:] - history[:-season_length])))


def mase(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Mean absolute scaled error: MAE / `scale[...]` (see `seasonal_scale`).

    >>> mase(np.array([[1.0], [1.0]]), np.array([[3.0], [3.0]]), np.array([4.0, 0.0]))
    array([0.5, nan])
    """
    return _ratio(mae(actual, forecast), scale)


def wql(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Weighted quantile loss: mean over levels of 2 sum pinball / sum |y|.

    Args:
        actual: `[..., P]`.
        quantiles: `[..., P, Q]`.
        levels: the `Q` probabilities, such as 0.1.

    >>> wql(np.array([10.0]), np.array([[8.0, 12.0]]), [0.25, 0.75])
    array(0.1)
    """
    error = actual[..., None] - quantiles
    probability = np.asarray(levels)
    pinball = np.maximum(probability * error, (probability - 1.0) * error)
    loss = average(2.0 * pinball.mean(axis=-1), actual)
    return _ratio(loss, average(np.abs(actual)))


def coverage(actual: Floats, low: Floats, high: Floats) -> Floats:
    """The share, 0 to 1, of the actual values with low <= y <= high.

    >>> coverage(np.array([1.0, 5.0]), np.array([0.0, 0.0]), np.array([2.0, 2.0]))
    array(0.5)
    """
    inside = ((low <= actual) & (actual <= high)).astype(np.float64)
    return average(inside, actual)


def msis(
    actual: Floats, low: Floats, high: Floats, scale: Floats, level: float
) -> Floats:
    """Mean scaled interval score of M4: the width, and 2/a times what lies outside.

    mean( (U - L) + 2/a (L - y) [y < L] + 2/a (y - U) [y > U] ) / scale,
    with a = 1 - level / 100.

    >>> one = np.array(1.0)
    >>> msis(np.array([5.0]), np.array([2.0]), np.array([4.0]), one, level=95).round(9)
    np.float64(42.0)
    """
    penalty = 2.0 / (1.0 - level / 100.0)
    outside = np.maximum(low - actual, 0.0) + np.maximum(actual - high, 0.0)
    score = (high - low) + penalty * outside
    return _ratio(average(score, actual), scale)


def interval(
    quantiles: Floats, levels: Sequence[float], level: float
) -> tuple[Floats, Floats]:
    """The two quantiles `[...]` that bound the central interval of `level` per cent.

    >>> low, high = interval(np.array([1.0, 2.0, 3.0]), [0.1, 0.5, 0.9], 80)
    >>> float(low), float(high)
    (1.0, 3.0)
    """
    tail = (1.0 - level / 100.0) / 2.0
    return at(quantiles, levels, tail), at(quantiles, levels, 1.0 - tail)


def at(quantiles: Floats, levels: Sequence[float], probability: float) -> Floats:
    """The quantile `[...]` of one probability out of `[..., Q]`.

    >>> at(np.array([[1.0, 2.0], [3.0, 4.0]]), [0.5, 0.9], 0.9)
    array([2., 4.])
    """
    (found,) = np.nonzero(np.isclose(levels, probability, rtol=0.0, atol=1e-9))
    if not len(found):
        raise InputError(
            f"the forecasts hold no quantile {probability:g}, only "
            f"{', '.join(f'{p:g}' for p in levels)}; ask for one of these"
        )
    return np.asarray(quantiles[..., found[0]], dtype=np.float64)


def score(
    actual: Floats, quantiles: Floats, levels: Sequence[float], scale: Floats
) -> dict[str, Floats]:
    """Every measure of `NAMES`, one value per series.

    Args:
        actual: `[N, P]`; NaN where nothing was observed.
        quantiles: `[N, P, Q]`, with 0.025, 0.1, 0.5, 0.9 and 0.975 among the levels.
        levels: the `Q` probabilities.
        scale: `[N]`, see `seasonal_scale`.

    >>> levels = [0.025, 0.1, 0.5, 0.9, 0.975]
    >>> perfect = score(np.ones((1, 2)), np.ones((1, 2, 5)), levels, np.ones(1))
    >>> [float(perfect[name][0]) for name in ("mase", "coverage-80", "msis-95")]
    [0.0, 1.0, 0.0]
    """
    median = at(quantiles, levels, 0.5)
    low, high = interval(quantiles, levels, 95)
    return {
        "mase": mase(actual, median, scale),
        "smape": smape(actual, median),
        "mae": mae(actual, median),
        "rmse": rmse(actual, median),
        "wql": wql(actual, quantiles, levels),
        "coverage-80": coverage(actual, *interval(quantiles, levels, 80)),
        "coverage-95": coverage(actual, low, high),
        "msis-95": msis(actual, low, high, scale, level=95),
    }


def _ratio(part: Floats, whole: Floats | NDArray[np.int64]) -> Floats:
    """part / whole, NaN (and no warning) where whole is zero."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    ratio: Floats = np.full(shape, np.nan)
    np.divide(part, whole, out=ratio, where=np.asarray(whole) != 0.0)
    return ratio
