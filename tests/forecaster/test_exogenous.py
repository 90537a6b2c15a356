"""Covariates in the graph: missing ones, remembered ones, those ahead, their units."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecaster.config import Architecture, Task

pytestmark = pytest.mark.tf

# Columns: calendar 0, futr 1 and 2, hist 3 and 4, static 5 (a number) and 6 (3 categories).
TASK = Task(5, 4, 12, calendar=1, futr=2, hist=2, static=(0, 3))
STEPS = 20


def network(task: Task = TASK) -> Any:
    """A small network with random weights everywhere but in its scaling constants."""
    import keras

    from forecaster.network import Network

    keras.utils.set_random_seed(3)
    made = Network(task, Architecture(units=6, patch_units=8, head_units=8))
    made.initialise()
    rng = np.random.default_rng(0)
    for variable in made.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return made


def sequence(batch: int = 2, seed: int = 1) -> tuple[Any, Any]:
    """Values and features with a third of the covariates missing."""
    rng = np.random.default_rng(seed)
    y = rng.normal(50, 10, (batch, STEPS)).astype(np.float32)
    x = rng.normal(0, 1, (batch, STEPS + TASK.horizon, TASK.features))
    x[..., 6] = rng.integers(0, 4, (batch, 1))
    x[..., 1:][rng.random(x[..., 1:].shape) < 0.3] = np.nan
    return y, x.astype(np.float32)


def forecast(net: Any, y: Any, x: Any) -> Any:
    """Quantiles after the last value [B, H, Q]."""
    return np.asarray(net.forward(zeros(net, len(y)), y, x)[0])[:, -1]


def zeros(net: Any, batch: int) -> Any:
    """States of series that begin."""
    return np.zeros((batch, net.state_size), np.float32)


def test_missing_covariates_are_filled_alike_in_any_grouping() -> None:
    """Exactly the same covariates are carried, step by step and all at once."""
    net, (_, x) = network(), sequence()
    x = x[:, :STEPS]
    whole = np.asarray(net.exogenous.carried(np.zeros((2, 7), np.float32), x))
    for cut in (1, 7, 19):
        first = np.asarray(
            net.exogenous.carried(np.zeros((2, 7), np.float32), x[:, :cut])
        )
        second = np.asarray(net.exogenous.carried(first[:, -1], x[:, cut:]))
        assert (np.concatenate([first, second], axis=1) == whole).all()


def test_two_calls_equal_one_with_covariates_missing() -> None:
    """Advancing over a then b equals advancing over a + b, in state and forecast."""
    net, (y, x) = network(), sequence()
    whole, end = net.forward(zeros(net, 2), y, x)
    ahead = x[:, : 7 + TASK.horizon]
    _, middle = net.forward(zeros(net, 2), y[:, :7], ahead)
    parts, end_in_two = net.forward(middle, y[:, 7:], x[:, 7:])
    assert np.allclose(parts, np.asarray(whole)[:, 7:], rtol=1e-4, atol=1e-4)
    assert np.allclose(end_in_two, end, rtol=1e-5, atol=1e-5)


def test_what_is_read_off_a_state_has_the_covariates_of_its_last_step() -> None:
    """`recall` needs no features: the state remembers them."""
    from forecaster.memory import unbend

    net, (y, x) = network(), sequence()
    every, state = net.forward(zeros(net, 2), y, x)
    view = net.recall(state)
    ahead = x[:, None, STEPS:, : TASK.known]
    read = np.asarray(unbend(view.frames, net.read(view, ahead)))
    assert np.allclose(read[:, 0], np.asarray(every)[:, -1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("column", [3, 4, 5, 6])
def test_a_value_given_once_is_remembered(column: int) -> None:
    """Hist and static columns given at one step hold until they are given again."""
    net, (y, x) = network(), sequence()
    once, always, never = x.copy(), x.copy(), x.copy()
    once[:, :, column], never[:, :, column] = np.nan, np.nan
    always[:, :, column] = 2.0
    once[:, 0, column] = 2.0
    assert (forecast(net, y, once) == forecast(net, y, always)).all()
    assert (forecast(net, y, once) != forecast(net, y, never)).any()


def test_futr_values_ahead_count_and_others_do_not() -> None:
    """Of the steps ahead the columns known ahead change a forecast, no others."""
    net, (y, x) = network(), sequence()
    plain = forecast(net, y, x)
    for column in range(TASK.features):
        moved = x.copy()
        moved[:, STEPS:, column] = 2.5
        counts = (forecast(net, y, moved) != plain).any()
        assert counts == (column < TASK.known), column


@pytest.mark.parametrize("code", [-7.0, 0.0, 4.0, 1e9, np.nan])
def test_every_code_that_is_no_category_is_unknown(code: float) -> None:
    """A category that was not trained on is answered, as one that was left out."""
    net, (y, x) = network(), sequence()
    x[:, :, 6] = np.nan
    without = forecast(net, y, x)
    x[:, :, 6] = code
    assert (forecast(net, y, x) == without).all()


def test_each_category_counts() -> None:
    """Series of different categories have different forecasts."""
    net, (y, x) = network(), sequence(1)
    found = []
    for code in range(4):
        x[:, :, 6] = code
        found.append(forecast(net, y, x))
    assert len({one.tobytes() for one in found}) == 4


@pytest.mark.parametrize("column", [1, 3, 5])
def test_the_unit_of_a_covariate_does_not_matter(column: int) -> None:
    """In another unit, with the constants of that unit, forecasts are the same."""
    net, (y, x) = network(), sequence()
    mean, spread = np.zeros(7, np.float32), np.ones(7, np.float32)
    mean[column], spread[column] = 0.5, 2.0
    net.exogenous.scale(mean, spread)
    plain = forecast(net, y, x)
    x[..., column] = 1.8 * x[..., column] + 32
    mean[column], spread[column] = 1.8 * 0.5 + 32, 1.8 * 2.0
    net.exogenous.scale(mean, spread)
    assert np.allclose(forecast(net, y, x), plain, rtol=1e-4, atol=1e-3)


def test_a_value_of_zero_is_not_a_missing_one() -> None:
    """Nothing and zero are told apart, at each column that can be missing."""
    net, (y, x) = network(), sequence()
    for column in (1, 3, 5):
        nothing, zero = x.copy(), x.copy()
        nothing[..., column], zero[..., column] = np.nan, 0.0
        assert (forecast(net, y, nothing) != forecast(net, y, zero)).any(), column


def test_the_season_before_counts_where_the_naive_forecast_comes_from() -> None:
    """A futr value k steps before the end moves the forecasts one season after it."""
    net, (y, x) = network(), sequence(1)
    net.head.outlook.before.kernel.assign(10 * net.head.outlook.before.kernel)
    for weights in (net.head.hidden.kernel, net.patch.kernel):
        weights.assign(0 * weights)  # so that nothing else tells of the past
    plain = forecast(net, y, x)
    for back in range(1, 7):
        moved = x.copy()
        moved[:, STEPS - back, 1] = 2.5
        differs = (forecast(net, y, moved) != plain).any(axis=(0, 2))
        season = TASK.season_length
        wanted = [back <= season and (back + k) % season == 0 for k in range(5)]
        assert differs.tolist() == wanted, back


def test_a_wild_covariate_keeps_forecasts_finite() -> None:
    """What lies absurdly far from all that was trained on counts as far, no more."""
    net, (y, x) = network(), sequence()
    x[:, 3:, 1:6] = 1e30
    assert np.isfinite(forecast(net, y, x)).all()


def test_a_network_without_covariates_carries_the_calendar_alone() -> None:
    """What is not there takes no room in the state and no weights."""
    bare = network(replace(TASK, futr=0, hist=0, static=()))
    cycle_of_futr = TASK.cycle * TASK.futr
    assert network().state_size == bare.state_size + 6 + cycle_of_futr
    assert len(bare.exogenous.trainable_variables) == 0
