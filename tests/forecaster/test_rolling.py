"""Forecasts beyond the trained horizon, with models whose numbers can be read."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from forecaster.calendar import features
from forecaster.frequency import Frequency
from forecaster.streaming import advance_series, forecast_series
from tests.forecaster.oracles import LEVELS, Clock, Mean, Model


class Blocks(Model):
    """Forecasts one step from a list; its state is the sum of what it was fed."""

    def __init__(self, *blocks: list[float]) -> None:
        self.manifest = SimpleNamespace(
            freq="1", horizon=1, quantiles=(0.1, 0.5, 0.9), features=(), covariates={}
        )
        self.blocks = [np.array([[block]], np.float32) for block in blocks]
        self.fed: list[float] = []

    def advance(self, state: Any, y: Any, x: Any) -> Any:
        """Notes the value."""
        self.fed.append(float(y[0, 0]))
        return state

    def forecast(self, state: Any, x: Any) -> Any:
        """The block after as many values as were fed."""
        return self.blocks[len(self.fed)]


def rolled(model: Any, steps: int) -> Any:
    """A forecast of one series [steps, Q]."""
    return forecast_series(model, np.zeros((1, 1), np.float32), [1], steps)[0]


def test_the_medians_are_fed_back() -> None:
    """Each later block stands on the medians of those before it."""
    model = Blocks([1, 5, 6], [2, 7, 9], [0, 0, 0])
    rolled(model, 3)
    assert model.fed == [5.0, 7.0]


def test_doubt_is_added_in_quadrature_and_never_forgotten() -> None:
    """Three and four make five, and a block without a doubt of its own keeps it."""
    model = Blocks([7, 10, 14], [16, 20, 23], [30, 30, 30])
    assert rolled(model, 3).tolist() == [[7, 10, 14], [15, 20, 25], [25, 30, 35]]


def test_each_step_has_the_features_of_its_own_time() -> None:
    """Over a leap day and several blocks the calendar goes on."""
    clock, day = Clock(horizon=3, freq="D"), Frequency("D")
    last = np.datetime64("2024-02-27", "us")
    state = advance_series(clock, clock.initial_state(1), [np.ones(1)], [last])
    got = forecast_series(clock, state, [last], 8)[0, :, 2]
    times = day.times(last, np.arange(1, 9))
    assert np.allclose(got, features(day, times)[:, 0])


def test_of_no_series_there_is_no_forecast() -> None:
    """Nothing in, nothing out, of the right shape."""
    model = Mean(horizon=2)
    states = advance_series(model, model.initial_state(0), [], [])
    assert forecast_series(model, states, [], 5).shape == (0, 5, len(LEVELS))


def test_more_series_than_a_call_may_hold_keep_their_places() -> None:
    """A thousand series are carried and forecast, each as itself."""
    model, count = Mean(horizon=2), 1100
    values = [np.full(3, float(i)) for i in range(count)]
    zeros = model.initial_state(count)
    states = advance_series(model, zeros, values, [1] * count)
    assert (zeros == 0).all()
    forecasts = forecast_series(model, states, [3] * count, 2)
    assert forecasts[:, 0, 2].tolist() == list(range(count))
