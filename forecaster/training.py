"""The training loop: lanes in, weights out.

The network is trained as it is served: on contiguous sequences, with the state carried
from batch to batch and the loss taken at every step. The weights that are kept are a
moving average of the trained ones, taken where held-out origins were forecast best.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from forecaster.batches import Batch, Split
from forecaster.calendar import learnable
from forecaster.checkpoint import Checkpoint, Snapshot
from forecaster.config import Schedule
from forecaster.errors import TrainingError
from forecaster.gaps import Gaps
from forecaster.network import Network
from forecaster.pacing import validation_steps
from forecaster.planning import Plan
from forecaster.prefetch import prefetched
from forecaster.progress import Display, Show, progress
from forecaster.session import Lesson, Session, check_finite
from forecaster.trainer import Trainer

FORGET = 0.03  # share of lanes whose recurrent state is zeroed before a step
PLAIN = 1.005  # seasonal naive stays where nothing is better by more than this
CLEAR = 1.02  # the same, for 0 and for 1, where training goes on with what is held out
BOLDNESS = (0.0, 0.25, 0.5, 0.75)  # tried beside 1
# Training goes on with the held-out end where that is such a share of all steps; for this
# share of the steps before, at this share of their learning rate.
FINISH_SHARE, FINISH_STEPS, FINISH_RATE = 0.03, 0.4, 0.4
COLD = 0.01  # share of lanes that start as if the series had just begun
VALIDATION_LANES = 64
CHECKPOINT_S = 30.0


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network and how it came about."""

    network: Network
    validation_loss: float | None  # None when no held-out value is known
    steps: int
    seconds: float
    device: str


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a training keeps itself, and what it goes on from, if anything."""

    checkpoint: Checkpoint
    snapshot: Snapshot | None = None


def device_name() -> str:
    """The device TensorFlow trains on: the first GPU, else the CPU with its cores."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU ({details.get('device_name', 'unnamed')})"
    return f"CPU ({os.cpu_count()} cores)"


def train(
    split: Split,
    plan: Plan,
    *,
    silent: bool = False,
    show: Show | None = None,
    weights: list[NDArray[Any]] | None = None,
    resumption: Resumption | None = None,
) -> Trained:
    """Trains until the steps, the time or the patience end.

    Args:
        split: the data, its end held out.
        plan: task, architecture and schedule.
        silent: show no progress on stderr.
        show: takes the progress instead, if given.
        weights: of a network of the same shape, to begin with; None means by chance.
        resumption: where to keep checkpoints, and which one to go on from.

    Raises:
        TrainingError: when the loss is not finite, or the checkpoint of another network.
    """
    network = _network(split, plan, weights)
    snapshot = None if resumption is None else resumption.snapshot
    session = Session(network, plan, snapshot)
    held_out = _held_out(split, plan)
    if weights is not None and snapshot is None:
        session.validate(held_out)  # what training must beat
    lessons = islice(_lessons(split, plan.schedule), session.steps, None)
    with (
        progress("training", silent=silent, show=show) as display,
        prefetched(lessons) as prepared,
    ):
        kept_s = session.pace.seconds
        for lesson in prepared:
            loss = session.step(lesson)
            _show(display, session, loss)
            if session.due:
                session.validate(held_out)
                if session.ended:
                    break
            if resumption is not None and session.pace.seconds >= kept_s + CHECKPOINT_S:
                resumption.checkpoint.write(session.snapshot())
                kept_s = session.pace.seconds
    best = session.best
    if best.loss is not None:
        check_finite(session.steps, best.loss)
    best.hand_over()
    scored = best.loss
    if scored is not None:
        scored = _choose_boldness(
            session.trainer, held_out, scored, goes_on=unfinished(split)
        )
    return Trained(network, scored, session.steps, session.pace.seconds, device_name())


def finish(network: Network, split: Split, plan: Plan, steps: int) -> None:
    """Trains on with the held-out end among what is learned from.

    The newest values say most about what comes, and of short series the held-out end is a
    good part. What it could tell about when to stop it has told: a few more steps at a
    low rate, and no look back.

    Args:
        network: with the weights that held-out origins chose.
        split: as it was trained on.
        plan: as it was trained by.
        steps: how many steps that took.
    """
    chosen = float(network.head.boldness)
    # Corrections are learned in whole, as before: cut by half they would be doubled.
    network.head.boldness.assign(1.0)
    whole = replace(split, train_ends=split.panel.lengths)
    trainer = Trainer(network, plan)
    count = max(1, int(FINISH_STEPS * steps))
    lessons = islice(_lessons(whole, plan.schedule), count)
    for step, lesson in enumerate(lessons):
        rate = 0.5 * (1.0 + np.cos(np.pi * step / count))
        trainer.step(
            lesson.batch,
            FINISH_RATE * rate * plan.schedule.learning_rate,
            lesson.forgotten,
        )
    for variable, mean in zip(trainer.variables, trainer.average, strict=True):
        variable.assign(mean)
    network.head.boldness.assign(chosen)


