"""Boldness: the network is left for the last cycle where that has lately erred less."""

from typing import Any

import numpy as np
import pytest

from forecaster.config import Task
from tests.forecaster.random_networks import functions_of

pytestmark = pytest.mark.tf

CYCLE = 12
KNOTS = 4  # 1, 2, 4 and the horizon


def about() -> Any:
    """Constants of a small task."""
    from forecaster.calibration import grades

    return grades(8, CYCLE, (0.1, 0.5, 0.9))


def bold_after(naive: Any, network: Any) -> Any:
    """Boldness [T, K] before each of T steps, whose errors [T] are those of each knot."""
    from forecaster.boldness import boldness, errors, learn, size
    from forecaster.memory import Anchor

    one = np.ones((1, 1, 1, 1), np.float32)
    unbent = Anchor(1e6 * one, 0 * one, 0 * one, 1e-6 * one, 10 * one)  # spread 1

    def forecasts(error: Any) -> Any:
        wide = np.broadcast_to(
            np.asarray(error, np.float32)[:, None], (len(error), KNOTS)
        )
        return wide[None, ..., None]

    steps = len(naive)
    y = np.zeros((1, steps, 1, 1), np.float32)
    weight = np.ones((1, steps, KNOTS), np.float32)
    new = errors(y, forecasts(network), forecasts(naive), unbent, weight)
    every, _ = learn(np.zeros((1, size(about())), np.float32), new, about(), CYCLE)
    return np.asarray(boldness(every, about(), CYCLE))[0]


def drawn(size: float, steps: int, seed: int = 0) -> Any:
    """Errors of a size."""
    return np.random.default_rng(seed).normal(0, size, steps)


def test_a_series_that_begins_goes_with_the_network() -> None:
    """Before anything was compared boldness is 1."""
    bold = bold_after(drawn(0.01, 3), drawn(1.0, 3, 1))
    assert (bold[0] == 1.0).all()


def test_who_errs_clearly_less_is_followed() -> None:
    """A third of the error of the other is enough, either way, after three cycles."""
    small, large = drawn(0.2, 20 * CYCLE), drawn(0.6, 20 * CYCLE, 1)
    after = slice(3 * CYCLE, None)
    assert bold_after(small, large)[after].max() < 0.1
    assert bold_after(large, small)[after].min() > 0.9


def test_what_was_long_ago_is_forgotten() -> None:
    """Where the network becomes the better one it is believed again."""
    half = 20 * CYCLE
    naive = np.concatenate([drawn(0.1, half), drawn(0.9, half)])
    bold = bold_after(naive, drawn(0.3, 2 * half, 1))
    assert bold[half - 1].max() < 0.1
    assert bold[half + 6 * CYCLE :].min() > 0.9


def test_one_outlier_does_not_decide() -> None:
    """A value that both miss by far leaves the choice as it is."""
    naive, network = drawn(0.6, 20 * CYCLE), drawn(0.2, 20 * CYCLE, 1)
    naive[10 * CYCLE] = network[10 * CYCLE] = 1e6
    bold = bold_after(naive, network)[10 * CYCLE + 1 :]
    assert bold.min() > 0.9


def forecast_of(season_length: int, steps: int) -> tuple[Any, Any]:
    """What a network with random weights says of a series that repeats itself, and it."""
    import tensorflow as tf

    task = Task(horizon=6, season_length=season_length, ring=24, calendar=1)
    functions = functions_of(task)
    series = 50 + 10 * np.sin(np.arange(steps + 6) * np.pi / 6).astype(np.float32)
    state = functions["initial_state"](batch=tf.constant(1))["state_out"]
    y = tf.constant(series[None, :steps])
    made = functions["advance"](state=state, y=y, x=tf.zeros((1, steps, 1)))
    ahead = functions["forecast"](state=made["state_out"], x=tf.zeros((1, 6, 1)))
    middle = task.quantiles.index(0.5)
    return ahead["quantiles"].numpy()[0, :, middle], series[steps:]


def test_what_repeats_itself_is_repeated_by_any_network() -> None:
    """However wrong a network is, forecasts come to the last cycle where that is right."""
    forecast, then = forecast_of(12, 240)
    assert np.abs(forecast - then).max() < 0.1


def test_without_a_season_there_is_nothing_to_go_back_to() -> None:
    """Then the network alone forecasts."""
    forecast, then = forecast_of(1, 240)
    assert np.abs(forecast - then).max() > 3.0
