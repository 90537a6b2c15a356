"""The average course of a cycle: a weighted mean per phase, however steps are grouped."""

import numpy as np
import pytest

CYCLE = 5


def course_of(values: np.ndarray, splits: list[int]) -> np.ndarray:
    """The course after the last of some deviations that came in several calls [M]."""
    from forecaster.profile import course, smoothed

    carried = np.zeros((1, CYCLE), np.float32)
    age = 0
    for part in np.split(values.astype(np.float32), splits):
        ages = np.arange(age + 1, age + len(part) + 1, dtype=np.float32)[None]
        sums = np.asarray(smoothed(carried, part[None], ages))
        found = np.asarray(course(sums, ages, CYCLE))[0, -1]
        carried, age = sums[:, -CYCLE:], age + len(part)
    return np.asarray(found)


@pytest.mark.parametrize("splits", [[], [1], [3, 4, 17], [7, 19]])
def test_the_course_is_a_weighted_mean_per_phase(splits: list[int]) -> None:
    """Weights fall by a constant share from cycle to cycle, and add up to one."""
    from forecaster.profile import SMOOTHING

    values = np.random.default_rng(0).normal(size=23)
    expected = []
    for phase in range(CYCLE):  # the first place is the phase of the next step
        same = values[::-1][CYCLE - 1 - phase :: CYCLE]
        weight = (1 - SMOOTHING) ** np.arange(len(same))
        expected.append((same * weight).sum() / weight.sum())
    assert np.allclose(course_of(values, splits), expected, atol=1e-5)


def test_a_phase_that_was_never_seen_is_level() -> None:
    """Before a whole cycle has passed the course is 0 where nothing is known."""
    found = course_of(np.array([1.0, 2.0]), [])
    assert found.tolist() == [0.0, 0.0, 0.0, 1.0, 2.0]


def test_steps_before_a_series_begins_leave_no_trace() -> None:
    """Deviations at age 0 count nothing."""
    from forecaster.profile import smoothed

    sums = smoothed(
        np.zeros((1, CYCLE), np.float32), np.ones((1, 3), np.float32), np.zeros((1, 3))
    )
    assert not np.asarray(sums).any()
