"""What covariates known ahead do to a forecast: one small net for each step ahead.

It sees the features of the step itself, those of the steps one season and one cycle before,
which is where the simple forecasts come from, and what the network knows of the series.
Letters: B batch, T origins, H horizon, M cycle, Q quantiles.
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

    def call(self, hidden: Any, before: Any, ahead: Any) -> Any:
        """Corrections [B, T, H, Q].

        Args:
            hidden: what is known of the series [B, T, D].
            before: coded covariates of earlier steps, as `before` gives them.
            ahead: what is seen of the steps ahead [B, T, H, ...].
        """
        return self.finished(self.prepared(hidden, before), ahead)

    def prepared(self, hidden: Any, before: Any) -> Any:
        """What the features of some steps ahead will meet [B, T, K, U].

        Args:
            hidden: what is known of the series [B, T, D].
            before: coded covariates of earlier steps, as `before` gives them, of K of
                the steps ahead.
        """
        given = ops.cast(before != 0, "float32")
        met = self.before(ops.concatenate([before, given], axis=3))
        return met + self.series(hidden)[:, :, None]

    def finished(self, prepared: Any, ahead: Any) -> Any:
        """Corrections [..., Q] of steps whose features are seen [..., ...]."""
        return self.out(ops.gelu(self.then(ahead) + prepared))


def before(rows: Any, steps: Any, task: Task) -> Any:
    """Rows one season and one cycle before each step ahead [B, T, H, 1 or 2 of futr].

    Args:
        rows: coded covariates of the M steps before the T new ones, and of these
            [B, M + T, futr].
        steps: T.
        task: horizon, season and cycle.
    """
    step = ops.arange(steps, dtype="int32")[:, None] + 1
    ahead = ops.arange(task.horizon, dtype="int32")[None, :]
    found = [
        ops.take(rows, task.cycle - season + step + ops.mod(ahead, season), axis=1)
        for season in sorted({task.season_length, task.cycle})
    ]
    return ops.concatenate(found, axis=3)
