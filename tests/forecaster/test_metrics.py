"""Laws of the measures: when they are zero, what bounds them, what they leave out."""

import warnings

import hypothesis.extra.numpy as arrays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from utilsforecast import losses

from forecaster import metrics
from forecaster.errors import InputError

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
SMALL = st.integers(-(10**9), 10**9).map(lambda number: number / 1000)
ONE = np.ones(1)


def points(low: int = 1) -> st.SearchStrategy[np.ndarray]:
    """A row of actual values."""
    return arrays.arrays(
        np.float64, st.tuples(st.just(1), st.integers(low, 8)), elements=SMALL
    )


def around(point: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Quantiles `[..., P, 5]` that grow with their level around a point forecast."""
    return point[..., None] + width * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


@given(points())
def test_a_perfect_forecast_scores_zero_and_covers_all(actual: np.ndarray) -> None:
    """Every error is exactly 0, and every coverage 1, when all quantiles are the truth."""
    scores = metrics.score(actual, around(actual, width=0.0), LEVELS, ONE)
    for name in ("mase", "smape", "mae", "rmse", "msis-95"):
        assert scores[name] == 0.0, name
    assert scores["wql"] == 0.0 or not actual.any()
    assert scores["coverage-80"] == scores["coverage-95"] == 1.0


@given(points(), st.floats(-10, 10), st.floats(0, 10), st.floats(1e-3, 1e3))
def test_measures_keep_their_bounds(
    actual: np.ndarray, shift: float, width: float, scale: float
) -> None:
    """No measure is negative, sMAPE ends at 200, coverage at 1."""
    quantiles = around(actual + shift, width)
    scores = metrics.score(actual, quantiles, LEVELS, scale * ONE)
    assert tuple(scores) == metrics.NAMES
    assert all(np.isnan(value) or value >= 0.0 for value in scores.values())
    assert scores["smape"] <= 200.0 + 1e-9
    assert scores["coverage-80"] <= scores["coverage-95"] <= 1.0


@given(points(2), st.integers(0, 7))
def test_a_missing_actual_value_is_as_if_it_were_not_there(
    actual: np.ndarray, place: int
) -> None:
    """Scores with a NaN among the actual values are those without that point."""
    place %= actual.shape[1]
    quantiles = around(actual + 1.0)
    with_gap = actual.copy()
    with_gap[:, place] = np.nan
    gone = metrics.score(
        np.delete(actual, place, axis=1),
        np.delete(quantiles, place, axis=1),
        LEVELS,
        ONE,
    )
    for name, value in metrics.score(with_gap, quantiles, LEVELS, ONE).items():
        np.testing.assert_allclose(value, gone[name], rtol=1e-9, err_msg=name)


@given(points(2), st.floats(0.01, 100.0))
def test_relative_measures_do_not_depend_on_the_unit(
    actual: np.ndarray, factor: float
) -> None:
    """Multiplying everything by a number leaves MASE, sMAPE, WQL, MSIS and coverage."""
    quantiles = around(actual + 1.0)
    one = metrics.score(actual, quantiles, LEVELS, ONE)
    other = metrics.score(factor * actual, factor * quantiles, LEVELS, factor * ONE)
    for name in ("mase", "smape", "wql", "msis-95"):
        np.testing.assert_allclose(other[name], one[name], rtol=1e-6, err_msg=name)


def test_a_series_without_actual_values_has_no_score_and_no_warning() -> None:
    """Every measure of a series that is missing throughout is NaN."""
    actual = np.full((1, 3), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = metrics.score(actual, np.zeros((1, 3, 5)), LEVELS, ONE)
    assert all(np.isnan(value[0]) for value in scores.values())


def test_a_forecast_that_is_not_a_number_is_not_passed_over() -> None:
    """A NaN forecast of a known value makes the score NaN, never better."""
    actual = np.array([[1.0, 2.0]])
    quantiles = around(actual)
    quantiles[0, 0] = np.nan
    scores = metrics.score(actual, quantiles, LEVELS, ONE)
    for name in ("mase", "smape", "mae", "rmse", "wql", "msis-95"):
        assert np.isnan(scores[name]), name
    assert scores["coverage-95"] == 0.5


@pytest.mark.parametrize("history", [[5.0] * 9, [1.0, 2.0], [1.0] + [np.nan] * 8])
def test_without_a_scale_there_is_no_mase(history: list[float]) -> None:
    """A constant, short or empty history gives NaN for MASE and MSIS, not infinity."""
    scale = np.array([metrics.seasonal_scale(np.array(history), 2)])
    scores = metrics.score(np.ones((1, 1)), around(np.zeros((1, 1))), LEVELS, scale)
    assert np.isnan(scores["mase"])
    assert np.isnan(scores["msis-95"])
    assert scores["mae"] == 1.0


def test_the_interval_score_charges_a_miss_by_its_distance() -> None:
    """A miss by 3 of a 95 per cent interval costs its width and 2 / 0.05 * 3."""
    one = np.array([1.0])
    low, high = np.array([[0.0]]), np.array([[1.0]])
    below = metrics.msis(np.array([[-3.0]]), low, high, one, level=95)
    above = metrics.msis(np.array([[4.0]]), low, high, one, level=95)
    np.testing.assert_allclose([below, above], 1.0 + 40.0 * 3.0)


def test_the_pinball_loss_charges_the_likelier_side_more() -> None:
    """A 0.9 quantile costs nine times as much below the truth as above it."""
    actual = np.array([[10.0]])
    below, above = (
        metrics.wql(actual, actual[..., None] + error, [0.9]) for error in (-1.0, 1.0)
    )
    np.testing.assert_allclose(below / above, 9.0)


def test_a_quantile_that_is_not_there_is_named() -> None:
    """Asking for a level that the forecasts do not hold says which they hold."""
    with pytest.raises(InputError, match=r"no quantile 0\.025, only 0\.1, 0\.5"):
        metrics.interval(np.zeros((1, 2)), [0.1, 0.5], 95)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Three series of forecasts as `utilsforecast` likes them."""
    rng = np.random.default_rng(0)
    actual = rng.normal(5, 2, size=(3, 6))
    quantiles = around(actual + rng.normal(size=(3, 6)), 0.7)
    columns = ["m-lo-95", "m-lo-80", "m", "m-hi-80", "m-hi-95"]
    table = pd.DataFrame(quantiles.reshape(-1, 5), columns=columns)
    table.insert(0, "y", actual.ravel())
    table.insert(0, "ds", np.tile(np.arange(7, 13), 3))
    table.insert(0, "unique_id", np.repeat(["a", "b", "c"], 6))
    return table


@pytest.fixture
def train() -> pd.DataFrame:
    """What came before the forecasts of `frame`."""
    values = np.random.default_rng(1).normal(5, 2, size=18)
    ids = np.repeat(["a", "b", "c"], 6)
    return pd.DataFrame(
        {"unique_id": ids, "ds": np.tile(np.arange(1, 7), 3), "y": values}
    )


def test_measures_agree_with_utilsforecast(
    frame: pd.DataFrame, train: pd.DataFrame
) -> None:
    """MASE, sMAPE / 200, MAE, RMSE, WQL and coverage are those of utilsforecast."""
    columns = ["m-lo-95", "m-lo-80", "m", "m-hi-80", "m-hi-95"]
    actual = frame["y"].to_numpy().reshape(3, 6)
    quantiles = frame[columns].to_numpy().reshape(3, 6, 5)
    history = train["y"].to_numpy().reshape(3, 6)
    scale = np.array([metrics.seasonal_scale(x, 2) for x in history])
    ours = metrics.score(actual, quantiles, LEVELS, scale)
    theirs = {
        "mase": losses.mase(frame, ["m"], seasonality=2, train_df=train),
        "mae": losses.mae(frame, ["m"]),
        "rmse": losses.rmse(frame, ["m"]),
        "wql": losses.scaled_crps(frame, {"m": columns}, np.array(LEVELS)),
        "coverage-80": losses.coverage(frame, ["m"], level=80),
        "coverage-95": losses.coverage(frame, ["m"], level=95),
    }
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value["m"], rtol=1e-9, err_msg=name)
    half = losses.smape(frame, ["m"])["m"]
    np.testing.assert_allclose(ours["smape"], 200 * half, rtol=1e-9)


def test_a_missing_value_counts_as_a_miss_in_utilsforecast_only(
    frame: pd.DataFrame,
) -> None:
    """The one place where coverage differs on purpose: NaN actual values."""
    frame.loc[frame["unique_id"] == "a", "y"] = np.nan
    theirs = losses.coverage(frame, ["m"], level=95)["m"][0]
    low, high = frame["m-lo-95"][:6].to_numpy(), frame["m-hi-95"][:6].to_numpy()
    assert theirs == 0.0
    assert np.isnan(metrics.coverage(frame["y"][:6].to_numpy(), low, high))
