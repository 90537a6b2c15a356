"""Laws of the rolling-origin evaluation: what each forecast may know, and its score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.calendar import features
from forecaster.errors import ArtifactError, ConfigError, DataError
from forecaster.evaluation import backtest, cutoffs
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.report import long_columns
from forecaster.streaming import advance_series, forecast_series
from tests.forecaster.oracles import Clock, Mean, Oracle


def panel_of(values: list[NDArray[np.float64]], freq: str = "1") -> Panel:
    """Series "s0", "s1", … that begin together."""
    starts = [1] * len(values) if freq == "1" else ["2024-01-05"] * len(values)
    ids = [f"s{k}" for k in range(len(values))]
    return Panel.from_series(ids, values, starts, Frequency(freq))


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 7), st.integers(1, 90))
def test_an_oracle_scores_exactly_zero(
    horizon: int, windows: int, step_size: int, extra: int
) -> None:
    """At every step of every window an oracle's error is 0, however windows lie."""
    length = horizon + step_size * (windows - 1) + extra
    truth = np.random.default_rng(extra).integers(1, 1000, (2, length)).astype(float)
    report = backtest(
        Oracle(truth, horizon=horizon),
        panel_of(list(truth)),
        windows=windows,
        step_size=step_size,
        name="oracle",
    )
    error = report.forecasts["oracle"] - report.actual[..., None]
    assert not error.any()
    assert report.origins[0, -1] + horizon == length
    assert report.summary()["oracle"]["coverage-95"] == 1.0


def test_naive_on_a_line_scores_slope_times_step() -> None:
    """On y = 3 t the naive error is exactly 3 k at step k, and its MAE their mean."""
    line = 3.0 * np.arange(1.0, 61.0)
    report = backtest(
        Mean(horizon=4), panel_of([line]), windows=5, step_size=2, name="m"
    )
    median = metrics.at(report.forecasts["Naive"], report.levels, 0.5)
    expected = np.broadcast_to([3.0, 6.0, 9.0, 12.0], (1, 5, 4))
    np.testing.assert_array_equal(report.actual - median, expected)
    assert report.summary()["Naive"]["mae"] == 7.5
    assert report.summary()["Naive"]["mase"] == 2.5


@given(st.integers(1, 4), st.integers(1, 70), st.integers(0, 2**32))
def test_carried_forecasts_equal_a_fresh_replay(
    windows: int, step_size: int, seed: int
) -> None:
    """At each cutoff the carried state forecasts what a replay of the history would."""
    rng = np.random.default_rng(seed)
    lengths = 3 + step_size * (windows - 1) + rng.integers(1, 100, size=3)
    values = [rng.integers(0, 9, n).astype(float) for n in lengths]
    for series in values:
        series[1:][rng.random(len(series) - 1) < 0.2] = np.nan
    model, panel = Mean(horizon=3), panel_of(values)
    report = backtest(model, panel, windows=windows, step_size=step_size, name="m")
    for window, ends in enumerate(report.origins.T):
        known = [y[:end] for y, end in zip(values, ends, strict=True)]
        states = advance_series(
            model, model.initial_state(3), known, list(panel.starts)
        )
        fresh = forecast_series(model, states, list(panel.starts + ends - 1), 3)
        np.testing.assert_allclose(report.forecasts["m"][:, window], fresh, rtol=1e-5)


def test_no_forecast_knows_what_comes_after_its_cutoff() -> None:
    """Changing the values after a cutoff changes no forecast made at or before it."""
    values = np.random.default_rng(0).normal(size=40)
    changed = np.concatenate([values[:30], values[30:] + 100.0])
    one, other = (
        backtest(Mean(horizon=5), panel_of([y]), windows=3, step_size=5, name="m")
        for y in (values, changed)
    )
    assert one.origins.tolist() == [[25, 30, 35]]
    for name, forecast in one.forecasts.items():
        np.testing.assert_array_equal(forecast[:, :2], other.forecasts[name][:, :2])
        assert (forecast[:, 2] != other.forecasts[name][:, 2]).any(), name


