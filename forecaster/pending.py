"""Forecasts that wait for their values: a few slots per knot, in the carried state.

Of a knot k with stride s the origins at ages 0, s, 2s, … are kept, each in the slot
`age mod k / s`, until the value k steps later falls due; the slot is free again then.
All of it follows from the age of the series, so it does not depend on how steps are
grouped into calls. Letters: B batch, T new steps, K knots, P numbers of a promise, N slots.
"""

from typing import Any

import numpy as np
from keras import ops

from forecaster.calibration import Grades


def slots(about: Grades) -> int:
    """N, how many promises are kept."""
    return sum(_slots_of(about))


def exchange(kept: Any, made: Any, age: Any, about: Grades) -> tuple[Any, Any, Any]:
    """Takes out what falls due at each of T steps, and puts in what was promised.

    Args:
        kept: promises of earlier calls [B, N, P].
        made: what was promised at each step for each knot [B, T, K, P].
        age: of the series at each step [B, T], 0 before it began.
        about: knots and strides.

    Returns:
        Promises due at each step [B, T, K, P]; the age at which each was made [B, T, K],
        0 or less where there is none, as where the stride passes a step over; promises
        to keep [B, N, P].
    """
    count, width = kept.shape[1], kept.shape[2]
    batch, steps, knots = ops.shape(made)[0], ops.shape(made)[1], len(about.steps)
    table = ops.concatenate([kept, ops.reshape(made, (batch, -1, width))], axis=1)
    age = ops.cast(age, "int32")
    due, origin = _due(age, about)
    taken = _rows(table, ops.reshape(due, (batch, -1)))
    left = _rows(table, _left(age[:, -1:], steps, about))
    return (
        ops.reshape(taken, (batch, steps, knots, width)),
        origin,
        ops.reshape(left, (batch, count, width)),
    )


def _slots_of(about: Grades) -> list[int]:
    return [k // s for k, s in zip(about.steps, about.strides, strict=True)]


def _due(age: Any, about: Grades) -> tuple[Any, Any]:
    """Rows of the table that fall due, and when they were made: [B, T, K] both."""
    ahead = np.array(about.steps, np.int32)
    stride = np.array(about.strides, np.int32)
    first = np.cumsum([0, *_slots_of(about)], dtype=np.int32)
    step = ops.arange(ops.shape(age)[1], dtype="int32")[None, :, None]
    knot = np.arange(len(ahead), dtype=np.int32)
    here = int(first[-1]) + (step - ahead) * len(ahead) + knot
    place = first[:-1] + ops.floor_divide(ops.mod(age[..., None], ahead), stride)
    due = ops.where(step >= ahead, here, place)
    met = ops.mod(age[..., None], stride) == 0
    return due, ops.where(met, age[..., None] - ahead, 0)


def _left(end: Any, steps: Any, about: Grades) -> Any:
    """Rows of the table that go into the slots [B, N], the last age being `end` [B, 1]."""
    counts = _slots_of(about)
    knot = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    ahead = np.array(about.steps, np.int32)[knot]
    stride = np.array(about.strides, np.int32)[knot]
    slot = np.concatenate([np.arange(n, dtype=np.int32) for n in counts])
    made = end - ops.mod(end - stride * slot, ahead)  # the latest age of each slot
    step = steps - 1 - (end - made)
    fresh = len(knot) + step * len(counts) + knot
    return ops.where(
        ops.logical_and(step >= 0, made > 0),
        fresh,
        np.arange(len(knot), dtype=np.int32),
    )


def _rows(table: Any, index: Any) -> Any:
    """Rows of each table [B, N + T * K, P] by an index [B, M]."""
    batch, count, width = ops.shape(table)[0], ops.shape(table)[1], table.shape[2]
    offset = ops.arange(batch, dtype="int32")[:, None] * count
    flat = ops.reshape(table, (-1, width))
    return ops.take(flat, index + offset, axis=0)
