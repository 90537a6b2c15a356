"""Simple forecasts to choose among: each exact on the series it is made for."""

import numpy as np
import pytest

from forecaster.config import Task

HORIZON = 6


def after(values: np.ndarray, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Candidates after the last value [H, J], and what really comes, scaled alike [H]."""
    from forecaster import memory, profile
    from forecaster.candidates import candidates

    known = values[None, :-HORIZON].astype(np.float32)
    empty = np.zeros((1, task.ring), np.float32)
    begin = memory.Memory(empty, empty, np.zeros((1, 1), np.float32))
    grown = memory.remember(begin, known, task.season_length)
    frames = memory.frames(grown, task.ring, task.season_length)
    level = profile.cycle_level(frames, task.cycle)
    deviation = (frames.scaled[:, :, -1:] - level)[:, :, 0]
    sums = profile.smoothed(np.zeros((1, task.cycle), np.float32), deviation, grown.age)
    course = level + profile.course(sums, grown.age, task.cycle)
    coming = np.broadcast_to(
        values[-HORIZON:].astype(np.float32), (1, known.shape[1], 1, HORIZON)
    )
    bent = memory.bend(frames, coming)[:, -1, 0]
    truth = (bent - frames.level[:, -1]) / frames.scale[:, -1]
    found = candidates(frames, course, task, np.arange(task.horizon))
    return np.asarray(found)[0, -1], np.asarray(truth)[0]


def errors(values: np.ndarray, task: Task) -> np.ndarray:
    """The largest error of each candidate [J]."""
    found, truth = after(values, task)
    return np.abs(found - truth[:, None]).max(axis=0)


@pytest.mark.parametrize(
    "task",
    [
        Task(HORIZON, 1, 60, 0),
        Task(HORIZON, 1, 20, 0),
        Task(HORIZON, 4, 12, 0),
        Task(HORIZON, 4, 7, 0),
        Task(HORIZON, 13, 30, 0),
        Task(HORIZON, 4, 30, 0, seasons=7),
    ],
)
def test_there_are_as_many_as_said(task: Task) -> None:
    """The head has a weight for each candidate."""
    from forecaster.candidates import count

    assert after(np.arange(80.0), task)[0].shape == (HORIZON, count(task))


def test_a_repeating_season_is_met_by_seasonal_naive_and_the_course() -> None:
    """Both say what came at the same phase."""
    found = errors(np.tile([10.0, 11.0, 14.0, 12.0], 20), Task(HORIZON, 4, 12, 0))
    assert found[0] < 1e-3
    assert found[2] < 1e-2


def test_a_longer_cycle_is_met_by_its_own_naive() -> None:
    """A week of seven unlike days repeats after seven seasons, not after one."""
    week = np.random.default_rng(0).uniform(10, 20, size=28)
    found = errors(np.tile(week, 5), Task(HORIZON, 4, 30, 0, seasons=7))
    assert found[4] < 1e-3
    assert found[0] > 0.1


def test_a_line_is_met_by_a_slope() -> None:
    """Without a season each slope goes on; the latest value falls behind."""
    found = errors(1e4 + np.arange(100.0), Task(HORIZON, 1, 60, 0))
    assert found[1] < 0.02
    assert found[0] > 0.1


def test_a_season_that_grows_is_met_by_its_growth() -> None:
    """Seasonal naive and the growth of the level from season to season."""
    values = 1e4 + np.tile([0.0, 3.0, 9.0, 4.0], 20) + np.arange(80) * 0.5
    found = errors(values, Task(HORIZON, 4, 12, 0))
    assert found[-1] < 0.1 * found[0]


def test_the_first_value_of_a_series_is_all_that_can_be_said() -> None:
    """Before there is a season, every candidate that looks back falls to the level."""
    found, _ = after(np.full(1 + HORIZON, 5.0), Task(HORIZON, 4, 12, 0))
    assert np.abs(found).max() < 1e-3
