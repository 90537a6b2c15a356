"""How unusual an observation is, given the quantiles that were forecast of it.

The score is 1 - p, where p is the two-sided probability of a value at least as far out:
0 at the median, 0.8 at the edges of the 80 % interval, towards 1 far outside. Between the
quantiles the distribution is linear; beyond the outermost ones it goes on as a generalised
Pareto tail that begins with the hazard of a normal one and becomes heavier, as errors of
real series do, so that scores still tell large outliers from larger ones.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAIL = 4.0  # the tail falls with this power: moments up to it exist


def scores(
    y: NDArray[np.floating], quantiles: NDArray[np.floating], levels: Sequence[float]
) -> Floats:
    """The anomaly score of each value, 0 to 1.

    Args:
        y: values [...]; NaN = missing.
        quantiles: forecast of them [..., Q], not crossing; NaN = none was made.
        levels: the Q probabilities, rising, 0.5 among them.

    Returns:
        [...], NaN where there is no value or no forecast.

    >>> q = np.array([-2.0, -1.3, 0.0, 1.3, 2.0])
    >>> y = np.array([0.0, 1.3, -2.0, 3.0, np.nan])
    >>> scores(y, np.tile(q, (5, 1)), [0.025, 0.1, 0.5, 0.9, 0.975]).round(3)
    array([0.   , 0.8  , 0.95 , 0.992,   nan])
    """
    value: Floats = np.asarray(y, np.float64)
    edges: Floats = np.asarray(quantiles, np.float64)
    median: Floats = edges[..., list(levels).index(0.5)]
    above = _tail(value, edges, levels, median)
    mirrored = [1.0 - level for level in reversed(levels)]
    below = _tail(-value, -edges[..., ::-1], mirrored, -median)
    share = np.where(value > median, above, below)
    found = 1.0 - 2.0 * np.minimum(share, 0.5)
    known = np.isfinite(value) & np.isfinite(edges).all(axis=-1)
    return np.where(known, found, np.nan)


def _tail(
    y: Floats, quantiles: Floats, levels: Sequence[float], median: Floats
) -> Floats:
    """The probability of more than y, for y above the median."""
    probability = np.asarray(levels)
    place = np.clip((quantiles < y[..., None]).sum(axis=-1), 1, len(levels) - 1)
    low, high = (
        np.take_along_axis(quantiles, (place + i)[..., None], axis=-1)[..., 0]
        for i in (-1, 0)
    )
    share = _ratio(y - low, high - low)
    inside = probability[place - 1] + share * (
        probability[place] - probability[place - 1]
    )
    outermost = quantiles[..., -1]
    normal, last = NormalDist(), 1.0 - probability[-1]
    distance = normal.inv_cdf(probability[-1])
    hazard = normal.pdf(distance) / last
    beyond = hazard * distance * _ratio(y - outermost, outermost - median)
    outside = last * (1.0 + np.maximum(beyond, 0.0) / TAIL) ** -TAIL
    return np.asarray(np.where(y > outermost, outside, 1.0 - inside))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, infinite where a forecast without any doubt is missed, 0 where met."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.nan_to_num(part / whole, nan=0.0, posinf=np.inf, neginf=-np.inf)
