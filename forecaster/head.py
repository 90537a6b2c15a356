"""The head: from what is seen of a series to quantiles of the steps ahead.

All steps at once: a weight for each simple forecast at each step ahead, a correction to
their mean, and what the features of the step add. The part that needs these features is
kept apart, so that a forecast can be promised before they are known and finished when they
are. Letters: B batch, T steps, K some steps ahead, H horizon, P promise, Q quantiles.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from forecaster import candidates, memory, outlook
from forecaster.config import Architecture, Task

FUTURE_UNITS = 16


class View(NamedTuple):
    """What the head sees of each step."""

    frames: memory.Frames  # the ring with its scale
    course: Any  # [B, T, M] the average course of the next cycle, scaled like the ring
    past: Any  # [B, T, H, …] covariates a season and a cycle before each step ahead
    context: Any  # [B, T, D] the patch beside what the recurrent layers say


class Promise(NamedTuple):
    """What the head says of steps ahead before it knows their features, [B, T, K, ...]."""

    base: Any  # the mean of the simple forecasts, as it trusts them; one number
    naive: Any  # the seasonal naive forecast; one number
    raw: Any  # unconstrained quantiles
    gate: Any  # what the calendar of a step may add; none without
    mixed: Any  # what its covariates meet; none without


@keras.saving.register_keras_serializable("forecaster")
class Head(keras.layers.Layer):
    """Quantiles on the bent scale of the frames."""

    def __init__(self, task: Task, size: Architecture, **options: Any) -> None:
        super().__init__(**options)
        self.task = task
        dense = keras.layers.Dense
        self.drop = keras.layers.Dropout(size.dropout, name="dropout")
        self.hidden = dense(size.head_units, activation="gelu", name="hidden")
        outputs = task.horizon * len(task.quantiles)
        self.out = dense(outputs, name="quantiles", kernel_initializer="zeros")
        self.trust = dense(
            task.horizon * candidates.count(task),
            name="trust",
            kernel_initializer="zeros",
        )
        self.boldness = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="boldness"
        )
        if task.known:
            self.future = dense(FUTURE_UNITS, activation="gelu", name="future")
            self.future_gate = dense(FUTURE_UNITS, name="future_gate")
            self.future_out = dense(
                len(task.quantiles), name="future_quantiles", kernel_initializer="zeros"
            )
        if task.futr:
            self.outlook = outlook.Outlook(task, name="outlook")

    def read(self, view: View, seen: Any, *, training: bool = False) -> Any:
        """Quantiles [B, T, H, Q], given what is seen of the steps ahead [B, T, H, ...]."""
        hidden = self.drop(self.hidden(view.context), training=training)
        everything = np.arange(self.task.horizon)
        return self._kept(self._promised(view, hidden, everything), seen)

    def promise(self, view: View, steps: Sequence[int]) -> Any:
        """Forecasts of K steps ahead but for the features of these steps [B, T, K, P].

        `keep` makes of it what `read` makes of the features at once.
        """
        place = np.array(steps) - 1
        made = self._promised(view, self.hidden(view.context), place)
        shape = (*ops.shape(made.raw)[:3], -1)
        wide = [ops.broadcast_to(part, (*shape[:3], part.shape[-1])) for part in made]
        return ops.concatenate(wide, axis=3)

    def keep(self, promised: Any, seen: Any) -> Any:
        """Quantiles [..., Q] of promises [..., P], given what is seen of the steps."""
        ends = list(itertools.accumulate(self._sizes()))
        parts = [
            promised[..., begin:end] for begin, end in itertools.pairwise([0, *ends])
        ]
        return self._kept(Promise(*parts), seen)

    @property
    def promise_size(self) -> int:
        """P, the numbers of one promise."""
        return sum(self._sizes())

    def _sizes(self) -> list[int]:
        """The numbers of each part of a promise."""
        gate = FUTURE_UNITS if self.task.known else 0
        mixed = outlook.UNITS if self.task.futr else 0
        return [1, 1, len(self.task.quantiles), gate, mixed]

    def _promised(self, view: View, hidden: Any, place: Any) -> Promise:
        """All but the features of the steps ahead at some places of the horizon."""
        task, nothing = self.task, ops.zeros((1, 1, 1, 0))
        base = candidates.candidates(view.frames, view.course, task, place)
        naive = base[..., :1]  # the first of them
        if base.shape[-1] > 1:
            trust = self._at(self.trust, hidden, place)
            base = ops.sum(ops.softmax(trust, axis=-1) * base, axis=-1, keepdims=True)
        return Promise(
            base,
            naive,
            self._at(self.out, hidden, place),
            self.future_gate(hidden)[:, :, None] if task.known else nothing,
            self._met(hidden, view.past, place) if task.futr else nothing,
        )

    def _met(self, hidden: Any, past: Any, place: Any) -> Any:
        """What the covariates of some steps ahead will meet [B, T, K, U]."""
        return self.outlook.prepared(hidden, ops.take(past, place, axis=2))

    def _kept(self, promise: Promise, seen: Any) -> Any:
        """Quantiles [..., Q], given what is seen of the steps ahead [..., ...]."""
        raw = promise.raw
        if self.task.known:
            raw = raw + self.future_out(promise.gate * self.future(seen))
        if self.task.futr:
            raw = raw + self.outlook.finished(promise.mixed, seen)
        scaled = promise.base + spread_out(raw, self.task.quantiles)
        middle = self.task.quantiles.index(0.5)
        # Moved back towards seasonal naive by what boldness is short of 1.
        shy = (1.0 - self.boldness) * (promise.naive - scaled[..., middle : middle + 1])
        return scaled + shy

    def _at(self, layer: Any, hidden: Any, place: Any) -> Any:
        """What a layer says of some places of the horizon [B, T, K, n]."""
        horizon, width = self.task.horizon, layer.units // self.task.horizon
        leading = (-1, ops.shape(hidden)[1])
        if len(place) == horizon:
            return ops.reshape(layer(hidden), (*leading, horizon, width))
        kernel = ops.reshape(layer.kernel, (-1, horizon, width))
        kernel = ops.reshape(ops.take(kernel, place, axis=1), (hidden.shape[2], -1))
        bias = ops.take(ops.reshape(layer.bias, (horizon, width)), place, axis=0)
        made = ops.matmul(hidden, kernel)
        return ops.reshape(made, (*leading, len(place), width)) + bias


def spread_out(raw: Any, quantiles: tuple[float, ...]) -> Any:
    """Non-crossing quantiles: the median, and positive steps outwards from it.

    Args:
        raw: unconstrained [..., Q].
        quantiles: Q levels in rising order, 0.5 among them.
    """
    middle = quantiles.index(0.5)
    median = raw[..., middle : middle + 1]
    place = np.arange(len(quantiles)) - middle
    step, end = place[:, None], place[None, :]
    above, below = (step > 0) & (step <= end), (end <= step) & (step < 0)
    outwards = above.astype(np.float32) - below.astype(np.float32)
    # Sums by a matrix product: a fifth of the time of `ops.cumsum`.
    return median + ops.matmul(ops.softplus(raw - 1.0), outwards)
