"""What a series remembers exactly: its last R values, and the causal scale read off them.

Everything here is a function of the carried ring buffer and the new values, so it gives
the same result however the values are grouped into calls. Letters: B batch, T new steps,
R ring length, m season length.

The bent scale is asinh(v / bend), see `bending`. float32 holds seven digits, and of a
series such as 1,000,000 ± 1 the seventh is all that matters: so no value is bent by
itself. What is bent is its distance from a centre near the level, taken while the values
are raw and exact (`_bent_distance`), and brought back the same way (`unbend`).
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from forecaster.bending import BEND_FLOOR, BEND_OF_NEGATIVE, BEND_OF_SIZE

# A scale is never less than this, so that constant and zero series stay finite. It is
# below what float32 can tell apart of a raw value.
SCALE_FLOOR = 1e-8
# A value of more than so many times the mean size counts as no more than that.
OUTLYING = 10.0
# Values that were filled in count a little, for rings in which nothing was observed.
FILLED_WEIGHT = 1e-3
# How far beyond the largest value in the ring a forecast may go, on the bent scale:
# about twenty times as large.
FARTHEST = 3.0
# Distances of more than so many bends are alike: a ring of zeros has hardly any bend.
MOST_BENDS = 1e15
# A series is young until so many values were observed.
YOUNG = 8
# The largest share of a distance that float32 tells from the whole; it is 15 once bent.
MOST_SHARE = 1.0 - 1e-6


class Memory(NamedTuple):
    """Values with their gaps filled, which of them were observed, and the age."""

    values: Any  # [B, R] in a state; [B, R + T] with new values behind
    seen: Any  # the same shape, 1 where observed
    age: (
        Any  # [B, 1] in a state, [B, T] per new step: steps since the first observation
    )


class Usual(NamedTuple):
    """What is usual among the series of a model, for what one alone does not tell yet."""

    spread: Any  # scale of a series, on the bent scale; a young one is given it
    positive: Any  # 1 where no series has ever been negative, else 0


UNKNOWN = Usual(0.0, 0.0)


class Frames(NamedTuple):
    """The ring as it stood after each new step, with the scale read off it."""

    scaled: Any  # [B, T, R] (bent value - level) / scale, gaps filled
    weight: Any  # [B, T, R] 1 observed, small where filled, 0 before the series began
    bend: Any  # [B, T, 1] raw value at which the bent scale begins to be logarithmic
    centre: Any  # [B, T, 1] raw value that bent distances are measured from
    level: Any  # [B, T, 1] of bent distances
    scale: Any  # [B, T, 1] of bent distances, positive
    positive: Any  # [B, T, 1] 1 where forecasts are not to be negative, else 0


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
    age = ages(memory.age, y)
    values = ops.concatenate([memory.values, ops.where(missing, 0.0, y)], axis=1)

    step = ops.arange(ops.shape(y)[1], dtype="int32")  # [T]
    last_seen = latest(seen > 0, step, spacing=1)
    last_seen = ops.where(last_seen < 0, ring - 1, last_seen + ring)
    repeated = ops.take_along_axis(values, last_seen, axis=1)
    first_season = age <= season_length
    values = ops.concatenate(
        [memory.values, ops.where(first_season, repeated, values[:, ring:])], axis=1
    )
    source = latest(ops.logical_or(seen > 0, first_season), step, season_length)
    in_ring = ring - season_length + ops.mod(step, season_length)
    source = ops.where(source < 0, in_ring, source + ring)
    filled = ops.take_along_axis(values, source, axis=1)
    return Memory(
        values=ops.concatenate([memory.values, filled], axis=1),
        seen=ops.concatenate([memory.seen, seen], axis=1),
        age=age,
    )


def ages(age: Any, y: Any) -> Any:
    """Steps since the first observation after each new value [B, T], 0 before it.

    Args:
        age: before them [B, 1].
        y: new values [B, T], NaN = missing.
    """
    seen = ops.cast(ops.logical_not(ops.isnan(y)), "float32")
    began = ops.cast(ops.cumsum(seen, axis=1) + age > 0, "float32")
    return age + ops.cumsum(began, axis=1)


def latest(marked: Any, step: Any, spacing: int) -> Any:
    """Per step the latest marked step at most that, a multiple of `spacing` before; else -1."""
    back = step[:, None] - step[None, :]  # [T, T] from each step to each earlier one
    reachable = ops.logical_and(back >= 0, ops.mod(back, spacing) == 0)
    usable = ops.logical_and(reachable[None], marked[:, None, :])  # [B, T, T]
    return ops.max(ops.where(usable, step[None, None, :], -1), axis=2)


def frames(
    memory: Memory, ring: int, season_length: int, usual: Usual = UNKNOWN
) -> Frames:
    """The ring after each new step on its bent scale, with level and scale.

    The bend is read off the sizes of the ring's values (see `bending`), the centre is
    the mean of the last season. The level is the mean bent distance of the last season
    from the centre, the scale the mean distance of the ring's values from the level.
    All weigh observed values only. One value says nothing of how far the next may lie:
    the scale of a series with fewer than `YOUNG` in its ring is that of other series too.

    Args:
        memory: values and seen [B, R + T], age [B, T].
        ring: R.
        season_length: m.
        usual: among the series of the model.
    """
    steps = ops.shape(memory.age)[1]
    values, seen = (
        trailing(part, steps, ring) for part in (memory.values, memory.seen)
    )
    ago = np.arange(ring)[::-1].astype(np.float32)
    valid = ops.cast(ago[None, None, :] < memory.age[:, :, None], "float32")
    weight = valid * (seen + FILLED_WEIGHT * (1.0 - seen))
    recent = ops.cast(ago < season_length, "float32") * weight
    size = _usual(ops.abs(values), weight)
    negative = weighted_mean(ops.minimum(ops.relu(-values), OUTLYING * size), weight)
    bend = BEND_OF_SIZE * size + BEND_OF_NEGATIVE * negative + BEND_FLOOR
    centre = weighted_mean(values, recent)
    distance = _bent_distance((values - centre) / bend, centre / bend)
    level = weighted_mean(distance, recent)
    distance = distance - level
    scale = _usual(ops.abs(distance), weight) + SCALE_FLOOR
    scale = scale + usual.spread * _youth(weight)
    lowest = ops.min(values * valid, axis=2, keepdims=True)
    positive = usual.positive * ops.cast(lowest >= 0, "float32")
    return Frames(distance / scale, weight, bend, centre, level, scale, positive)


def trailing(numbers: Any, steps: Any, count: int) -> Any:
    """The latest `count` numbers as they stood after each of T steps [B, T, count].

    Args:
        numbers: what was there before, and one for each step [B, count + T].
        steps: T.
        count: how many.
    """
    if isinstance(steps, int) and steps == 1:  # a slice costs a tenth of a gather
        return numbers[:, None, 1:]
    place = np.arange(count, dtype=np.int32)
    index = ops.arange(steps, dtype="int32")[:, None] + 1 + place
    return ops.take(numbers, index, axis=1)


def _youth(weight: Any) -> Any:
    """1 where one value has been observed, falling to 0 where `YOUNG` have [B, T, 1]."""
    enough = min(YOUNG, weight.shape[2])
    count = ops.sum(weight, axis=2, keepdims=True)
    return ops.clip((enough - count) / max(1, enough - 1), 0.0, 1.0)


def bend(frames_: Frames, raw: Any) -> Any:
    """Raw values [B, T, ...] as bent distances from the centre of each step."""
    return bend_from(frames_.bend[..., None], frames_.centre[..., None], raw)


def bend_from(bend_: Any, centre: Any, raw: Any) -> Any:
    """Raw values as bent distances from a centre."""
    apart_ = ops.clip((raw - centre) / bend_, -MOST_BENDS, MOST_BENDS)
    return _bent_distance(apart_, centre / bend_)


def _bent_distance(apart: Any, middle: Any) -> Any:
    """asinh(middle + apart) - asinh(middle), exact where `apart` is small.

    With u = middle + apart it is 2 atanh( apart / (sqrt(1 + u^2) + sqrt(1 + middle^2)) ):
    nothing is subtracted any more. (It also takes an eighth of the time of asinh.)
    """
    whole = _root(middle + apart) + _root(middle)
    return 2.0 * ops.arctanh(ops.clip(apart / whole, -MOST_SHARE, MOST_SHARE))


def asinh(numbers: Any) -> Any:
    """asinh of numbers within 1e19 to about 1e-7, eight times as fast as `ops.arcsinh`."""
    size = ops.abs(numbers)
    return ops.sign(numbers) * ops.log(size + _root(size))


def _root(bends: Any) -> Any:
    """sqrt(1 + u^2), the cosh of asinh(u)."""
    return ops.sqrt(1.0 + ops.square(bends))


def unbend(frames_: Frames, scaled: Any) -> Any:
    """Scaled values [B, T, H, Q] as raw ones.

    What lies far outside all that the ring holds is held back: sinh would make a
    small mistake there a huge number.
    """
    here = Anchor(*(part[..., None] for part in anchor(frames_)))
    return allowed(here, here.centre + apart(here, bent_distance(here, scaled)))


class Anchor(NamedTuple):
    """The scale of one frame, without its ring; parts broadcast with what is scaled."""

    bend: Any
    centre: Any
    level: Any
    scale: Any
    farthest: Any  # on the bent scale
    positive: Any = 0.0  # 1 where forecasts are not to be negative


def anchor(frames_: Frames) -> Anchor:
    """The scale of each frame, each part [B, T, 1]."""
    centre = ops.arcsinh(frames_.centre / frames_.bend)
    ring = ops.abs(frames_.scaled * frames_.scale + frames_.level + centre)
    known = ops.where(frames_.weight > 0, ring, 0.0)
    farthest = ops.max(known, axis=2, keepdims=True) + FARTHEST
    return Anchor(
        frames_.bend,
        frames_.centre,
        frames_.level,
        frames_.scale,
        farthest,
        frames_.positive,
    )


def bent_distance(anchor_: Anchor, scaled: Any) -> Any:
    """Scaled values as bent distances from the centre, held back where far out."""
    return held_back(anchor_, anchor_.level + anchor_.scale * scaled)


def held_back(anchor_: Anchor, distance: Any) -> Any:
    """Bent distances, no farther than a forecast may go."""
    bent = ops.arcsinh(anchor_.centre / anchor_.bend)
    return ops.clip(distance, -anchor_.farthest - bent, anchor_.farthest - bent)


def allowed(anchor_: Anchor, raw: Any) -> Any:
    """Raw values, no less than 0 where none has ever been negative."""
    return ops.maximum(raw, ops.where(anchor_.positive > 0, 0.0, -np.inf))


def apart(anchor_: Anchor, distance: Any) -> Any:
    """Bent distances from the centre as raw ones: sinh(bent + distance) - sinh(bent).

    Twice, exact near the centre and far from it, and by exponentials alone, which take a
    quarter of the time of `ops.sinh`.
    """
    middle = anchor_.centre / anchor_.bend
    grown = ops.expm1(ops.clip(distance, -1.0, 1.0))
    near = (
        grown * (middle * grown + _root(middle) * (2.0 + grown)) / (2.0 + 2.0 * grown)
    )
    power = ops.exp(ops.arcsinh(middle) + distance)
    far = (power - 1.0 / power) / 2.0 - middle
    return anchor_.bend * ops.where(ops.abs(distance) < 1.0, near, far)


def _usual(sizes: Any, weight: Any) -> Any:
    """Weighted mean over the ring [B, T, 1] that one outlier does not rule.

    What is many times the plain mean counts as so many times the mean.
    """
    return weighted_mean(
        ops.minimum(sizes, OUTLYING * weighted_mean(sizes, weight)), weight
    )


def weighted_mean(values: Any, weight: Any) -> Any:
    """Weighted mean over the ring [B, T, 1]; 0 where nothing weighs."""
    total = ops.sum(weight, axis=2, keepdims=True)
    return ops.sum(values * weight, axis=2, keepdims=True) / ops.maximum(total, 1e-6)


def seasonal_naive(frames_: Frames, place: Any, season_length: int) -> Any:
    """The value one season before each of some steps ahead, scaled [B, T, K].

    Where the series had not begun a season before, its latest value. `place` holds the
    steps, counted from 0.
    """
    ring = frames_.scaled.shape[2]
    index = ring - season_length + place % season_length
    known = ops.take(frames_.weight, index, axis=2) > 0
    latest = frames_.scaled[:, :, -1:]
    return ops.where(known, ops.take(frames_.scaled, index, axis=2), latest)
