"""How far training has come, how fast it learns, and when it looks at the held-out end.

Progress counts by steps or by time, whichever is further. As long as the steps lead,
nothing here depends on the clock, so that a seed repeats a training.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from forecaster.config import Schedule

WARM_UP_STEPS = 50
LEAST_RATE = 1e-3  # share of the learning rate that is left at the end
VALIDATIONS = 10
# Share of the training time that validation may take, about, and what a step of it
# costs beside a step of training: it has no way back.
VALIDATION_SHARE = 0.15
VALIDATION_COST = 1 / 3
LARGEST_VALIDATION = 200_000  # steps: more of them would tell no more
LEAST_VALIDATION = 5_000  # steps: fewer would tell nothing, and cost next to nothing


def validation_steps(schedule: Schedule) -> int:
    """How many steps one validation may walk, by the work that training plans.

    >>> validation_steps(Schedule(steps=1000, lanes=64, chunk=64))
    184320
    """
    work = schedule.steps * schedule.lanes * schedule.chunk
    affordable = VALIDATION_SHARE / VALIDATION_COST / VALIDATIONS * work
    return max(LEAST_VALIDATION, min(int(affordable), LARGEST_VALIDATION))


@dataclass(frozen=True, slots=True)
class Spent:
    """What a training has used of its time, in seconds, and when it validates next."""

    seconds: float = 0.0
    compiling_s: float = 0.0
    validating_s: float = 0.0
    next_validation: float = 1.0 / VALIDATIONS  # share of the way


NOTHING = Spent()


class Pace:
    """The progress of one training."""

    def __init__(
        self,
        schedule: Schedule,
        spent: Spent = NOTHING,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins, or goes on after what was spent by an earlier process."""
        self.schedule = schedule
        self.now = now
        self.earlier = spent
        self.started = now() - spent.seconds
        self.compiled_s: float | None = None  # of this process too, once it has
        self.validating_s = spent.validating_s
        self.next_validation = spent.next_validation

    @property
    def seconds(self) -> float:
        """Time since training began, without that between two processes."""
        return self.now() - self.started

    @property
    def spent(self) -> Spent:
        """What a later process needs to go on from here."""
        return Spent(
            self.seconds, self.compiling_s, self.validating_s, self.next_validation
        )

    @property
    def compiling_s(self) -> float:
        """Time spent before a first step had ended; until then all of this process."""
        if self.compiled_s is None:
            return self.earlier.compiling_s + self.seconds - self.earlier.seconds
        return self.compiled_s

    def stepped(self) -> None:
        """Notes the end of a step; the first one compiled the graph on its way."""
        self.compiled_s = self.compiling_s

    def done(self, steps: int) -> float:
        """Share of the way after so many steps, 1 or more at the end."""
        return max(steps / self.schedule.steps, self._by_time())

    def learning_rate(self, steps: int) -> float:
        """The rate of the step after so many: linear warm-up, then half a cosine down."""
        warm = min(1.0, (steps + 1) / WARM_UP_STEPS)
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, self.done(steps + 1))))
        return self.schedule.learning_rate * max(warm * cosine, LEAST_RATE)

    def validation_due(self, steps: int) -> bool:
        """Whether to look at the held-out end after so many steps; at the end always."""
        done = self.done(steps)
        short = self._by_time() > steps / self.schedule.steps
        dear = self.validating_s > VALIDATION_SHARE * self.seconds
        return done >= 1.0 or (done >= self.next_validation and not (short and dear))

    def validated(self, steps: int, seconds: float) -> None:
        """Notes a validation that took so long; what it made late is not caught up."""
        self.validating_s += seconds
        self.next_validation = (
            math.floor(self.done(steps) * VALIDATIONS) + 1
        ) / VALIDATIONS

    def _by_time(self) -> float:
        """Share of the time, from the end of the first step on, that has gone by.

        Compiling is no progress: counted, it would go before the steps for a while.
        """
        limit = self.schedule.max_time_s
        if self.seconds >= limit:
            return 1.0
        return (self.seconds - self.compiling_s) / (limit - self.compiling_s)
