"""A training under way: what it has learnt, how far it is, which weights were best.

A session can be kept as a snapshot after any step, and another process that restores it
goes on as if nothing had happened.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.batches import Batch
from forecaster.checkpoint import Snapshot
from forecaster.errors import TrainingError
from forecaster.network import Network
from forecaster.pacing import NOTHING, Pace, Spent
from forecaster.planning import Plan
from forecaster.trainer import Trainer

PATIENCE = 4  # validations without a better score before training stops
CHECKED = 10  # steps from one look at the loss to the next


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one step learns from.

    Attributes:
        batch: a chunk of every lane.
        forgotten: lanes whose recurrent state is zeroed before [B].
    """

    batch: Batch
    forgotten: NDArray[np.bool_]


class Session:
    """One training, from its first step or from a snapshot on."""

    def __init__(
        self, network: Network, plan: Plan, snapshot: Snapshot | None = None
    ) -> None:
        """Begins, or goes on.

        Raises:
            TrainingError: the snapshot is that of another network.
        """
        self.trainer = Trainer(network, plan)
        self.best = Best(network)
        self.steps, spent = 0, NOTHING
        if snapshot is not None:
            facts = snapshot.facts
            self.trainer.restore(snapshot.arrays)
            self.best.restore(snapshot.arrays, facts["best"])
            self.steps, spent = facts["steps"], Spent(**facts["spent"])
        self.pace = Pace(plan.schedule, spent)

    def step(self, lesson: Lesson) -> float:
        """One step; returns the loss before it.

        Raises:
            TrainingError: the loss is not finite.
        """
        rate = self.pace.learning_rate(self.steps)
        loss = self.trainer.step(lesson.batch, rate, lesson.forgotten)
        if self.steps % CHECKED == 0:
            check_finite(self.steps, loss)
        self.pace.stepped()
        self.steps += 1
        return loss

    @property
    def due(self) -> bool:
        """Whether to validate now."""
        return self.pace.validation_due(self.steps)

    def validate(self, held_out: list[Batch]) -> None:
        """Scores the averaged weights, and keeps them if they are the best."""
        before = self.pace.seconds
        self.best.consider(self.trainer.validate(held_out), self.trainer.average)
        self.pace.validated(self.steps, self.pace.seconds - before)

    @property
    def ended(self) -> bool:
        """Whether the steps, the time or the patience have ended; ask after validating."""
        return self.pace.done(self.steps) >= 1.0 or self.best.since >= PATIENCE

    def snapshot(self) -> Snapshot:
        """All that is needed to go on from here."""
        return Snapshot(
            arrays={**self.trainer.arrays(), **self.best.arrays()},
            facts={
                "steps": self.steps,
                "spent": asdict(self.pace.spent),
                "best": {"loss": self.best.loss, "since": self.best.since},
            },
        )


class Best:
    """The averaged weights with the best validation so far, or the last without any."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.loss: float | None = None
        self.weights = [variable.numpy() for variable in network.trainable_variables]
        self.since = 0

    def consider(self, loss: float | None, weights: list[Any]) -> None:
        """Keeps the weights if they scored better, or if there is nothing to score."""
        if self.loss is None or (loss is not None and loss < self.loss):
            self.loss, self.since = loss, 0
            self.weights = [weight.numpy() for weight in weights]
        else:
            self.since += 1

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights by name."""
        return {f"best.{i}": weight for i, weight in enumerate(self.weights)}

    def restore(
        self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
    ) -> None:
        """Goes on from what `arrays` gave."""
        self.loss, self.since = facts["loss"], facts["since"]
        self.weights = [arrays[name] for name in self.arrays()]

    def hand_over(self) -> None:
        """Puts the weights into the network."""
        for variable, weight in zip(
            self.network.trainable_variables, self.weights, strict=True
        ):
            variable.assign(weight)


def check_finite(steps: int, loss: float) -> None:
    """Raises `TrainingError` for a loss that is not finite."""
    if not np.isfinite(loss):
        raise TrainingError(
            f"step {steps}: expected a finite loss, got {loss}. Lower learning_rate in "
            "[training] of the configuration."
        )
