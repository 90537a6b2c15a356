"""How boldly to leave the last cycle: each new value compares the network with it.

A network is trained once; a series goes on and changes. Where repeating the last cycle
has lately erred less than the network, the median moves to it. Of each forecast that falls
due both errors are known, and of both a weighted mean is carried for each knot:

    boldness [knot] = r^p / (1 + r^p),   r = error of the last cycle / error of the network

1 is the network alone, as for a series that begins; 0 is the last cycle (weights by past
errors: Bates and Granger, 1969; raised to a power, so that the one which is clearly better
is believed alone). The intervals move with their median. How the numbers below were found
stands in the README. `Head.boldness` is another one: of all series, chosen after training.

Letters: B batch, T new steps, K knots, M cycle.
"""

from typing import Any

import numpy as np
from keras import ops

from forecaster.calibration import Grades
from forecaster.memory import Anchor, bend_from

POWER = 16.0
# How long a comparison is remembered, in cycles or horizons, whichever is longer.
MEMORY = 2.0
# What few comparisons say is little: so much more than it did the last cycle is taken to
# have erred, divided by how many cycles (or forecasts in a row) have been compared.
CAUTION = 0.3
# Errors of more than this, in spreads of the ring, count as this: one outlier is one.
FARTHEST = 5.0
PRECISION = 1e-6  # spreads; errors below are float32 noise


def size(about: Grades) -> int:
    """The numbers carried: of each knot both errors and how many were compared."""
    return 3 * len(about.steps)


def errors(y: Any, median: Any, naive: Any, origin: Anchor, weight: Any) -> Any:
    """What forecasts that fall due add to what is carried [B, T, 3K].

    Args:
        y: raw values [B, T, 1, 1], NaN = missing.
        median: of the network for each knot, scaled [B, T, K, 1].
        naive: the last cycle for each knot, scaled [B, T, K, 1].
        origin: the scale of the frames they were forecast from.
        weight: how much each counts, 0 to 1 [B, T, K].
    """
    seen = ops.logical_not(ops.isnan(y))
    bent = bend_from(origin.bend, origin.centre, ops.where(seen, y, 0.0))
    scaled = (bent - origin.level) / origin.scale
    both = [
        ops.minimum(ops.abs(scaled - one), FARTHEST)[..., 0] for one in (naive, median)
    ]
    usable = ops.logical_not(ops.isnan(both[0] + both[1]))
    counted = ops.where(ops.logical_and(seen[..., 0], usable), weight, 0.0)
    return ops.concatenate(
        [ops.where(counted > 0, counted * one, 0.0) for one in both] + [counted], axis=2
    )


def learn(carried: Any, errors_: Any, about: Grades, cycle: int) -> tuple[Any, Any]:
    """Weighted means of errors after T steps, older ones counting less and less.

    Args:
        carried: [B, 3K], zeros for a series that begins.
        errors_: of each step, as `errors` returns them [B, T, 3K].
        about: constants.
        cycle: M, steps.

    Returns:
        The means before each step [B, T, 3K], and after the last [B, 3K], where steps
        without a comparison count as 0.
    """
    remembered = _remembered(about, cycle)
    when = ops.arange(ops.shape(errors_)[1] + 1, dtype="float32")
    since = when[:, None] - 1.0 - when[None, :-1]  # steps from each error to each time
    kept = ops.exp(-ops.relu(since) / remembered)
    share = ops.where(since >= 0, kept / remembered, 0.0)
    old = ops.exp(-when / remembered)[None, :, None] * carried[:, None]
    every = old + ops.matmul(share, errors_)
    return every[:, :-1], every[:, -1]


def boldness(carried: Any, about: Grades, cycle: int) -> Any:
    """How far each knot goes with the network, 0 to 1 [..., K], by means [..., 3K]."""
    knots = np.array(about.steps, np.float32)
    naive, network, count = ops.split(carried, 3, axis=-1)
    # Errors within a cycle, or of forecasts that overlap, are much the same.
    once = np.array(about.strides, np.float32) / np.maximum(knots, cycle)
    seen = count * _remembered(about, cycle) * once
    little = CAUTION / (seen + PRECISION)
    noise = PRECISION * count + 1e-30
    ratio = ops.log(naive + noise) - ops.log(network + noise)
    return ops.sigmoid(POWER * (ratio + ops.log1p(little)))


def _remembered(about: Grades, cycle: int) -> float:
    """Steps over which the weight of a comparison falls to 1 / e."""
    return MEMORY * max(cycle, about.horizon)
