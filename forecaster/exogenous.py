"""What the network sees of the features of a step: scaled, coded, filled, embedded.

A row of features x [F] is raw numbers, NaN where missing, in this order:

    [calendar | futr: known ahead too | hist: known up to now | static: of the series]

Scaling is in the graph, by constants. A scaled number is *coded*: 0 stands for missing,
a scaled value of exactly 0 for the smallest number beside it. So a row of zeros, which a
state begins with, says that nothing is known yet. Hist and static columns are filled
forward from the rows before, by the carried row too, so that the result does not depend
on how steps are grouped into calls. Letters: B batch, T steps, F features, K known ahead.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from forecaster.config import Task
from forecaster.memory import latest

LEAST = 1e-30  # what a scaled value of 0 is coded as
FARTHEST = 10.0  # spreads from the mean beyond which a value says no more
CODES = 1e6  # the same for codes of categories, which are no amounts
EMBEDDING_UNITS = 8  # at most


@keras.saving.register_keras_serializable("forecaster")
class Exogenous(keras.layers.Layer):
    """Features of each step, from raw rows to what the dense layers take in."""

    def __init__(self, task: Task, **options: Any) -> None:
        super().__init__(**options)
        self.task = task
        first = task.known + task.hist
        self.categories = [
            (
                first + i,
                keras.layers.Embedding(1 + size, _width(size), name=f"code_{i}"),
            )
            for i, size in enumerate(task.static)
            if size
        ]
        coded = {column for column, _ in self.categories}
        self.numbers = [i for i in range(task.features) if i not in coded]
        self.farthest = [
            CODES if i in coded else FARTHEST for i in range(task.features)
        ]
        self.mean = self._constant("mean", "zeros")
        self.spread = self._constant("spread", "ones")

    def _constant(self, name: str, value: str) -> Any:
        return self.add_weight(
            shape=(self.task.features,), initializer=value, trainable=False, name=name
        )

    def scale(self, mean: Any, spread: Any) -> None:
        """Sets the constants of all columns [F]; 0 and 1 where none is scaled."""
        self.mean.assign(mean)
        self.spread.assign(spread)

    def carried(self, last: Any, x: Any) -> Any:
        """Coded rows of new steps [B, T, F], filled from the rows before.

        Args:
            last: the coded row before them, of the state [B, F].
            x: raw features [B, T, F], NaN = missing.
        """
        known = self.task.known
        coded = self._coded(x, 0, self.task.features)
        if known == self.task.features:
            return coded
        lasting = ops.concatenate([last[:, None, known:], coded[:, :, known:]], axis=1)
        step = ops.arange(ops.shape(lasting)[1], dtype="int32")
        source = ops.stack(
            [
                latest(lasting[:, :, i] != 0, step, spacing=1)
                for i in range(self.task.features - known)
            ],
            axis=2,
        )
        filled = ops.take_along_axis(lasting, ops.maximum(source, 0), axis=1)
        return ops.concatenate([coded[:, :, :known], filled[:, 1:]], axis=2)

    def now(self, coded: Any) -> Any:
        """What is seen of a step itself [B, T, ...], from coded rows [B, T, F]."""
        numbers = np.array(self.numbers, np.int32)
        given = numbers[numbers >= self.task.calendar]
        parts = [
            ops.take(coded, numbers, axis=2),
            ops.cast(ops.take(coded, given, axis=2) != 0, "float32"),
        ]
        for column, embedding in self.categories:
            code = ops.cast(ops.round(coded[:, :, column]), "int32")
            usual = ops.logical_and(code > 0, code < embedding.input_dim)
            parts.append(embedding(ops.where(usual, code, 0)))
        return ops.concatenate(parts, axis=2)

    def ahead(self, x: Any) -> Any:
        """What is seen of a step in the future [..., K + futr].

        Args:
            x: raw features of such steps; columns behind the first K are ignored.
        """
        task = self.task
        coded = self._coded(x[..., : task.known], 0, task.known)
        given = ops.cast(coded[..., task.calendar :] != 0, "float32")
        return ops.concatenate([coded, given], axis=-1)

    def _coded(self, x: Any, first: int, end: int) -> Any:
        """Raw columns from `first` to before `end` as coded ones."""
        missing = ops.isnan(x)
        number = ops.where(missing, 0.0, x)
        scaled = (number - self.mean[first:end]) / self.spread[first:end]
        limit = ops.convert_to_tensor(self.farthest[first:end], "float32")
        scaled = ops.clip(scaled, -limit, limit)
        scaled = ops.where(scaled == 0, LEAST, scaled)
        return ops.where(missing, 0.0, scaled)


def _width(categories: int) -> int:
    """The numbers an embedding gives each category."""
    return min(EMBEDDING_UNITS, 1 + categories // 2)
