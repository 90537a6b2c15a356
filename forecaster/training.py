"""The training loop: lanes in, weights out.

The network is trained as it is served: on contiguous sequences, with the state carried
from batch to batch and the loss taken at every step. The weights that are kept are a
moving average of the trained ones, taken where held-out origins were forecast best.
"""

import os
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from forecaster.batches import Batch, Split
from forecaster.calendar import learnable
from forecaster.errors import TrainingError
from forecaster.gaps import Gaps
from forecaster.network import Network
from forecaster.pacing import Pace, validation_steps
from forecaster.planning import Plan
from forecaster.progress import progress
from forecaster.trainer import Trainer

FORGET = 0.03  # share of lanes whose recurrent state is zeroed before a step
BOLDNESS = (0.0, 0.25, 0.5, 0.75)  # tried beside 1
COLD = 0.01  # share of lanes that start as if the series had just begun
VALIDATION_LANES = 64
PATIENCE = 4  # validations without a better score before training stops


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network and how it came about."""

    network: Network
    validation_loss: float | None  # None when no held-out value is known
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
    network.exogenous.scale(*split.covariates.constants(_told(split)))
    trainer = Trainer(network, plan)
    pace = Pace(schedule)
    warm = max(2 * plan.task.ring, 2 * schedule.chunk)
    most = validation_steps(schedule)
    held_out = list(split.validation(warm, VALIDATION_LANES, schedule.chunk, most))
    best = _Best(network)
    rng = np.random.default_rng(schedule.seed)
    batches = split.training(schedule.lanes, schedule.chunk, rng)
    gaps = Gaps(split, schedule.lanes, rng)
    with progress("training", silent=silent) as display:
        for steps, batch in enumerate(batches, start=1):
            cold = batch.reset | _struck(COLD, rng, schedule.lanes)
            loss = trainer.step(
                gaps.made_in(replace(batch, reset=cold)),
                pace.learning_rate(steps - 1),
                _struck(FORGET, rng, schedule.lanes),
            )
            pace.stepped()
            if steps % 10 == 1 and not np.isfinite(loss):
                raise _diverged(steps, loss)
            if display is not None:
                known = "" if best.loss is None else f", validation {best.loss:.4f}"
                message = f"step {steps}, loss {loss:.4f}{known}"
                display.show(pace.done(steps), message)
            if pace.validation_due(steps):
                before = pace.seconds
                best.consider(trainer.validate(held_out), trainer.average)
                pace.validated(steps, pace.seconds - before)
                if pace.done(steps) >= 1.0 or best.stale:
                    break
    if best.loss is not None and not np.isfinite(best.loss):
        raise _diverged(steps, best.loss)
    best.restore()
    scored = best.loss
    if scored is not None:
        scored = _choose_boldness(trainer, held_out, scored)
    return Trained(network, scored, steps, pace.seconds, device_name())


def _choose_boldness(trainer: Trainer, held_out: list[Batch], loss: float) -> float:
    """Sets how far forecasts may leave the seasonal naive ones; the loss it gives.

    Where the future is a walk at random every correction is noise, learned from the past;
    held-out origins tell so, though not which part of it.
    """
    scores = {1.0: loss}
    for boldness in BOLDNESS:
        trainer.network.boldness.assign(boldness)
        score = trainer.score(held_out)
        scores[boldness] = np.inf if score is None else score
    chosen = min(scores, key=lambda boldness: scores[boldness])
    trainer.network.boldness.assign(chosen)
    return scores[chosen]


def _told(split: Split) -> NDArray[np.bool_]:
    """The columns of the calendar that the longest series tells about."""
    panel = split.panel
    longest = int(np.argmax(panel.lengths))
    ends = panel.times_of(longest)[[0, -1]]
    span = np.timedelta64(0, "s") if panel.frequency.is_integer else ends[1] - ends[0]
    return learnable(panel.frequency, span, split.covariates.holidays)


def _diverged(step: int, loss: float) -> TrainingError:
    return TrainingError(
        f"step {step}: expected a finite loss, got {loss}. Lower learning_rate in "
        "[training] of the configuration."
    )


def _struck(share: float, rng: np.random.Generator, lanes: int) -> NDArray[np.bool_]:
    """Some lanes, drawn at random [B]."""
    return rng.random(lanes) < share


class _Best:
    """The averaged weights with the best validation so far, or the last without any."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.loss: float | None = None
        self.weights = [variable.numpy() for variable in network.trainable_variables]
        self.since = 0

    @property
    def stale(self) -> bool:
        """Whether the score has not improved for long."""
        return self.since >= PATIENCE

    def consider(self, loss: float | None, weights: list[Any]) -> None:
        """Keeps the weights if they scored better, or if there is nothing to score."""
        if self.loss is None or (loss is not None and loss < self.loss):
            self.loss, self.since = loss, 0
            self.weights = [weight.numpy() for weight in weights]
        else:
            self.since += 1

    def restore(self) -> None:
        """Puts the best weights into the network."""
        for variable, weight in zip(
            self.network.trainable_variables, self.weights, strict=True
        ):
            variable.assign(weight)
