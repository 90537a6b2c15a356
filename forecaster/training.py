"""The training loop: lanes in, weights out.

The network is trained as it is served: on contiguous sequences, with the state carried
from batch to batch and the loss taken at every step. The weights that are kept are a
moving average of the trained ones, taken where held-out origins were forecast best.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from forecaster.batches import Batch, Split
from forecaster.config import Schedule
from forecaster.errors import TrainingError
from forecaster.network import Network
from forecaster.planning import Plan
from forecaster.progress import progress
from forecaster.trainer import Trainer

WARM_UP_STEPS = 50
FORGET = 0.03  # share of lanes forgotten at each step, so that cold starts are trained
VALIDATIONS = 10
PATIENCE = 4  # validations without a better score before training stops


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network and how it came about."""

    network: Network
    validation_loss: float
    steps: int
    seconds: float
    device: str


def device_name() -> str:
    """The device TensorFlow trains on: the first GPU, else the CPU with its cores."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU ({details.get('device_name', 'unnamed')})"
    return f"CPU ({os.cpu_count()} cores)"


def train(split: Split, plan: Plan, *, silent: bool = False) -> Trained:
    """Trains until the steps, the time or the patience end.

    Args:
        split: the data, its end held out.
        plan: task, architecture and schedule.
        silent: show no progress on stderr.

    Raises:
        TrainingError: when the loss is not finite.
    """
    schedule = plan.schedule
    keras.utils.set_random_seed(schedule.seed)
    gpu = bool(tf.config.list_physical_devices("GPU"))
    network = Network(plan.task, plan.architecture, cudnn=gpu)
    network.initialise()
    trainer = Trainer(network, plan)
    started = time.monotonic()
    warm = max(2 * plan.task.ring, 2 * schedule.chunk)
    held_out = list(split.validation(warm, 64, schedule.chunk))
    clock = _Clock(schedule, started)
    best = _Best(network)
    rng = np.random.default_rng(schedule.seed)
    with progress("training", silent=silent) as display:
        for step, batch in enumerate(_epochs(split, schedule, rng)):
            done = clock.done(step)
            loss = trainer.step(
                batch, clock.learning_rate(step), _forgotten(batch, rng)
            )
            if step % 10 == 0 and not np.isfinite(loss):
                raise _diverged(step, loss)
            if best.due(done, step):
                best.consider(trainer.validate(held_out), trainer.average)
            if display is not None:
                known = f", validation {best.loss:.4f}" if best.seen else ""
                display.show(done, f"step {step + 1}, loss {loss:.4f}{known}")
            if done >= 1.0 or best.stale:
                break
    if not np.isfinite(best.loss):
        raise _diverged(step, best.loss)
    best.restore()
    return Trained(
        network, best.loss, step + 1, time.monotonic() - started, device_name()
    )


def _diverged(step: int, loss: float) -> TrainingError:
    return TrainingError(
        f"step {step}: expected a finite loss, got {loss}. Lower learning_rate in "
        "[training] of the configuration."
    )


def _epochs(
    split: Split, schedule: Schedule, rng: np.random.Generator
) -> Iterator[Batch]:
    """Batches without end, epoch after epoch; those nearly all idle are left out."""
    while True:
        for batch in split.training(schedule.lanes, schedule.chunk, rng):
            if batch.weight.any(axis=1).mean() >= 0.5:
                yield batch


def _forgotten(batch: Batch, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Lanes whose recurrent state is zeroed before this batch [B]."""
    return rng.random(len(batch.reset)) < FORGET


@dataclass(frozen=True, slots=True)
class _Clock:
    """How far training has come, by steps or by time, whichever is further."""

    schedule: Schedule
    started: float

    def done(self, step: int) -> float:
        """Share of the way at the end of a step, 1 or more at the end."""
        by_time = (time.monotonic() - self.started) / self.schedule.max_time_s
        return max((step + 1) / self.schedule.steps, by_time)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a half cosine down to nearly nothing."""
        warm = min(1.0, (step + 1) / WARM_UP_STEPS)
        cosine = 0.5 * (1.0 + np.cos(np.pi * min(1.0, self.done(step))))
        return float(self.schedule.learning_rate * max(warm * cosine, 1e-3))


class _Best:
    """The weights with the best validation score so far."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.loss = float("inf")
        self.weights = [variable.numpy() for variable in network.trainable_variables]
        self.seen = 0
        self.since = 0

    def due(self, done: float, step: int) -> bool:
        """Whether it is time to validate again."""
        return done * VALIDATIONS >= self.seen + 1 or done >= 1.0

    @property
    def stale(self) -> bool:
        """Whether the score has not improved for long."""
        return self.since >= PATIENCE

    def consider(self, loss: float, weights: list[Any]) -> None:
        """Keeps the weights if they scored better."""
        self.seen += 1
        self.since += 1
        if loss < self.loss or self.seen == 1:
            self.loss, self.since = loss, 0
            self.weights = [weight.numpy() for weight in weights]

    def restore(self) -> None:
        """Puts the best weights into the network."""
        for variable, weight in zip(
            self.network.trainable_variables, self.weights, strict=True
        ):
            variable.assign(weight)
