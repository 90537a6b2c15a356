"""Intervals that keep their level: each new value scores the forecasts made of it before.

A forecast of step k is promised at its origin and falls due k steps later. How far the
value then lies from the median, in units of the distance to each edge of the 80 and 95 %
interval, moves *beliefs* about how much wider than the network says the intervals have to
be. Beliefs are part of the carried state, so everything here is smooth: a hard count of
hits and misses could turn over on a rounding error, and carry would no longer be replay.

    log factor [knot, edge] = swift + common [edge] + own [knot, edge]

`swift` answers a change of variance within about a season, from the sizes of all errors,
and forgets: narrowing soon, unless the evidence for it lasts. Small values of it are noise
and are held back. `common` and `own` track the quantile of each edge slowly and for good
(adaptive conformal inference, Gibbs and Candès, 2021, on a logarithmic factor). How the
numbers below were found stands in the README.

Letters: B batch, T new steps, K knots, E = 4 edges, Q quantiles, H horizon, D beliefs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from forecaster.memory import (
    Anchor,
    allowed,
    apart,
    bend_from,
    bent_distance,
    held_back,
)

EDGES = (0.1, 0.9, 0.025, 0.975)
# How an error that is normally distributed behaves at these edges: the distance of the
# edge in standard deviations, and how fast the share beyond it falls as its log grows.
DISTANCE = np.array([1.2816, 1.2816, 1.9600, 1.9600], np.float32)
SLOPE = np.array([0.2249, 0.2249, 0.1146, 0.1146], np.float32)
# A value counts as beyond an edge by degrees, from this share inside it to outside; a
# calibrated normal forecast is beyond by these degrees on average.
BLUR = 0.25
BEYOND = np.array([0.1038, 0.1038, 0.0296, 0.0296], np.float32)
# The size of an error counts as v^2 / (v^2 + 1): its normal mean and its slope.
USUAL, USUAL_SLOPE = 0.3443, 0.3114

LEAST, MOST = -1.0, 2.5  # log factors
# What a network was trained on it errs less on than on what comes, so its own past calls
# for narrower intervals than its future: narrowing is believed less than widening.
NARROWEST = -0.1  # of the slow parts
OWN_MOST = 1.0
COMMON_GAIN, COMMON_PRIOR = 0.004, 100.0
OWN_GAIN, OWN_PRIOR = 0.002, 300.0
SWIFT_MOST = 2.0
SWIFT_NOISE = 0.3  # swift values well below this are noise
# Share of its gain that swift forgets at each score, while it widens and while it narrows
# on little evidence.
FORGET, FORGET_NARROW = 0.1, 1.5
# The mean pull at which narrowing is half believed: of errors of three quarters of their usual
# size. Where they are half of it, narrowing is forgotten hardly faster than widening.
SURE_FROM = -0.3
# Bent widths of less than this are float32 noise, and teach nothing.
PRECISION = 1e-6
FARTHEST_RATIO = 50.0


@dataclass(frozen=True, slots=True)
class Grades:
    """The constants of one task: which steps are scored, and how fast beliefs move."""

    steps: tuple[int, ...]  # K knots, steps ahead, rising from 1
    strides: tuple[int, ...]  # every how many origins a knot is scored
    quantiles: tuple[float, ...]
    horizon: int
    swift_gain: float
    patience: float  # share of a new score in the evidence for narrowing

    @property
    def size(self) -> int:
        """D, the width of the beliefs."""
        return len(EDGES) * (1 + len(self.steps)) + 2

    @property
    def edges(self) -> list[int]:
        """Which quantiles are the edges."""
        levels = np.array(self.quantiles)
        return [int(np.abs(levels - edge).argmin()) for edge in EDGES]

    def across(self) -> NDArray[np.float32]:
        """Weights [H, K] that take log factors from knots to steps, linear in log step."""
        place = np.log(np.arange(1, self.horizon + 1))
        knots = np.log(np.array(self.steps))
        eye = np.eye(len(self.steps))
        columns = [np.interp(place, knots, row) for row in eye]
        return np.stack(columns, axis=1).astype(np.float32)

    def along(self) -> NDArray[np.float32]:
        """Weights [E, Q] from edges to quantiles: those within 80 % share one factor."""
        levels = np.array(self.quantiles)
        outer = np.interp(np.abs(levels - 0.5), (0.4, 0.475), (0.0, 1.0))
        low, high = levels < 0.5, levels > 0.5
        rows = [low * (1 - outer), high * (1 - outer), low * outer, high * outer]
        return np.stack(rows).astype(np.float32)


def grades(horizon: int, season_length: int, quantiles: tuple[float, ...]) -> Grades:
    """Knots at 1, 2, 4, … and the horizon; rates that suit the season.

    >>> grades(24, 7, (0.1, 0.5, 0.9)).steps
    (1, 2, 4, 8, 16, 24)
    >>> grades(24, 7, (0.1, 0.5, 0.9)).strides
    (1, 1, 1, 2, 4, 6)
    """
    steps = [1 << i for i in range(horizon.bit_length()) if 1 << i < horizon]
    knots = (*steps, horizon)
    return Grades(
        steps=knots,
        # Neighbouring origins err alike far ahead: four pending forecasts of a knot do.
        strides=tuple(_stride(step) for step in knots),
        quantiles=quantiles,
        horizon=horizon,
        swift_gain=swift_gain(season_length),
        # Without a season nothing says how long a quiet time will last.
        patience=0.0 if season_length == 1 else min(0.05, 1.0 / season_length),
    )


def _stride(step: int) -> int:
    """A divisor of the step, at most a quarter of it, as large as can be."""
    return max(s for s in range(1, max(1, step // 4) + 1) if step % s == 0)


def swift_gain(season_length: int) -> float:
    """The share of a score that moves the swift part; a season of scores moves it wholly.

    >>> swift_gain(24), swift_gain(7), swift_gain(1)
    (0.05833333333333333, 0.15, 0.05)
    """
    if season_length == 1:
        return 0.05
    return float(np.clip(1.4 / season_length, 0.005, 0.15))


def ratios(y: Any, scaled: Any, origin: Anchor, about: Grades) -> tuple[Any, Any]:
    """How far values lie from the median, in units of the distance to each edge.

    Widening is done on the raw and on the bent scale, whichever goes less far (`widened`),
    so the larger ratio of the two says how much of it a value needs.

    Args:
        y: raw values [..., 1], NaN = missing.
        scaled: quantiles forecast of them [..., Q].
        origin: the scale of the frames they were forecast from.
        about: constants.

    Returns:
        Ratios [..., E], negative on the other side of the median; how much each value
        can teach [...], 0 where nothing was observed.
    """
    seen = ops.logical_not(ops.isnan(y))
    y = ops.where(seen, y, 0.0)
    middle = about.quantiles.index(0.5)
    chosen = ops.take(scaled, [*about.edges, middle], axis=-1)
    bent = bent_distance(origin, chosen)
    raw = apart(origin, bent)
    width = bent[..., :-1] - bent[..., -1:]
    on_bent = bend_from(origin.bend, origin.centre, y) - bent[..., -1:]
    on_raw = y - origin.centre - raw[..., -1:]
    ratio = ops.maximum(
        on_bent / _off_zero(width), on_raw / _off_zero(raw[..., :-1] - raw[..., -1:])
    )
    known = ops.logical_not(ops.isnan(ratio))
    ratio = ops.where(known, ratio, 0.0)
    narrowest = ops.square(ops.min(ops.abs(width), axis=-1))
    sharp = narrowest / (narrowest + PRECISION**2)
    usable = ops.logical_and(seen[..., 0], ops.all(known, axis=-1))
    return (
        ops.clip(ratio, -FARTHEST_RATIO, FARTHEST_RATIO),
        ops.where(usable, sharp, 0.0),
    )


def _off_zero(width: Any) -> Any:
    """Widths that can be divided by."""
    least = 1e-30
    return ops.where(ops.abs(width) < least, least, width)


def learn(
    beliefs: Any, ratio: Any, weight: Any, age: Any, about: Grades
) -> tuple[Any, Any]:
    """Beliefs after T steps, each moved by the forecasts that fell due at it.

    Args:
        beliefs: [B, D], zeros for a series that begins.
        ratio: of each knot, see `ratios` [B, T, K, E].
        weight: how much each counts, 0 to 1 [B, T, K].
        age: of the series at each step [B, T].
        about: constants.

    Returns:
        The beliefs before each step [B, T, D], and after the last [B, D].
    """
    knots, edges = len(about.steps), len(EDGES)
    shape = ops.shape(weight)
    flat = ops.reshape(ratio, (shape[0], shape[1], knots * edges))
    given = ops.concatenate([flat, weight, age[..., None]], axis=2)

    def step(before: Any, now: Any) -> tuple[Any, Any]:
        scores = ops.reshape(now[:, : knots * edges], (-1, knots, edges))
        return _moved(before, scores, now[:, knots * edges : -1], now[:, -1:], about), (
            before
        )

    if given.shape[1] == 1:  # a loop around one step costs more than the step
        after, before = step(beliefs, given[:, 0])
        return before[:, None], after
    after, every = ops.scan(step, beliefs, ops.transpose(given, (1, 0, 2)))
    return ops.transpose(every, (1, 0, 2)), after


def _moved(beliefs: Any, ratio: Any, weight: Any, age: Any, about: Grades) -> Any:
    """Beliefs [B, D] after one step: ratio [B, K, E], weight [B, K], age [B, 1]."""
    common, own, swift, evidence = _parts(beliefs, about)
    needed = ratio * ops.exp(-_log_factors(common, own, swift))
    count = ops.maximum(ops.sum(weight, axis=1, keepdims=True), 1.0)  # [B, 1]
    scored = ops.minimum(ops.sum(weight, axis=1, keepdims=True), 1.0)

    beyond = ops.clip(0.5 + (needed - 1.0) / (2.0 * BLUR), 0.0, 1.0)
    miss = (beyond - BEYOND) / SLOPE * weight[..., None]
    mean = ops.sum(miss, axis=1) / count
    common = common + ops.maximum(COMMON_GAIN, 1.0 / (COMMON_PRIOR + age)) * mean
    often = age / np.array(about.strides, np.float32)  # about so many scores [B, K]
    gain = ops.maximum(OWN_GAIN, 1.0 / (OWN_PRIOR + often))[..., None]
    own = own + gain * (miss - mean[:, None] * weight[..., None])

    # The evidence is the errors against what the network said: what has been narrowed takes
    # nothing off it. Far knots fall due seldom, and count for more when they do.
    due = weight * np.array(about.strides, np.float32)
    evidence = evidence + about.patience * (_pull(ratio, due) - evidence) * scored
    small = ops.minimum(evidence, 0.0) ** 4
    sure = small / (small + SURE_FROM**4)
    narrowing = FORGET_NARROW + sure * (FORGET - FORGET_NARROW)
    forget = ops.where(swift < 0, narrowing, FORGET)
    swift = swift * (1.0 - forget * about.swift_gain * scored)
    near = weight / np.array(about.steps, np.float32)  # what is near in time says more
    swift = swift + about.swift_gain * _pull(needed, near)
    return ops.concatenate(
        [
            ops.clip(common, NARROWEST, MOST),
            ops.reshape(ops.clip(own, NARROWEST, OWN_MOST), (-1, about.size - 6)),
            ops.clip(swift, -SWIFT_MOST, SWIFT_MOST),
            evidence,
        ],
        axis=1,
    )


def _pull(ratio: Any, weight: Any) -> Any:
    """About the log of how much larger errors are than usual [B, 1]; 0 where as said.

    Args:
        ratio: of one step [B, K, E].
        weight: how much each knot counts [B, K].
    """
    size = ops.relu(ops.max(ratio[..., :2], axis=2)) * DISTANCE[0]
    unusual = (size**2 / (size**2 + 1.0) - USUAL) / USUAL_SLOPE
    total = ops.sum(weight, axis=1, keepdims=True)
    return ops.sum(weight * unusual, axis=1, keepdims=True) / ops.maximum(total, 1.0)


def _parts(beliefs: Any, about: Grades) -> tuple[Any, Any, Any, Any]:
    """Common [..., E], own [..., K, E], swift and evidence [..., 1] of beliefs [..., D]."""
    edges, knots = len(EDGES), len(about.steps)
    shape = (*ops.shape(beliefs)[:-1], knots, edges)
    own = ops.reshape(beliefs[..., edges : edges * (1 + knots)], shape)
    return beliefs[..., :edges], own, beliefs[..., -2:-1], beliefs[..., -1:]


def _log_factors(common: Any, own: Any, swift: Any) -> Any:
    """Log factors [..., K, E]; small swift values are held back by a smooth threshold."""
    held = swift**3 / (swift**2 + SWIFT_NOISE**2)
    total = held[..., None] + common[..., None, :] + own
    return ops.clip(total, LEAST, MOST)


def log_factors(beliefs: Any, about: Grades) -> Any:
    """What beliefs [..., D] say for each step ahead and quantile [..., H, Q]."""
    common, own, swift, _ = _parts(beliefs, about)
    at_steps = ops.matmul(about.across(), own)
    return ops.matmul(_log_factors(common, at_steps, swift), about.along())


def first_log_factors(beliefs: Any, about: Grades) -> Any:
    """The same for one step ahead alone [..., Q]."""
    common, own, swift, _ = _parts(beliefs, about)
    return ops.matmul(_log_factors(common, own[..., :1, :], swift), about.along())[
        ..., 0, :
    ]


def widened(scaled: Any, origin: Anchor, log_factor: Any, about: Grades) -> Any:
    """Raw quantiles [..., Q], their distances from the median multiplied, not crossing.

    Of a multiple on the raw scale and one on the bent scale the smaller move is taken:
    the first runs through zero where values are positive, the second explodes.

    Args:
        scaled: quantiles of the network [..., Q].
        origin: the scale of the frames they were forecast from.
        log_factor: [..., Q].
        about: constants.
    """
    middle = about.quantiles.index(0.5)
    factor = ops.exp(log_factor)
    quantiles = bent_distance(origin, scaled)
    median = quantiles[..., middle : middle + 1]
    moved = held_back(origin, median + factor * (quantiles - median))
    raw = apart(origin, quantiles)
    raw_median = raw[..., middle : middle + 1]
    on_raw = raw_median + factor * (raw - raw_median)
    on_bent = apart(origin, moved)
    high = np.array(about.quantiles) > 0.5
    near = ops.where(high, ops.minimum(on_raw, on_bent), ops.maximum(on_raw, on_bent))
    return allowed(origin, origin.centre + ops.sort(near, axis=-1))
