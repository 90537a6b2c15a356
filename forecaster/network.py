"""The network: one pure forward function for training, priming and serving.

`state` is one flat float32 vector per series [B, S], opaque outside this file:

    [ring values R | observed flags R | age 1 | last features F | past covariates | recurrent]

    y ─▶ memory ─▶ scaled ring ─▶ patch ─┬─▶ recurrent layers ─┐
         (level, scale)                  └──── residual ───────┴─▶ head ─▶ quantiles
                   └────────▶ seasonal naive ───────────────────────────────┘ +

Raw numbers in, raw numbers out: bend, level and scale are computed in the graph from values
up to each step, so a carried state never depends on a window. The head forecasts all H
steps at once from the state at t, as a correction to the seasonal naive forecast
(forking sequences: Wen et al., 2017). Letters: B batch, T new steps, F features,
H horizon, Q quantiles, R ring, S state.
"""

from typing import Any

import keras
from keras import ops

from forecaster import memory
from forecaster.cells import STATES_PER_CELL, recurrent_layer
from forecaster.config import Architecture, Task
from forecaster.exogenous import Exogenous
from forecaster.outlook import Outlook, windows

FUTURE_UNITS = 16


class Network(keras.Model):
    """Stacked recurrent layers beside a residual path, with a quantile head."""

    def __init__(self, task: Task, size: Architecture, *, cudnn: bool = False) -> None:
        super().__init__(name="forecaster")
        self.task = task
        self.size = size
        dense = keras.layers.Dense
        self.exogenous = Exogenous(task, name="exogenous")
        self.patch = dense(size.patch_units, activation="gelu", name="patch")
        self.entry = dense(size.units, name="entry")
        self.cells = [
            recurrent_layer(size.cell, size.units, cudnn=cudnn, name=f"{size.cell}_{i}")
            for i in range(size.layers)
        ]
        self.drop = keras.layers.Dropout(size.dropout, name="dropout")
        self.hidden = dense(size.head_units, activation="gelu", name="hidden")
        outputs = task.horizon * len(task.quantiles)
        self.out = dense(outputs, name="quantiles", kernel_initializer="zeros")
        if task.known:
            self.future = dense(FUTURE_UNITS, activation="gelu", name="future")
            self.future_gate = dense(FUTURE_UNITS, name="future_gate")
            self.future_out = dense(
                len(task.quantiles), name="future_quantiles", kernel_initializer="zeros"
            )
        if task.futr:
            self.outlook = Outlook(task, name="outlook")

    @property
    def state_size(self) -> int:
        """S, the width of a carried state."""
        return self.exact_size + self.recurrent_size

    @property
    def exact_size(self) -> int:
        """The part of a state that remembers exactly: the ring, features, covariates."""
        return 2 * self.task.ring + 1 + self.task.features + self.past_size

    @property
    def past_size(self) -> int:
        """The covariates known ahead of the last season, in the exact part."""
        return self.task.season_length * self.task.futr

    @property
    def recurrent_size(self) -> int:
        """The part of a state that is recurrent."""
        return self.size.layers * STATES_PER_CELL[self.size.cell] * self.size.units

    def initialise(self) -> None:
        """Builds every variable by one small forward pass."""
        state = ops.zeros((1, self.state_size))
        x = ops.zeros((1, 1 + self.task.horizon, self.task.features))
        self.forward(state, ops.zeros((1, 1)), x)

    def forward(
        self, state: Any, y: Any, x: Any, *, training: bool = False
    ) -> tuple[Any, Any]:
        """Observes T steps and forecasts after each of them.

        Args:
            state: [B, S], zeros for a series that begins.
            y: raw values [B, T], NaN = missing.
            x: raw features of the T steps and the H steps behind them [B, T + H, F],
                NaN = missing; of the H only those known ahead are looked at.

        Returns:
            Raw quantiles [B, T, H, Q], not crossing; the state after the last step [B, S].
        """
        frames, context, state = self.observe(state, y, x, training=training)
        ahead = self.ahead(x[..., : self.task.known], ops.shape(y)[1])
        scaled = self.read(frames, context, ahead)
        return memory.unbend(frames, scaled), state

    def observe(
        self, state: Any, y: Any, x: Any, *, training: bool = False
    ) -> tuple[memory.Frames, Any, Any]:
        """Advances the state: frames after each step, contexts [B, T, D], new state."""
        carried, last, past, recurrent = self._unpack(state)
        rows = self.exogenous.carried(last, x[:, : ops.shape(y)[1]])
        grown = memory.remember(carried, y, self.task.season_length)
        frames = memory.frames(grown, self.task.ring, self.task.season_length)
        patch = self._patch(frames, grown.age, self.exogenous.now(rows))
        top, recurrent = self._recur(self.entry(patch), recurrent, training)
        ring, task = self.task.ring, self.task
        futr = rows[:, :, task.calendar : task.known]
        past = windows(past, futr, task.season_length)
        state = ops.concatenate(
            [
                grown.values[:, -ring:],
                grown.seen[:, -ring:],
                grown.age[:, -1:],
                rows[:, -1],
                past[:, -1],
                *recurrent,
            ],
            axis=1,
        )
        top = self.drop(top, training=training)
        return frames, ops.concatenate([patch, top, past], axis=2), state

    def recall(self, state: Any) -> tuple[memory.Frames, Any]:
        """What `observe` gave for the last step, read off the state [B, S] it returned."""
        carried, last, past, recurrent = self._unpack(state)
        # The frame after the last step is the ring itself: one place more in front, which
        # `frames` steps over.
        shifted = memory.Memory(
            values=ops.concatenate([carried.values[:, :1], carried.values], axis=1),
            seen=ops.concatenate([carried.seen[:, :1], carried.seen], axis=1),
            age=carried.age,
        )
        frames = memory.frames(shifted, self.task.ring, self.task.season_length)
        now = self.exogenous.now(last[:, None])
        patch = self._patch(frames, carried.age, now)
        top = recurrent[-STATES_PER_CELL[self.size.cell]][
            :, None
        ]  # h of the last layer
        return frames, ops.concatenate([patch, top, past[:, None]], axis=2)

    def read(self, frames: memory.Frames, context: Any, ahead: Any) -> Any:
        """Scaled quantiles [B, T, H, Q] from contexts and raw features ahead [B, T, H, K].

        They are on the bent scale of `frames`; `memory.unbend` gives raw ones.
        """
        task = self.task
        shape = (-1, ops.shape(context)[1], task.horizon, len(task.quantiles))
        hidden = self.hidden(context)
        raw = ops.reshape(self.out(hidden), shape)
        if task.known:
            seen = self.exogenous.ahead(ahead)
            gate = self.future_gate(hidden)[:, :, None]
            raw = raw + self.future_out(gate * self.future(seen))
        if task.futr:
            past = context[:, :, -self.past_size :]
            raw = raw + self.outlook(hidden, past, seen)
        base = memory.seasonal_naive(frames, task.horizon, task.season_length)
        return base[..., None] + spread_out(raw, task.quantiles)

    def _patch(self, frames: memory.Frames, age: Any, now: Any) -> Any:
        """The scaled ring and what is seen of each step, as one vector [B, T, P]."""
        valid = ops.cast(frames.weight > 0, "float32")
        scaled = memory.asinh(frames.scaled) * valid
        observed = ops.cast(frames.weight >= 1.0, "float32")
        # The age counts up to the ring's length only: nothing new after that.
        young = ops.log1p(ops.minimum(age, self.task.ring))[..., None] / 5.0
        parts = [scaled, observed, ops.log(frames.scale) / 5.0, young, now]
        return self.patch(ops.concatenate(parts, axis=2))

    def _recur(
        self, inputs: Any, states: list[Any], training: bool
    ) -> tuple[Any, list[Any]]:
        """Through the stack: outputs of the top layer [B, T, U] and all new states."""
        count = STATES_PER_CELL[self.size.cell]
        news: list[Any] = []
        for i, layer in enumerate(self.cells):
            given = states[i * count : (i + 1) * count]
            outputs, *new = layer(inputs, initial_state=given, training=training)
            inputs = outputs
            news += new
        return inputs, news

    def _unpack(self, state: Any) -> tuple[memory.Memory, Any, Any, list[Any]]:
        """The parts of a flat state."""
        ring = self.task.ring
        carried = memory.Memory(
            state[:, :ring],
            state[:, ring : 2 * ring],
            state[:, 2 * ring : 2 * ring + 1],
        )
        known = 2 * ring + 1 + self.task.features
        last = state[:, 2 * ring + 1 : known]
        past = state[:, known : self.exact_size]
        recurrent = state[:, self.exact_size :]
        units = self.size.units
        count = self.recurrent_size // units
        return (
            carried,
            last,
            past,
            [recurrent[:, i * units : (i + 1) * units] for i in range(count)],
        )

    def ahead(self, x: Any, steps: Any) -> Any:
        """Features of the H steps after each of the T steps [B, T, H, F]."""
        horizon = ops.arange(self.task.horizon, dtype="int32")
        index = ops.arange(steps, dtype="int32")[:, None] + 1 + horizon[None, :]
        return ops.take(x, index, axis=1)


def spread_out(raw: Any, quantiles: tuple[float, ...]) -> Any:
    """Non-crossing quantiles: the median, and positive steps outwards from it.

    Args:
        raw: unconstrained [..., Q].
        quantiles: Q levels in rising order, 0.5 among them.
    """
    middle = quantiles.index(0.5)
    median = raw[..., middle : middle + 1]
    steps = ops.softplus(raw - 1.0)
    above = median + ops.cumsum(steps[..., middle + 1 :], axis=-1)
    below = median - ops.flip(
        ops.cumsum(ops.flip(steps[..., :middle], axis=-1), axis=-1), axis=-1
    )
    return ops.concatenate([below, median, above], axis=-1)
