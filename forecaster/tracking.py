"""What is exported of a network: its state with the calibration of its intervals.

    state = [state of the network | promises N * P | beliefs D]

Training knows the network alone; here each new value also scores the forecasts that fall
due at it, and every forecast that is given away is widened by what that has taught.
Letters: B batch, T new steps, F features, H horizon, Q quantiles, S state.
"""

from typing import Any

import numpy as np
from keras import ops

from forecaster import memory, pending
from forecaster.calibration import (
    first_log_factors,
    grades,
    learn,
    log_factors,
    ratios,
    widened,
)
from forecaster.network import Network

ANCHOR = len(memory.Anchor._fields)
# Forecasts made from fewer values than this are not to be judged by, nor to be learnt from.
SCORED_FROM = 8


class Tracker:
    """A network that watches its own intervals."""

    def __init__(self, network: Network) -> None:
        self.network = network
        task = network.task
        self.about = grades(task.horizon, task.season_length, task.quantiles)
        self._promise = ANCHOR + network.head.promise_size
        self._slots = pending.slots(self.about)

    @property
    def state_size(self) -> int:
        """S, the width of an exported state."""
        return self.network.state_size + self._slots * self._promise + self.about.size

    def advance(self, state: Any, y: Any, x: Any) -> tuple[Any, Any]:
        """The states after T more values, and what was expected of each of these.

        Args:
            state: [B, S].
            y: raw values [B, T], NaN = missing.
            x: raw features of the same steps [B, T, F], NaN = missing.

        Returns:
            New states [B, S]; raw quantiles of each value, forecast from the state just
            before it and the features of its step [B, T, Q], NaN for the first ones of a series.
        """
        inner, kept, beliefs = self._parts(state)
        view, after = self.network.observe(inner, y, x)
        age = self.network.ages(inner, y)
        made = self.network.promise(view, self.about.steps)
        made = ops.concatenate(
            [_anchor_numbers(view.frames, len(self.about.steps)), made], axis=3
        )
        due, made_at, left = pending.exchange(kept, made, age, self.about)
        origin = _anchor(due)
        ahead = x[:, :, None, : self.network.task.known]
        scaled = self.network.keep(due[..., ANCHOR:], ahead)
        ratio, weight = ratios(y[:, :, None, None], scaled, origin, self.about)
        weight = ops.where(made_at >= SCORED_FROM, weight, 0.0)
        every, beliefs = learn(beliefs, ratio, weight, age, self.about)
        factor = first_log_factors(every, self.about)
        expected = widened(scaled[:, :, 0], _anchor(due[:, :, 0]), factor, self.about)
        expected = ops.where(made_at[:, :, :1] >= SCORED_FROM, expected, np.nan)
        left = ops.reshape(left, (-1, self._slots * self._promise))
        return ops.concatenate([after, left, beliefs], axis=1), expected

    def imagine(self, state: Any, y: Any, x: Any) -> Any:
        """The states after values that were not observed: they teach nothing [B, S]."""
        own = self.network.state_size
        after = self.network.observe(state[:, :own], y, x)[1]
        return ops.concatenate([after, state[:, own:]], axis=1)

    def forecast(self, state: Any, x: Any) -> Any:
        """Raw quantiles of the next H steps [B, H, Q], given features of them [B, H, F]."""
        inner, _, beliefs = self._parts(state)
        view = self.network.recall(inner)
        scaled = self.network.read(view, x[:, None])
        origin = _anchor(_anchor_numbers(view.frames, 1))
        factor = log_factors(beliefs, self.about)[:, None]
        return widened(scaled, origin, factor, self.about)[:, 0]

    def _parts(self, state: Any) -> tuple[Any, Any, Any]:
        """State of the network, promises [B, N, P] and beliefs [B, D]."""
        own = self.network.state_size
        promises = state[:, own : -self.about.size]
        return (
            state[:, :own],
            ops.reshape(promises, (-1, self._slots, self._promise)),
            state[:, -self.about.size :],
        )


def _anchor_numbers(frames: memory.Frames, knots: int) -> Any:
    """The scale of each step, once for each knot [B, T, K, 5]."""
    numbers = ops.concatenate(memory.anchor(frames), axis=2)
    return ops.repeat(numbers[:, :, None], knots, axis=2)


def _anchor(numbers: Any) -> memory.Anchor:
    """The first numbers of promises [..., P] as a scale that broadcasts with quantiles."""
    return memory.Anchor(*(numbers[..., i : i + 1] for i in range(ANCHOR)))
