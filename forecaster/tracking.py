"""What is exported of a network: its state with all that its forecasts have taught.

    state = [state of the network | promises N * P | beliefs D | errors 3K]

Training knows the network alone; here each new value also scores the forecasts that fall
due at it, and every forecast that is given away is moved (`boldness`) and widened
(`calibration`) by what that has taught. Without a season there is no last cycle to move
to, and no errors are carried. Letters: B batch, T new steps, F features, H horizon, K knots,
Q quantiles, S state.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from forecaster import boldness, memory, pending
from forecaster.calibration import (
    first_log_factors,
    grades,
    learn,
    log_factors,
    ratios,
    widened,
)
from forecaster.head import View
from forecaster.network import Network

ANCHOR = len(memory.Anchor._fields)
# Forecasts made from fewer values than this are not to be judged by, nor to be learnt from.
SCORED_FROM = 8


class Parts(NamedTuple):
    """The parts of an exported state."""

    network: Any  # state of the network [B, ...]
    promises: Any  # [B, N, P]
    beliefs: Any  # [B, D]
    errors: Any  # [B, 3K]


class Tracker:
    """A network that watches its own intervals."""

    def __init__(self, network: Network) -> None:
        self.network = network
        task = network.task
        self.about = grades(task.horizon, task.season_length, task.quantiles)
        self._cycle = task.cycle
        self._compared = task.cycle > 1
        # A promise: the scale it was made on, the last cycle, what the head says.
        self._before_head = ANCHOR + int(self._compared)
        self._promise = self._before_head + network.head.promise_size
        self._slots = pending.slots(self.about)

    @property
    def state_size(self) -> int:
        """S, the width of an exported state."""
        return self.network.state_size + self._slots * self._promise + self._learned

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
        after, expected, _ = self._observe(state, y, x)
        return after, expected

    def step(self, state: Any, y: Any, x: Any) -> tuple[Any, Any, Any]:
        """`advance` by one value and `forecast`, without looking at the ring again.

        Args:
            state: [B, S].
            y: a raw value of each series [B, 1], NaN = missing.
            x: raw features of its step and the H steps behind it [B, 1 + H, F].

        Returns:
            What `advance` returns, and what `forecast` does of the new states.
        """
        after, expected, view = self._observe(state, y, x[:, :1])
        return after, expected, self._read(view, self._parts(after), x[:, 1:])

    def _observe(self, state: Any, y: Any, x: Any) -> tuple[Any, Any, View]:
        """What `advance` returns, and what is seen after each of the values."""
        inner, kept, beliefs, errors = self._parts(state)
        view, after = self.network.observe(inner, y, x)
        age = self.network.ages(inner, y)
        due, made_at, left = pending.exchange(
            kept, self._promised(view), age, self.about
        )
        origin, raw = _anchor(due), y[:, :, None, None]
        ahead = x[:, :, None, : self.network.task.known]
        scaled = self.network.keep(due[..., self._before_head :], ahead)
        scored = made_at >= SCORED_FROM
        if self._compared:
            naive = due[..., ANCHOR : ANCHOR + 1]
            new = boldness.errors(
                raw, self._median(scaled), naive, origin, ops.cast(scored, "float32")
            )
            means, errors = boldness.learn(errors, new, self.about, self._cycle)
            bold = boldness.boldness(means, self.about, self._cycle)
            scaled = self._moved(scaled, naive, bold)
        ratio, weight = ratios(raw, scaled, origin, self.about)
        weight = ops.where(scored, weight, 0.0)
        every, beliefs = learn(beliefs, ratio, weight, age, self.about)
        factor = first_log_factors(every, self.about)
        expected = widened(scaled[:, :, 0], _anchor(due[:, :, 0]), factor, self.about)
        expected = ops.where(made_at[:, :, :1] >= SCORED_FROM, expected, np.nan)
        left = ops.reshape(left, (-1, self._slots * self._promise))
        state = ops.concatenate([after, left, beliefs, errors], axis=1)
        return state, expected, view

    def imagine(self, state: Any, y: Any, x: Any) -> Any:
        """The states after values that were not observed: they teach nothing [B, S]."""
        own = self.network.state_size
        after = self.network.observe(state[:, :own], y, x)[1]
        return ops.concatenate([after, state[:, own:]], axis=1)

    def forecast(self, state: Any, x: Any) -> Any:
        """Raw quantiles of the next H steps [B, H, Q], given features of them [B, H, F]."""
        parts = self._parts(state)
        return self._read(self.network.recall(parts.network), parts, x)

    def _read(self, view: View, parts: Parts, x: Any) -> Any:
        """Raw quantiles of the next H steps [B, H, Q], by what is seen of the last one."""
        scaled = self.network.read(view, x[:, None])
        if self._compared:
            naive = self.network.last_cycle(view, range(1, self.about.horizon + 1))
            bold = boldness.boldness(parts.errors, self.about, self._cycle)
            across = np.transpose(self.about.across())
            scaled = self._moved(scaled, naive, ops.matmul(bold, across)[:, None])
        origin = _anchor(_anchor_numbers(view.frames, 1))
        factor = log_factors(parts.beliefs, self.about)[:, None]
        return widened(scaled, origin, factor, self.about)[:, 0]

    @property
    def _learned(self) -> int:
        """The numbers that promises have taught."""
        errors = boldness.size(self.about) if self._compared else 0
        return self.about.size + errors

    def _promised(self, view: View) -> Any:
        """What is to be kept of the forecasts made at each step [B, T, K, P]."""
        parts = [_anchor_numbers(view.frames, len(self.about.steps))]
        if self._compared:
            parts.append(self.network.last_cycle(view, self.about.steps))
        parts.append(self.network.promise(view, self.about.steps))
        return ops.concatenate(parts, axis=3)

    def _median(self, scaled: Any) -> Any:
        """The median [..., 1] of quantiles [..., Q]."""
        middle = self.about.quantiles.index(0.5)
        return scaled[..., middle : middle + 1]

    def _moved(self, scaled: Any, naive: Any, bold: Any) -> Any:
        """Quantiles [..., Q] nearer to the last cycle [..., 1], by boldness [...]."""
        return scaled + (1.0 - bold[..., None]) * (naive - self._median(scaled))

    def _parts(self, state: Any) -> Parts:
        """The parts of a flat state."""
        own = self.network.state_size
        promises = state[:, own : -self._learned]
        learned = state[:, -self._learned :]
        return Parts(
            state[:, :own],
            ops.reshape(promises, (-1, self._slots, self._promise)),
            learned[:, : self.about.size],
            learned[:, self.about.size :],
        )


def _anchor_numbers(frames: memory.Frames, knots: int) -> Any:
    """The scale of each step, once for each knot [B, T, K, 5]."""
    numbers = ops.concatenate(memory.anchor(frames), axis=2)
    return ops.repeat(numbers[:, :, None], knots, axis=2)


def _anchor(numbers: Any) -> memory.Anchor:
    """The first numbers of promises [..., P] as a scale that broadcasts with quantiles."""
    return memory.Anchor(*(numbers[..., i : i + 1] for i in range(ANCHOR)))
