"""Laws of the long frame: other tools read it as it is and find the same scores."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from utilsforecast import losses
from utilsforecast.evaluation import evaluate

from forecaster.evaluation import backtest
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.report import Report, long_columns
from tests.forecaster.oracles import Mean


@pytest.fixture
def panel() -> Panel:
    """Two daily series of different lengths and starts."""
    rng = np.random.default_rng(0)
    values = [rng.normal(5, 2, 30), rng.normal(50, 9, 44)]
    return Panel.from_series(
        ["a", "b"], values, ["2024-01-01", "2023-06-30"], Frequency("D")
    )


def report_of(panel: Panel, windows: int) -> Report:
    """A backtest of the mean, seven days ahead."""
    model = Mean(horizon=7, freq="D", season_length=7)
    return backtest(model, panel, windows=windows, step_size=5, name="mean")


def test_columns_are_those_of_the_contract(panel: Panel) -> None:
    """Ids, times and actual values first, then each model with its intervals."""
    columns = list(long_columns(report_of(panel, 2)))
    assert columns[:4] == ["unique_id", "ds", "cutoff", "y"]
    assert columns[4:9] == [
        "mean", "mean-lo-80", "mean-hi-80", "mean-lo-95", "mean-hi-95",
    ]  # fmt: skip
    assert [c for c in columns[9:] if "-" not in c] == ["Naive", "SeasonalNaive"]


def test_each_row_holds_the_value_of_its_time(panel: Panel) -> None:
    """Joined to the data by id and time, y is the data's own; a cutoff lies before ds."""
    frame = pd.DataFrame(long_columns(report_of(panel, 3)))
    data = pd.concat(
        pd.DataFrame(
            {"unique_id": key, "ds": panel.times_of(i), "own": panel.values_of(i)}
        )
        for i, key in enumerate(panel.ids)
    )
    joined = frame.merge(data, on=["unique_id", "ds"], how="left")
    np.testing.assert_array_equal(joined["y"], joined["own"])
    ahead = (frame["ds"] - frame["cutoff"]) / np.timedelta64(1, "D")
    np.testing.assert_array_equal(ahead, np.tile(np.arange(1, 8), 6))
    assert frame.groupby(["unique_id", "cutoff"]).size().tolist() == [7] * 6


def test_utilsforecast_takes_the_frame_and_finds_our_scores(panel: Panel) -> None:
    """`evaluate` on one window gives MAE, RMSE, MASE and coverage as the report does."""
    report = report_of(panel, 1)
    frame = pd.DataFrame(long_columns(report))
    train = pd.concat(
        pd.DataFrame(
            {"unique_id": key, "ds": panel.times_of(i), "y": panel.values_of(i)}
        )
        for i, key in enumerate(panel.ids)
    )
    found = evaluate(
        frame,
        [losses.mae, losses.rmse, partial(losses.mase, seasonality=7), losses.coverage],
        level=[80, 95],
        train_df=train,
    ).set_index(["metric", "unique_id"])
    names = {
        "mae": "mae",
        "rmse": "rmse",
        "mase": "mase",
        "coverage_level80": "coverage-80",
        "coverage_level95": "coverage-95",
    }
    for theirs, ours in names.items():
        for model, scores in report.scores.items():
            by_series = found.loc[theirs, model].loc[list(panel.ids)]
            np.testing.assert_allclose(by_series, scores[ours])


def test_utilsforecast_takes_several_windows(panel: Panel) -> None:
    """`evaluate` keeps the cutoffs apart; their MAE averages to the report's."""
    report = report_of(panel, 3)
    found = evaluate(pd.DataFrame(long_columns(report)), [losses.mae])
    assert set(found.columns) == {
        "unique_id", "cutoff", "metric", "mean", "Naive", "SeasonalNaive",
    }  # fmt: skip
    by_series = found.groupby("unique_id")[["mean", "Naive"]].mean()
    np.testing.assert_allclose(by_series["mean"], report.scores["mean"]["mae"])
    np.testing.assert_allclose(by_series["Naive"], report.scores["Naive"]["mae"])


def test_a_report_tells_its_counts(panel: Panel) -> None:
    """Its repr says which models, how many series, windows and steps."""
    text = repr(report_of(panel, 3))
    assert "mean, Naive, SeasonalNaive: 2 series, 3 windows of 7 steps" in text
