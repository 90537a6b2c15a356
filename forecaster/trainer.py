"""The compiled steps of training, and the state that is carried between them.

TensorFlow and not Keras' `fit`: the state goes from batch to batch as an argument and a
result, the loss is weighted and never masked, and the gradients are clipped by us.
Letters: B lanes, T steps of a chunk, H horizon, Q quantiles.
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from forecaster import memory
from forecaster.batches import Batch
from forecaster.errors import TrainingError
from forecaster.network import Network
from forecaster.planning import Plan

AVERAGE = 0.99  # largest decay of the moving average of the weights
ORIGIN_STRIDE = 4  # steps between the origins of a chunk whose forecasts are trained
CLIP = 1.0  # global norm of the gradients
WEIGHT_DECAY = 1e-4

Tensors = tuple[Any, Any, Any, Any, Any]  # a batch in the order of the loss


class Trainer:
    """The network with its optimiser, its averaged weights and the carried state."""

    def __init__(self, network: Network, plan: Plan) -> None:
        self.network = network
        self.plan = plan
        self.variables = network.trainable_variables
        self.average = [tf.Variable(variable) for variable in self.variables]
        self.optimizer = keras.optimizers.AdamW(
            learning_rate=plan.schedule.learning_rate, weight_decay=WEIGHT_DECAY
        )
        self.optimizer.build(self.variables)
        self.state = tf.zeros((plan.schedule.lanes, network.state_size))
        self._train = tf.function(self._train_step, reduce_retracing=True)
        self._score = tf.function(self._score_batch, reduce_retracing=True)

    def step(self, batch: Batch, learning_rate: float, forgotten: Any) -> float:
        """One update; returns the loss before it."""
        self.optimizer.learning_rate = learning_rate
        if batch.handed_on:
            self.state = tf.roll(self.state, 1, axis=0)
        self.state, loss = self._train(
            self.state,
            _tensors(batch),
            tf.constant(batch.reset),
            tf.constant(forgotten),
        )
        return float(loss)

    def validate(self, batches: list[Batch]) -> float | None:
        """The loss of the averaged weights on held-out origins; None if no target is known."""
        trained = [variable.numpy() for variable in self.variables]
        self._assign(self.average)
        loss = self.score(batches)
        self._assign(trained)
        return loss

    def score(self, batches: list[Batch]) -> float | None:
        """The loss of the network as it is on held-out origins; None if none is known."""
        state = tf.zeros((len(batches[0].reset), self.network.state_size))
        total = count = 0.0
        for batch in batches:
            state, loss, weight = self._score(
                state, _tensors(batch), tf.constant(batch.reset)
            )
            total, count = total + float(loss), count + float(weight)
        return total / count if count else None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that a later step depends on: weights, average, optimiser, state."""
        kept = {name: variable.numpy() for name, variable in self._kept().items()}
        return {**kept, "state": self.state.numpy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from what `arrays` gave.

        Raises:
            TrainingError: the arrays are those of another network.
        """
        kept = self._kept()
        shapes = {name: tuple(variable.shape) for name, variable in kept.items()}
        shapes["state"] = tuple(self.state.shape)
        given = {name: arrays[name].shape for name in shapes if name in arrays}
        if given != shapes:
            raise TrainingError(
                "the checkpoint: expected the weights of this network, got those of "
                "another, perhaps of another release. Train with --fresh."
            )
        for name, variable in kept.items():
            variable.assign(arrays[name])
        self.state = tf.constant(arrays["state"])

    def _kept(self) -> dict[str, Any]:
        """Every variable by a name of its own."""
        groups = {
            "weight": self.network.variables,
            "average": self.average,
            "optimizer": self.optimizer.variables,
        }
        return {
            f"{group}.{i}": variable
            for group, variables in groups.items()
            for i, variable in enumerate(variables)
        }

    def _assign(self, weights: list[Any]) -> None:
        for variable, weight in zip(self.variables, weights, strict=True):
            variable.assign(weight)

    def _train_step(
        self, state: Any, batch: Tensors, reset: Any, forgotten: Any
    ) -> tuple[Any, Any]:
        live = tf.reduce_any(batch[3] > 0, axis=1)[:, None]  # the others have ended
        before = state
        state = self._forget(tf.where(reset[:, None], 0.0, state), forgotten)
        with tf.GradientTape() as tape:
            total, count, state = self._loss(state, batch, training=True)
            loss = total / tf.maximum(count, 1.0)
        gradients = tape.gradient(loss, self.variables)
        gradients, _ = tf.clip_by_global_norm(gradients, CLIP)
        decay = average_decay(tf.cast(self.optimizer.iterations.value, tf.float32))
        self.optimizer.apply(gradients, self.variables)
        for mean, variable in zip(self.average, self.variables, strict=True):
            mean.assign(decay * mean + (1.0 - decay) * variable)
        return tf.where(live, tf.stop_gradient(state), before), loss

    def _score_batch(
        self, state: Any, batch: Tensors, reset: Any
    ) -> tuple[Any, Any, Any]:
        state = tf.where(reset[:, None], 0.0, state)
        total, count, state = self._loss(state, batch, training=False)
        return state, total, count

    def _forget(self, state: Any, forgotten: Any) -> Any:
        """Zeroes the recurrent part of some lanes; what they remember exactly stays."""
        exact = self.network.exact_size
        recurrent = tf.where(forgotten[:, None], 0.0, state[:, exact:])
        return tf.concat([state[:, :exact], recurrent], axis=1)

    def _loss(
        self, state: Any, batch: Tensors, *, training: bool
    ) -> tuple[Any, Any, Any]:
        """Pinball loss (its sum, its weight) and the state after the chunk."""
        y, x, known, weight, unit = batch
        steps, network = self.plan.schedule.chunk, self.network
        view, state = network.observe(state, y[:, :steps], x, training=training)
        ahead = network.ahead(known, steps)
        targets = network.ahead(y[..., None], steps)  # [B, T, H, 1]
        if training:
            done = tf.cast(self.optimizer.iterations.value, tf.int64)
            chance = tf.stack([tf.constant(self.plan.schedule.seed, tf.int64), done])
            origins = _some_origins(steps, chance)
            view, ahead, targets, weight = tf.nest.map_structure(
                lambda all_of: tf.gather(all_of, origins, axis=1),
                (view, ahead, targets, weight),
            )
        frames = view.frames
        scaled = network.read(view, ahead, training=training)
        missing = tf.math.is_nan(targets)
        bent = memory.bend(frames, tf.where(missing, 0.0, targets))
        level, scale = frames.level[..., None], frames.scale[..., None]
        # An error counts in the larger of two units, the scale of the moment and the
        # series' own ordinary error, so that neither a quiet nor a wild stretch rules.
        unit = unit[:, None, None, None] / scale
        error = ((bent - level) / scale - scaled) / tf.maximum(1.0, unit)
        known = tf.where(missing[..., 0], 0.0, weight[..., None])
        loss = pinball(error, self.plan.task.quantiles)
        return tf.reduce_sum(loss * known), tf.reduce_sum(known), state


def _some_origins(steps: int, chance: Any) -> Any:
    """Every fourth step of a chunk, from one on that chance [2] decides.

    Neighbouring origins share nearly all of their targets; forecasting at each of them
    doubles the time of a step and hardly changes its gradient.
    """
    first = tf.random.stateless_uniform(
        (), chance, 0, min(ORIGIN_STRIDE, steps), tf.int32
    )
    return tf.range(first, steps, ORIGIN_STRIDE)


def average_decay(updates: Any) -> Any:
    """Decay of the moving average after so many updates; it rises from 0.1.

    A constant decay would keep a part of the untrained weights for long: 5 % of them
    after 300 updates at 0.99.
    """
    return tf.minimum(AVERAGE, (1.0 + updates) / (10.0 + updates))


def pinball(error: Any, levels: tuple[float, ...]) -> Any:
    """Mean over quantiles of twice the pinball loss, of errors [..., Q].

    At the median alone it is the absolute error (Koenker and Bassett, 1978).
    """
    level = tf.constant(levels, tf.float32)
    return 2.0 * tf.reduce_mean(tf.maximum(level * error, (level - 1.0) * error), -1)


def _tensors(batch: Batch) -> Tensors:
    """The arrays of a batch as tensors, in the order of the loss."""
    y, x, ahead, weight, unit = (
        tf.constant(array, tf.float32)
        for array in (batch.y, batch.x, batch.ahead, batch.weight, batch.unit)
    )
    return y, x, ahead, weight, unit
