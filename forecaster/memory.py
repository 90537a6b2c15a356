"""What a series remembers exactly: its last R values, and the causal scale read off them.

Everything here is a function of the carried ring buffer and the new values, so it gives
the same result however the values are grouped into calls. Letters: B batch, T new steps,
R ring length, m season length.
"""

from typing import Any, NamedTuple

from keras import ops

# A scale is never less than this share of the largest value in the ring, so that
# constant, zero and tiny series stay finite in float32.
RELATIVE_FLOOR = 1e-5
ABSOLUTE_FLOOR = 1e-30
# Values that were filled in count a little, for rings in which nothing was observed.
FILLED_WEIGHT = 1e-3


class Memory(NamedTuple):
    """Values with their gaps filled, which of them were observed, and the age."""

    values: Any  # [B, R] in a state; [B, R + T] with new values behind
    seen: Any  # the same shape, 1 where observed
    age: (
        Any  # [B, 1] in a state, [B, T] per new step: steps since the first observation
    )


class Frames(NamedTuple):
    """The ring as it stood after each new step, with the scale read off it."""

    values: Any  # [B, T, R] raw values, gaps filled
    weight: Any  # [B, T, R] 1 observed, small where filled, 0 before the series began
    level: Any  # [B, T, 1]
    scale: Any  # [B, T, 1] positive


def remember(memory: Memory, y: Any, season_length: int) -> Memory:
    """Appends new values, filling each missing one from one season before.

    In its first season a series has nothing one season before: there the last
    observed value is repeated.

    Args:
        memory: values [B, R], seen [B, R], age [B, 1]; R is at least m.
        y: new values [B, T], NaN = missing.
        season_length: m.

    Returns:
        values and seen [B, R + T], age after each new step [B, T].
    """
    ring = memory.values.shape[1]
    missing = ops.isnan(y)
    seen = ops.cast(ops.logical_not(missing), "float32")
    began = ops.cast(ops.cumsum(seen, axis=1) + memory.age > 0, "float32")
    age = memory.age + ops.cumsum(began, axis=1)
    values = ops.concatenate([memory.values, ops.where(missing, 0.0, y)], axis=1)

    step = ops.arange(ops.shape(y)[1], dtype="int32")  # [T]
    last_seen = _latest(seen > 0, step, spacing=1)
    last_seen = ops.where(last_seen < 0, ring - 1, last_seen + ring)
    repeated = ops.take_along_axis(values, last_seen, axis=1)
    first_season = age <= season_length
    values = ops.concatenate(
        [memory.values, ops.where(first_season, repeated, values[:, ring:])], axis=1
    )
    source = _latest(ops.logical_or(seen > 0, first_season), step, season_length)
    in_ring = ring - season_length + ops.mod(step, season_length)
    source = ops.where(source < 0, in_ring, source + ring)
    filled = ops.take_along_axis(values, source, axis=1)
    return Memory(
        values=ops.concatenate([memory.values, filled], axis=1),
        seen=ops.concatenate([memory.seen, seen], axis=1),
        age=age,
    )


def _latest(marked: Any, step: Any, spacing: int) -> Any:
    """Per step the latest marked step at most that, a multiple of `spacing` before; else -1."""
    back = step[:, None] - step[None, :]  # [T, T] from each step to each earlier one
    reachable = ops.logical_and(back >= 0, ops.mod(back, spacing) == 0)
    usable = ops.logical_and(reachable[None], marked[:, None, :])  # [B, T, T]
    return ops.max(ops.where(usable, step[None, None, :], -1), axis=2)


def frames(memory: Memory, ring: int, season_length: int) -> Frames:
    """The ring after each new step, with level and scale.

    The level is the mean of the last season, the scale the mean distance of the
    ring's values from it; both weigh observed values only.

    Args:
        memory: values and seen [B, R + T], age [B, T].
        ring: R.
        season_length: m.
    """
    steps = ops.shape(memory.age)[1]
    place = ops.arange(ring, dtype="int32")
    index = ops.arange(steps, dtype="int32")[:, None] + 1 + place[None, :]  # [T, R]
    values = ops.take(memory.values, index, axis=1)
    seen = ops.take(memory.seen, index, axis=1)
    ago = ops.cast(ring - 1 - place, "float32")
    valid = ops.cast(ago[None, None, :] < memory.age[:, :, None], "float32")
    weight = valid * (seen + FILLED_WEIGHT * (1.0 - seen))
    recent = ops.cast(ago < season_length, "float32") * weight
    level = _mean(values, recent)
    spread = _mean(ops.abs(values - level), weight)
    largest = ops.max(ops.abs(values) * valid, axis=2, keepdims=True)
    scale = ops.maximum(spread, RELATIVE_FLOOR * largest) + ABSOLUTE_FLOOR
    return Frames(values, weight, level, scale)


def _mean(values: Any, weight: Any) -> Any:
    """Weighted mean over the ring [B, T, 1]; 0 where nothing weighs."""
    total = ops.sum(weight, axis=2, keepdims=True)
    return ops.sum(values * weight, axis=2, keepdims=True) / ops.maximum(total, 1e-6)


def seasonal_naive(frames_: Frames, horizon: int, season_length: int) -> Any:
    """The value one season before each of the next H steps, scaled [B, T, H].

    Where the series is younger than a season, its latest value.
    """
    ring = frames_.values.shape[2]
    ahead = ops.mod(ops.arange(horizon, dtype="int32"), season_length)
    index = ring - season_length + ahead
    scaled = (frames_.values - frames_.level) / frames_.scale
    known = ops.take(frames_.weight, index, axis=2) > 0
    return ops.where(known, ops.take(scaled, index, axis=2), scaled[:, :, -1:])
