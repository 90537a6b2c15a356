"""The pace of training: by steps or by time, and how much of it validation may take."""

from itertools import pairwise

import pytest

from forecaster.config import Schedule
from forecaster.pacing import LEAST_VALIDATION, VALIDATION_SHARE, Pace, validation_steps


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def pace(steps: int = 1000, max_time_s: float = 100.0) -> tuple[Pace, Watch]:
    """A training that has just begun, and its clock."""
    watch = Watch()
    schedule = Schedule(steps=steps, lanes=4, chunk=8, max_time_s=max_time_s)
    return Pace(schedule, now=watch), watch


def walk(step_s: float, validation_s: float, **schedule: float) -> list[int]:
    """The steps after which a training validates, to its end."""
    made, watch = pace(**schedule)  # type: ignore[arg-type] - steps and max_time_s
    validated, steps = [], 0
    while made.done(steps) < 1.0:
        steps += 1
        watch.seconds += step_s
        made.stepped()
        if made.validation_due(steps):
            watch.seconds += validation_s
            made.validated(steps, validation_s)
            validated.append(steps)
    return validated


def test_validations_are_spread_evenly() -> None:
    """While steps lead, the held-out end is looked at after each tenth of them."""
    assert walk(0.001, 0.001) == [*range(100, 1001, 100)]


def test_by_steps_the_clock_changes_nothing() -> None:
    """A slow start, a hesitation or a dear validation leave rates and validations alike."""
    quick, slow = pace(), pace()
    slow[1].seconds = 80.0  # compiled for long
    slow[0].stepped()
    for steps in range(1, 1001):
        assert quick[0].learning_rate(steps) == slow[0].learning_rate(steps)
    assert walk(0.001, 3.0) == walk(0.001, 0.001)


def test_short_of_time_validation_takes_a_small_share_of_it() -> None:
    """Slow validations are never caught up: most of the time is left to training."""
    for validation_s in (0.5, 5.0, 15.0):
        validated = walk(0.1, validation_s, steps=10**6)
        spent = validation_s * (len(validated) - 2)  # the first and the last are owed
        assert spent <= VALIDATION_SHARE * 100.0
        assert (len(validated) == 1) or min(b - a for a, b in pairwise(validated)) > 1


def test_the_end_is_always_validated() -> None:
    """The last step of a training by time or by steps is followed by a validation."""
    assert walk(0.05, 0.001, steps=50)[-1] == 50
    assert walk(60.0, 0.1, steps=50) == [2]
    assert walk(30.0, 50.0, steps=50) == [2]  # which took the rest of the time


@pytest.mark.parametrize("steps", [500, 5000])
def test_validation_walks_fewer_steps_than_training_would_in_its_share(
    steps: int,
) -> None:
    """Ten validations cost at most their share of the planned work."""
    schedule = Schedule(steps=steps, lanes=8, chunk=32)
    walked = 10 * validation_steps(schedule) / 3
    assert walked <= VALIDATION_SHARE * steps * 8 * 32 + 1


def test_a_validation_looks_at_enough_to_tell_something() -> None:
    """However short the training is, its weights are chosen by some thousand steps."""
    assert validation_steps(Schedule(steps=1, lanes=1, chunk=8)) == LEAST_VALIDATION


def test_a_training_that_goes_on_counts_the_time_it_has_used() -> None:
    """Time between two processes does not count, compiling again only shortens the rest."""
    made, watch = pace()
    watch.seconds = 20.0
    made.stepped()
    watch.seconds = 60.0
    made.validated(1, 5.0)
    later = Watch()
    later.seconds = 1e6
    again = Pace(made.schedule, made.spent, later)
    assert again.done(1) == made.done(1) == pytest.approx(0.5)
    assert again.next_validation == made.next_validation
    later.seconds += 10.0
    again.stepped()
    assert again.seconds == 70.0
    assert again.done(1) == pytest.approx(40.0 / 70.0)
    later.seconds += 30.0
    assert again.done(1) == 1.0
