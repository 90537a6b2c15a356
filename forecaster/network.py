"""The network: one pure forward function for training, priming and serving.

`state` is one flat float32 vector per series [B, S], opaque outside this file:

    [ring R | observed flags R | age 1 | course M | features F | past covariates | recurrent]

    y ─▶ memory ─▶ scaled ring ──▶ patch ─┬─▶ recurrent layers ─┐
      (level, scale)   course             └────── residual ─────┴─▶ head ─▶ quantiles
                   └────▶ candidates ────────────▶ weighed by the head ────────┘ +

Raw numbers in, raw numbers out: bend, level and scale are computed in the graph from values
up to each step, so a carried state never depends on a window. The head forecasts all H
steps at once from the state at t, as a correction to a weighted mean of simple forecasts
(forking sequences: Wen et al., 2017). Letters: B batch, T new steps, F features,
H horizon, J candidates, M cycle, Q quantiles, R ring, S state.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from forecaster import memory, outlook, profile
from forecaster.cells import STATES_PER_CELL, outputs_and_states, recurrent_layer
from forecaster.config import Architecture, Task
from forecaster.exogenous import Exogenous
from forecaster.head import Head, View


class Carried(NamedTuple):
    """The parts of a state [B, ...]."""

    memory: memory.Memory
    course: Any  # [B, M] weighted sums, as `profile.smoothed` keeps them
    row: Any  # [B, F] the last coded row of features
    past: Any  # [B, M * futr] its covariates known ahead, of the last cycle
    recurrent: list[Any]  # [B, U] each


class Network(keras.Model):
    """Stacked recurrent layers beside a residual path, with a quantile head."""

    def __init__(self, task: Task, size: Architecture, *, cudnn: bool = False) -> None:
        super().__init__(name="forecaster")
        self.task = task
        self.size = size
        dense = keras.layers.Dense
        self.spread, self.positive = (
            self.add_weight(shape=(), initializer="zeros", trainable=False, name=name)
            for name in memory.Usual._fields
        )
        self.exogenous = Exogenous(task, name="exogenous")
        self.patch = dense(size.patch_units, activation="gelu", name="patch")
        self.entry = dense(size.units, name="entry")
        self.cells = [
            recurrent_layer(size.cell, size.units, cudnn=cudnn, name=f"{size.cell}_{i}")
            for i in range(size.layers)
        ]
        # For some lanes of a batch the head hears nothing of the recurrent layers, so that
        # it goes by the ring where that will do (stochastic depth: Huang et al., 2016).
        self.deaf = keras.layers.Dropout(
            size.drop_recurrent, noise_shape=(None, 1, 1), name="deaf"
        )
        self.drop = keras.layers.Dropout(size.dropout, name="dropout")
        self.head = Head(task, size, name="head")

    @property
    def state_size(self) -> int:
        """S, the width of a carried state."""
        return self.exact_size + self.recurrent_size

    @property
    def exact_size(self) -> int:
        """The part of a state that is a plain function of the values, without weights."""
        task = self.task
        return 2 * task.ring + 1 + task.cycle + task.features + self.past_size

    @property
    def past_size(self) -> int:
        """The covariates known ahead of the last cycle, in the exact part."""
        return self.task.cycle * self.task.futr

    @property
    def recurrent_size(self) -> int:
        """The part of a state that is recurrent."""
        return self.size.layers * STATES_PER_CELL[self.size.cell] * self.size.units

    def initialise(self) -> None:
        """Builds every variable by one small forward pass."""
        state = ops.zeros((1, self.state_size))
        x = ops.zeros((1, 1 + self.task.horizon, self.task.features))
        self.forward(state, ops.zeros((1, 1)), x)

    def expect(self, spread: float, *, positive: bool) -> None:
        """Sets what is usual among the series of this model, see `memory.Usual`."""
        self.spread.assign(spread)
        self.positive.assign(float(positive))

    @property
    def usual(self) -> memory.Usual:
        """What is usual among the series of this model."""
        return memory.Usual(self.spread, self.positive)

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
        view, state = self.observe(state, y, x, training=training)
        ahead = self.ahead(x[..., : self.task.known], ops.shape(y)[1])
        scaled = self.read(view, ahead, training=training)
        return memory.unbend(view.frames, scaled), state

    def observe(
        self, state: Any, y: Any, x: Any, *, training: bool = False
    ) -> tuple[View, Any]:
        """Advances the state: what is seen after each step, new state [B, S]."""
        task = self.task
        before = self._unpack(state)
        rows = self.exogenous.carried(before.row, x[:, : ops.shape(y)[1]])
        grown = memory.remember(before.memory, y, task.season_length)
        frames = memory.frames(grown, task.ring, task.season_length, self.usual)
        level = profile.cycle_level(frames, task.cycle)
        deviation = (frames.scaled[:, :, -1:] - level)[:, :, 0]
        sums = profile.smoothed(before.course, deviation, grown.age)
        course = level + profile.course(sums, grown.age, task.cycle)
        patch = self._patch(frames, course, grown.age, self.exogenous.now(rows))
        top, recurrent = self._recur(self.entry(patch), before.recurrent, training)
        futr = rows[:, :, task.calendar : task.known]
        past = ops.concatenate([self._rows(before.past), futr], axis=1)
        after = ops.concatenate(
            [
                grown.values[:, -task.ring :],
                grown.seen[:, -task.ring :],
                grown.age[:, -1:],
                sums[:, -task.cycle :],
                rows[:, -1],
                ops.reshape(past[:, -task.cycle :], ops.shape(before.past)),
                *recurrent,
            ],
            axis=1,
        )
        context = self._context(patch, top, training)
        earlier = outlook.before(past, ops.shape(y)[1], task)
        return View(frames, course, earlier, context), after

    def recall(self, state: Any) -> View:
        """What `observe` saw after the last step, read off the state [B, S] it returned."""
        carried = self._unpack(state)
        # The frame after the last step is the ring itself: one place more in front, which
        # `frames` and `course` step over.
        shifted = memory.Memory(
            values=_one_more(carried.memory.values),
            seen=_one_more(carried.memory.seen),
            age=carried.memory.age,
        )
        task = self.task
        frames = memory.frames(shifted, task.ring, task.season_length, self.usual)
        course = profile.cycle_level(frames, self.task.cycle) + profile.course(
            _one_more(carried.course), carried.memory.age, self.task.cycle
        )
        now = self.exogenous.now(carried.row[:, None])
        patch = self._patch(frames, course, carried.memory.age, now)
        top = carried.recurrent[-STATES_PER_CELL[self.size.cell]]  # h of the last layer
        context = self._context(patch, top[:, None], training=False)
        rows = _one_more(self._rows(carried.past))
        return View(frames, course, outlook.before(rows, 1, self.task), context)

    def read(self, view: View, ahead: Any, *, training: bool = False) -> Any:
        """Scaled quantiles [B, T, H, Q] from views and raw features ahead [B, T, H, K].

        They are on the bent scale of `view.frames`; `memory.unbend` gives raw ones.
        """
        seen = self.exogenous.ahead(ahead)
        return self.head.read(view, seen, training=training)

    def promise(self, view: View, steps: Sequence[int]) -> Any:
        """Forecasts of K steps ahead but for the features of these steps [B, T, K, P].

        `keep` makes of it what `read` makes of the features at once.
        """
        return self.head.promise(view, steps)

    def keep(self, promised: Any, ahead: Any) -> Any:
        """Scaled quantiles [..., Q] of promises [..., P], given raw features [..., K]."""
        return self.head.keep(promised, self.exogenous.ahead(ahead))

    def last_cycle(self, view: View, steps: Sequence[int]) -> Any:
        """The last cycle again, K steps ahead, scaled as quantiles are [B, T, K, 1]."""
        place = np.array(steps) - 1
        return memory.seasonal_naive(view.frames, place, self.task.cycle)[..., None]

    def ages(self, state: Any, y: Any) -> Any:
        """The age of each series after each of T new values [B, T]."""
        return memory.ages(self._unpack(state).memory.age, y)

    def _patch(self, frames: memory.Frames, course: Any, age: Any, now: Any) -> Any:
        """The scaled ring and what is seen of each step, as one vector [B, T, P]."""
        valid = ops.cast(frames.weight > 0, "float32")
        observed = ops.cast(frames.weight >= 1.0, "float32")
        # The age counts up to the ring's length only: nothing new after that.
        young = ops.log1p(ops.minimum(age, self.task.ring))[..., None] / 5.0
        parts = [
            memory.asinh(frames.scaled) * valid,
            observed,
            memory.asinh(course),
            ops.log(frames.scale) / 5.0,
            young,
            now,
        ]
        return self.patch(ops.concatenate(parts, axis=2))

    def _context(self, patch: Any, top: Any, training: bool) -> Any:
        """The patch beside the outputs of the top layer [B, T, D], thinned in training."""
        seen = [patch]
        if self.size.recurrence:
            seen.append(self.deaf(top, training=training))
        return self.drop(ops.concatenate(seen, axis=2), training=training)

    def _recur(
        self, inputs: Any, states: list[Any], training: bool
    ) -> tuple[Any, list[Any]]:
        """Through the stack: outputs of the top layer [B, T, U] and all new states."""
        count = STATES_PER_CELL[self.size.cell]
        news: list[Any] = []
        for i, layer in enumerate(self.cells):
            given = states[i * count : (i + 1) * count]
            inputs, new = outputs_and_states(layer, inputs, given, training=training)
            news += new
        return inputs, news

    def _unpack(self, state: Any) -> Carried:
        """The parts of a flat state."""
        task, count = self.task, self.recurrent_size // self.size.units
        sizes = [task.ring, task.ring, 1, task.cycle, task.features, self.past_size]
        sizes += [self.size.units] * count
        ends = itertools.accumulate(sizes)
        values, seen, age, course, row, past, *recurrent = (
            state[:, end - size : end] for end, size in zip(ends, sizes, strict=True)
        )
        return Carried(memory.Memory(values, seen, age), course, row, past, recurrent)

    def _rows(self, past: Any) -> Any:
        """Carried covariates as rows [B, M, futr]."""
        return ops.reshape(past, (ops.shape(past)[0], self.task.cycle, self.task.futr))

    def ahead(self, x: Any, steps: Any) -> Any:
        """Features of the H steps after each of the T steps [B, T, H, F]."""
        horizon = ops.arange(self.task.horizon, dtype="int32")
        index = ops.arange(steps, dtype="int32")[:, None] + 1 + horizon[None, :]
        return ops.take(x, index, axis=1)


def _one_more(carried: Any) -> Any:
    """Its first column twice."""
    return ops.concatenate([carried[:, :1], carried], axis=1)
