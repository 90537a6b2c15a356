"""What covariates known ahead do to a forecast: one small net for each step ahead.

It sees the features of the step itself, those of the step one season before, which is
where the seasonal naive forecast comes from, and what the network knows of the series.
Letters: B batch, T origins, H horizon, m season length, Q quantiles.
"""

from typing import Any

import keras
from keras import ops

from forecaster.config import Task

UNITS = 48


@keras.saving.register_keras_serializable("forecaster")
class Outlook(keras.layers.Layer):
    """Corrections of the quantiles of each step ahead, nothing before training."""

    def __init__(self, task: Task, **options: Any) -> None:
        super().__init__(**options)
        self.task = task
        dense = keras.layers.Dense
        self.then = dense(UNITS, name="then")
        self.before = dense(UNITS, use_bias=False, name="before")
        self.series = dense(UNITS, use_bias=False, name="series")
        self.out = dense(len(task.quantiles), kernel_initializer="zeros", name="out")

    def call(self, hidden: Any, past: Any, ahead: Any) -> Any:
        """Corrections [B, T, H, Q].

        Args:
            hidden: what is known of the series [B, T, D].
            past: coded covariates of the last m steps [B, T, m * futr], the newest last.
            ahead: what is seen of the steps ahead [B, T, H, ...].
        """
        task = self.task
        place = ops.mod(ops.arange(task.horizon, dtype="int32"), task.season_length)
        shape = (-1, ops.shape(hidden)[1], task.season_length, task.futr)
        before = ops.take(ops.reshape(past, shape), place, axis=2)
        given = ops.cast(before != 0, "float32")
        mixed = (
            self.then(ahead)
            + self.before(ops.concatenate([before, given], axis=3))
            + self.series(hidden)[:, :, None]
        )
        return self.out(ops.gelu(mixed))


def windows(past: Any, rows: Any, length: int) -> Any:
    """The last rows after each new step, as one vector each [B, T, length * futr].

    Args:
        past: rows before the new ones [B, length * futr], the newest last.
        rows: new rows [B, T, futr].
        length: how many rows are kept.
    """
    width = rows.shape[2]
    lanes, steps = ops.shape(rows)[0], ops.shape(rows)[1]
    held = ops.concatenate([ops.reshape(past, (lanes, length, width)), rows], axis=1)
    first = ops.arange(steps, dtype="int32")[:, None] + 1
    index = first + ops.arange(length, dtype="int32")[None, :]
    return ops.reshape(ops.take(held, index, axis=1), (lanes, steps, length * width))
