"""Who is told which covariates when: predictions, backtests, rolled forecasts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecaster.covariates import Column, Covariates
from forecaster.evaluation import backtest
from forecaster.exog import Columns, Exog
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.prediction import predict
from tests.forecaster.oracles import LEVELS, Floats, Model, manifest

TAKEN = Covariates((Column("f", "futr"), Column("h", "hist"), Column("s", "stat")))
LENGTHS = (20, 30)


class Teller(Model):
    """Forecasts what it was told ahead plus the sum of all it was told before.

    What is missing counts a thousand, so that nothing can be left out unseen.
    """

    def __init__(self, horizon: int) -> None:
        self.manifest = manifest(horizon)
        self.manifest.covariates = TAKEN.describe()
        self.manifest.features = TAKEN.names.names

    def initial_state(self, batch: int) -> Floats:
        """Nothing told."""
        return np.zeros((batch, 2), np.float32)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """Adds up hist and static columns."""
        told = np.nan_to_num(x[:, :, 1:], nan=1000.0).sum(axis=(1, 2))
        return state + np.stack([told, np.zeros(len(told))], axis=1).astype(np.float32)

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """The futr column of each step, lifted by the state."""
        assert np.isnan(x[:, :, 1:]).all()
        point = np.nan_to_num(x[:, :, 0], nan=1000.0) + state[:, :1]
        return np.repeat(point[..., None], len(LEVELS), axis=-1)


def panel(ahead: int = 6) -> Panel:
    """Two series; futr counts the steps, hist is 1, static 0.5."""
    steps = [np.arange(n + ahead, dtype=float) for n in LENGTHS]
    inside = np.concatenate([one[:n] for one, n in zip(steps, LENGTHS, strict=True)])
    exog = Exog(
        Columns(("f",), ("h",), ("s",)),
        np.stack([inside, np.ones(sum(LENGTHS))], axis=1),
        (np.full(2, 0.5),),
        np.stack([one[n:, None] for one, n in zip(steps, LENGTHS, strict=True)]),
    )
    values = [np.arange(1.0, n + 1) for n in LENGTHS]
    return Panel.from_series(["a", "b"], values, [1, 1], Frequency("1"), exog)


def median(model: Any, given: Panel, horizon: int) -> Floats:
    """The forecasts [N, H]."""
    return predict(model, given, horizon, []).median


def test_a_prediction_knows_the_whole_past_and_what_is_ahead() -> None:
    """Every row is told once, and each step ahead the futr value of its own."""
    found = median(Teller(4), panel(), 4)
    for row, length in enumerate(LENGTHS):
        expected = 1.5 * length + length + np.arange(4)
        np.testing.assert_allclose(found[row], expected)


def test_a_long_forecast_is_told_the_later_steps_too() -> None:
    """Beyond the model's horizon futr values go on, as far as they are known."""
    model = Teller(2)
    found = median(model, panel(ahead=5), 6)[0] - 1.5 * 20
    fed = 4000 * np.array(
        [0, 0, 1, 1, 2, 2]
    )  # hist and static of two steps are missing
    np.testing.assert_allclose(found, np.array([20, 21, 22, 23, 24, 1000]) + fed)


def test_what_is_not_known_ahead_is_missing() -> None:
    """A panel that ends with its values has nothing to tell of the future."""
    found = median(Teller(3), panel(ahead=2), 3)[0] - 1.5 * 20
    np.testing.assert_allclose(found, [20, 21, 1000])


@pytest.mark.parametrize("column", [0, 1])
def test_a_cutoff_sees_later_futr_values_and_no_later_hist_values(column: int) -> None:
    """In a backtest what comes after a cutoff may be known for futr columns alone."""
    plain, given = panel(), panel()
    steps = given.exog.steps.copy()
    steps[LENGTHS[0] - 3 : LENGTHS[0], column] += 50  # behind the last cutoff of a
    changed = replace(given, exog=replace(given.exog, steps=steps))
    one, other = (
        backtest(Teller(3), data, windows=2, step_size=3, name="m").forecasts["m"]
        for data in (plain, changed)
    )
    differs = (one != other).any(axis=(2, 3))
    assert differs.tolist() == [[False, column == 0], [False, False]]