def unfinished(split: Split) -> bool:
    """Whether so much is held out that training should go on with it."""
    learned, all_steps = split.train_ends.sum(), split.panel.lengths.sum()
    return bool(1.0 - learned / all_steps >= FINISH_SHARE)


def _network(split: Split, plan: Plan, weights: list[NDArray[Any]] | None) -> Network:
    """The network to be trained, its first weights by the seed or as given."""
    keras.utils.set_random_seed(plan.schedule.seed)
    gpu = bool(tf.config.list_physical_devices("GPU"))
    network = Network(plan.task, plan.architecture, cudnn=gpu)
    network.initialise()
    network.exogenous.scale(*split.covariates.constants(_told(split)))
    network.expect(split.spread(plan.task.ring), positive=split.positive)
    if weights is not None:
        _begin_with(network, weights)
        network.positive.assign(network.positive * float(split.positive))
    return network


def _begin_with(network: Network, weights: list[NDArray[Any]]) -> None:
    """Puts weights into a network, in the order of its own."""
    wanted = [tuple(variable.shape) for variable in network.weights]
    given = [weight.shape for weight in weights]
    if given != wanted:
        raise TrainingError(
            f"the weights to begin with: expected {len(wanted)} of the shapes {wanted}, "
            f"got {len(given)} of {given}. They are of another network: train without --from."
        )
    for variable, weight in zip(network.weights, weights, strict=True):
        variable.assign(weight)
    network.head.boldness.assign(1.0)  # chosen anew when training has ended


def _choose_boldness(
    trainer: Trainer, held_out: list[Batch], loss: float, *, goes_on: bool
) -> float:
    """Sets how far forecasts may leave the seasonal naive ones; the loss it gives.

    Where the future is a walk at random every correction is noise, learned from the past;
    held-out origins tell so, though not which part of it. Of a network that `goes_on` to
    learn from them they tell less: there only what is clearly better than either end counts.
    """
    scores = {1.0: loss}
    for boldness in BOLDNESS:
        trainer.network.head.boldness.assign(boldness)
        score = trainer.score(held_out)
        scores[boldness] = np.inf if score is None else score
    chosen = min(scores, key=lambda boldness: scores[boldness])
    best = scores[chosen]
    if goes_on and scores[1.0] <= CLEAR * best:
        chosen = 1.0
    if scores[0.0] <= (CLEAR if goes_on else PLAIN) * best:
        chosen = 0.0
    trainer.network.head.boldness.assign(chosen)
    return scores[chosen]


def _told(split: Split) -> NDArray[np.bool_]:
    """The columns of the calendar that the longest series tells about."""
    panel = split.panel
    longest = int(np.argmax(panel.lengths))
    ends = panel.times_of(longest)[[0, -1]]
    span = np.timedelta64(0, "s") if panel.frequency.is_integer else ends[1] - ends[0]
    return learnable(panel.frequency, span, split.covariates.holidays)


def _held_out(split: Split, plan: Plan) -> list[Batch]:
    """The batches of a validation."""
    chunk = plan.schedule.chunk
    warm = max(2 * plan.task.ring, 2 * chunk)
    most = validation_steps(plan.schedule)
    return list(split.validation(warm, VALIDATION_LANES, chunk, most))


def _lessons(split: Split, schedule: Schedule) -> Iterator[Lesson]:
    """Lessons without end, the same ones for the same seed."""
    rng = np.random.default_rng(schedule.seed)
    gaps = Gaps(split, schedule.lanes, rng)
    for batch in split.training(schedule.lanes, schedule.chunk, rng):
        cold = batch.reset | _struck(COLD, rng, schedule.lanes)
        incomplete = gaps.made_in(replace(batch, reset=cold))
        yield Lesson(incomplete, _struck(FORGET, rng, schedule.lanes))


def _struck(share: float, rng: np.random.Generator, lanes: int) -> NDArray[np.bool_]:
    """Some lanes, drawn at random [B]."""
    return rng.random(lanes) < share


def _show(display: Display | None, session: Session, loss: float) -> None:
    if display is not None:
        best = session.best.loss
        known = "" if best is None else f", validation {best:.4f}"
        message = f"step {session.steps}, loss {loss:.4f}{known}"
        display.show(session.pace.done(session.steps), message)
