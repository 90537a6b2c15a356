"""The average course of a cycle: what a series remembers of all its seasons together.

The ring holds the latest season or two exactly; a value that came every Monday for a year
is more than last Monday's. Per phase of a cycle of M steps the state carries an
exponentially weighted sum of how far values lay from the level of their cycle, in units
of the scale of their time (exponential smoothing of seasonal indices: Winters, 1960). It
is linear in the new values, so that a chunk of any length is one matrix product.
Letters: B batch, T new steps, M steps of the cycle.
"""

import math
from typing import Any

import numpy as np
from keras import ops

from forecaster.memory import Frames, trailing, weighted_mean

# What the latest cycle weighs among all; the first ones weigh alike.
SMOOTHING = 0.2


def smoothed(carried: Any, deviation: Any, age: Any) -> Any:
    """Appends new deviations, each blended with the one of its phase a cycle before.

    Args:
        carried: weighted sums of the latest cycle, oldest first [B, M].
        deviation: new deviations from the level, scaled [B, T].
        age: steps since the series began, after each new step [B, T].

    Returns:
        Weighted sums of that cycle and of the new steps [B, M + T].
    """
    cycle = carried.shape[1]
    step = ops.arange(ops.shape(age)[1], dtype="int32")
    back = step[:, None] - step[None, :]  # [T, T] from each step to each earlier one
    same_phase = ops.logical_and(back >= 0, ops.mod(back, cycle) == 0)
    weight = ops.where(same_phase, SMOOTHING * _kept(back // cycle), 0.0)
    began = ops.cast(age > 0, "float32")
    new = ops.matmul(deviation * began, ops.transpose(weight))
    old = ops.take(carried, ops.mod(step, cycle), axis=1)
    return ops.concatenate([carried, new + old * _kept(step // cycle + 1)], axis=1)


def course(sums: Any, age: Any, cycle: int) -> Any:
    """The average deviation at each phase as it stood after each step [B, T, M].

    The first of the M is the phase of the next step; 0 where a phase has never been seen.

    Args:
        sums: as `smoothed` returns them [B, M + T].
        age: [B, T].
        cycle: M.
    """
    latest = trailing(sums, ops.shape(age)[1], cycle)
    ago = np.arange(cycle)[::-1].astype(np.float32)
    seasons = ops.maximum(ops.floor((age[:, :, None] - 1.0 - ago) / cycle) + 1.0, 0.0)
    # A sum of few weights is short of one: divided by what it holds of it.
    held = ops.maximum(1.0 - _kept(seasons), SMOOTHING)
    return ops.where(seasons > 0, latest / held, 0.0)


def cycle_level(frames: Frames, cycle: int) -> Any:
    """The mean of the latest cycle on the scale of each frame [B, T, 1]."""
    values, weight = frames.scaled[:, :, -cycle:], frames.weight[:, :, -cycle:]
    return weighted_mean(values, weight)


def _kept(cycles: Any) -> Any:
    """What is left of a weight after some cycles; ten times as fast as `ops.power`."""
    return ops.exp(math.log(1.0 - SMOOTHING) * ops.cast(cycles, "float32"))
