"""Laws of forecasting after the end of each series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.calendar import features
from forecaster.errors import ArtifactError, ConfigError, InputError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.prediction import (
    check_finite,
    check_levels,
    interval_probabilities,
    long_columns,
    predict,
)
from tests.forecaster.oracles import LEVELS, Clock, Mean, Oracle


def daily(values: list[list[float]]) -> Panel:
    """Series "s0", "s1", … that begin on the first of January, 2024."""
    ids = [f"s{k}" for k in range(len(values))]
    starts = ["2024-01-01"] * len(values)
    return Panel.from_series(ids, values, starts, Frequency("D"))


@given(st.lists(st.integers(1, 90), min_size=1, max_size=4), st.integers(1, 9))
def test_an_oracle_forecasts_what_comes_next(lengths: list[int], horizon: int) -> None:
    """Series of any lengths are forecast from their own ends, by every column."""
    truth = (
        np.random.default_rng(0).integers(0, 1000, (len(lengths), 120)).astype(float)
    )
    panel = daily([list(row[:n]) for row, n in zip(truth, lengths, strict=True)])
    model = Oracle(truth, horizon=3, freq="D")
    columns = long_columns(predict(model, panel, horizon, [80]), "o")
    assert list(columns) == ["unique_id", "ds", "o", "o-lo-80", "o-hi-80"]
    expected = [truth[i, n + k] for i, n in enumerate(lengths) for k in range(horizon)]
    for name in ("o", "o-lo-80", "o-hi-80"):
        np.testing.assert_array_equal(columns[name], expected)


def test_times_go_on_after_the_last_row() -> None:
    """The first forecast is for the step after the last row, missing or not."""
    panel = daily([[1.0, 2.0, np.nan], [5.0]])
    columns = long_columns(predict(Mean(horizon=2, freq="D"), panel, 2, []), "m")
    days = columns["ds"].astype("M8[D]").astype(str).tolist()
    assert days == ["2024-01-04", "2024-01-05", "2024-01-02", "2024-01-03"]
    assert columns["unique_id"].tolist() == ["s0", "s0", "s1", "s1"]
    np.testing.assert_array_equal(columns["m"], [1.5, 1.5, 5.0, 5.0])


def test_every_step_has_the_features_of_its_own_time() -> None:
    """The calendar of the steps ahead is that of the times in the frame."""
    panel = daily([[1.0, 2.0, 3.0], [5.0] * 12])
    forecasts = predict(Clock(horizon=4, freq="D"), panel, 4, [])
    for times, median in zip(forecasts.times, forecasts.median, strict=True):
        np.testing.assert_array_equal(median, features(Frequency("D"), times)[:, 0])


@given(st.permutations([50.0, 80.0, 95.0]))
def test_intervals_nest_in_whatever_order_they_are_asked(levels: list[float]) -> None:
    """Wider levels enclose narrower ones, columns go from narrow to wide, once each."""
    found = predict(Mean(horizon=1), whole_numbers(), 1, [*levels, levels[0]])
    assert list(found.intervals) == [
        f"{side}-{level}" for level in (50, 80, 95) for side in ("lo", "hi")
    ]
    rows = [found.intervals[f"lo-{level}"][0, 0] for level in (95, 80, 50)]
    rows += [found.intervals[f"hi-{level}"][0, 0] for level in (50, 80, 95)]
    assert rows == sorted(rows)


def whole_numbers() -> Panel:
    """One series of integer steps."""
    return Panel.from_series(["a"], [[1.0, 2.0]], [1], Frequency("1"))


def test_the_widest_level_is_the_models() -> None:
    """95 is what quantiles from 0.025 to 0.975 can give; 96 is refused, naming 95."""
    check_levels([80, 95], LEVELS)
    with pytest.raises(ConfigError, match=r"level 96: .* up to 95"):
        check_levels([80, 96], LEVELS)


@given(st.floats(0.1, 95.0))
def test_every_level_up_to_the_widest_can_be_given(level: float) -> None:
    """What `check_levels` lets pass, no later step refuses."""
    check_levels([level], LEVELS)
    try:
        predict(Mean(horizon=1), whole_numbers(), 1, [level])
    except InputError as error:
        pytest.fail(str(error))
    low, high = interval_probabilities([level]).values()
    assert high - low == pytest.approx(level / 100)


def test_a_forecast_that_is_no_number_is_refused() -> None:
    """NaN and infinity name their series; finite forecasts pass."""
    check_finite(np.zeros((2, 3)), ["a", "b"])
    for wrong in (np.nan, np.inf):
        quantiles = np.zeros((2, 3, 2))
        quantiles[1, 2, 0] = wrong
        with pytest.raises(ArtifactError, match="'b' is not a number"):
            check_finite(quantiles, ["a", "b"])