def test_every_step_has_the_features_of_its_own_time() -> None:
    """The calendar of each step, known or ahead, is that of the time in the long frame."""
    values = [np.arange(40.0), np.arange(53.0)]
    panel = panel_of(values, freq="D")
    clock = Clock(horizon=5, freq="D")
    report = backtest(clock, panel, windows=3, step_size=4, name="clock")
    columns = long_columns(report)
    expected = features(Frequency("D"), columns["ds"])[:, 0]
    np.testing.assert_array_equal(columns["clock"].astype(np.float32), expected)


def test_missing_actual_values_are_left_out() -> None:
    """A missing value in the test part changes a score as if its point were not there."""
    line = np.arange(1.0, 21.0)
    line[-1] = np.nan
    report = backtest(
        Mean(horizon=4), panel_of([line]), windows=1, step_size=1, name="m"
    )
    assert report.summary()["Naive"]["mae"] == np.mean([1.0, 2.0, 3.0])


def test_the_scale_is_that_before_the_first_cutoff() -> None:
    """What happens after the first cutoff does not move the scale of MASE."""
    values = np.concatenate([np.arange(20.0), 1000.0 * np.arange(10.0)])
    report = backtest(
        Oracle(values[None], horizon=5),
        panel_of([values]),
        windows=2,
        step_size=5,
        name="o",
    )
    naive = report.scores["Naive"]
    assert naive["mase"] == naive["mae"]  # the scale before step 20 is 1


def test_series_count_alike_and_those_without_a_score_do_not_count() -> None:
    """The summary is the mean over series; a constant history has no MASE."""
    up, flat = np.arange(1.0, 31.0), np.full(30, 5.0)
    report = backtest(
        Mean(horizon=2), panel_of([up, 3 * up, flat]), windows=1, step_size=1, name="m"
    )
    naive = report.summary()["Naive"]
    assert naive["mae"] == np.mean([1.5, 4.5, 0.0])
    assert naive["mase"] == 1.5
    assert np.isnan(report.scores["Naive"]["mase"][2])


def test_short_series_are_left_out_and_named() -> None:
    """A series without a value before its first cutoff is not scored, but reported."""
    values = [np.arange(20.0), np.arange(9.0), np.arange(10.0)]
    report = backtest(
        Mean(horizon=5), panel_of(values), windows=3, step_size=2, name="m"
    )
    assert report.left_out == ("s1",)
    assert report.panel.ids == ("s0", "s2")
    with pytest.raises(DataError, match=r"at least 33 steps .* got at most 20"):
        backtest(Mean(horizon=5), panel_of(values), windows=28, step_size=1, name="m")


@pytest.mark.parametrize("wrong", [{"windows": 0}, {"step_size": 0}, {"horizon": 0}])
def test_counts_below_one_are_refused(wrong: dict[str, int]) -> None:
    """No windows, no step or no horizon is an error and not an empty report."""
    given_ = {"windows": 1, "step_size": 1, "horizon": 1} | wrong
    with pytest.raises(ConfigError, match="at least 1"):
        backtest(Mean(horizon=1), panel_of([np.arange(9.0)]), name="m", **given_)


def test_a_forecast_that_is_not_a_number_names_its_series() -> None:
    """A model that forecasts NaN is not scored on what is left."""
    truth = np.array([[1.0] * 9, [1.0] * 8 + [np.nan]])
    model = Oracle(truth, horizon=2)
    with pytest.raises(ArtifactError, match="'s1' is not a number"):
        backtest(model, panel_of([np.ones(9)] * 2), windows=1, step_size=1, name="o")


def test_a_longer_horizon_than_trained_is_rolled_forward() -> None:
    """An oracle of two steps asked for five still scores exactly zero."""
    truth = np.random.default_rng(0).integers(1, 99, (2, 40)).astype(float)
    truth = np.concatenate([truth, truth], axis=1)
    report = backtest(
        Oracle(truth, horizon=2),
        panel_of(list(truth[:, :40])),
        windows=3,
        step_size=5,
        name="oracle",
        horizon=5,
    )
    assert report.horizon == 5
    assert report.summary()["oracle"]["mae"] == 0.0


def test_cutoffs_are_a_step_apart_and_leave_the_horizon() -> None:
    """The last cutoff leaves exactly the horizon, the others go back by the step."""
    np.testing.assert_array_equal(cutoffs(np.array([30]), 4, 3, 7), [[12, 19, 26]])
