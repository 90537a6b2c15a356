"""Laws of the naive forecasts, and of the bands around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.baselines import forward_fill, naive, seasonal_naive

MEDIAN = (0.5,)
BAND = (0.1, 0.5, 0.9)


def test_naive_misses_a_line_by_slope_times_step() -> None:
    """On y = 3 t the naive forecast is short by exactly 3 k at step k, at every origin."""
    line = 3.0 * np.arange(50.0)
    origins = np.array([5, 20, 40])
    forecast = naive(line, origins, 10, MEDIAN)[..., 0]
    actual = line[origins[:, None] + np.arange(10)]
    np.testing.assert_array_equal(
        actual - forecast, np.tile(3.0 * np.arange(1, 11), (3, 1))
    )


@given(st.integers(1, 9), st.integers(1, 25), st.integers(0, 8))
def test_seasonal_naive_continues_a_season_exactly(
    season: int, horizon: int, phase: int
) -> None:
    """A series that repeats itself is forecast exactly, whatever the phase of the origin."""
    whole = np.resize(np.arange(float(season)) ** 2, 4 * season + phase + horizon)
    origin = 4 * season + phase
    forecast = seasonal_naive(whole[:origin], np.array([origin]), horizon, BAND, season)
    np.testing.assert_array_equal(
        forecast[0], np.repeat(whole[origin:, None], 3, axis=1)
    )


def test_no_forecast_looks_past_its_origin() -> None:
    """What comes after an origin changes nothing of its forecast, bands included."""
    rng = np.random.default_rng(0)
    history = rng.normal(size=60)
    changed = np.concatenate([history[:30], 1e6 * rng.normal(size=30)])
    for season in (1, 7):
        one, other = (
            seasonal_naive(x, np.array([30]), 9, BAND, season)
            for x in (history, changed)
        )
        np.testing.assert_array_equal(one, other)


def test_many_origins_are_as_one_at_a_time() -> None:
    """Forecasts of several origins equal those of each history cut there."""
    history = np.random.default_rng(0).normal(size=40)
    history[[3, 11, 12, 30]] = np.nan
    origins = np.array([2, 8, 13, 40])
    together = seasonal_naive(history, origins, 10, BAND, 7)
    for k, origin in enumerate(origins):
        alone = seasonal_naive(history[:origin], np.array([origin]), 10, BAND, 7)
        np.testing.assert_allclose(together[k], alone[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("season", "widening"),
    [(1, np.sqrt([1, 2, 3, 4, 5, 6])), (3, np.sqrt([1, 1, 1, 2, 2, 2]))],
)
def test_bands_widen_with_the_root_of_the_seasons_ahead(
    season: int, widening: np.ndarray
) -> None:
    """The 80 per cent band is 2 * 1.2816 sigma * sqrt(ceil(k / m)) wide at step k."""
    history = np.random.default_rng(0).normal(size=100)
    forecast = seasonal_naive(history, np.array([100]), 6, BAND, season)[0]
    sigma = np.sqrt(np.mean((history[season:] - history[:-season]) ** 2))
    width = forecast[:, 2] - forecast[:, 0]
    np.testing.assert_allclose(width, 2 * 1.2815515655446004 * sigma * widening)


def test_the_bands_of_a_random_walk_hold_their_level() -> None:
    """About 80 in 100 ends of random walks fall into the naive band, at each step."""
    walks = np.cumsum(np.random.default_rng(0).normal(size=(2000, 60)), axis=1)
    origin = np.array([50])
    bands = np.stack([naive(walk[:50], origin, 10, BAND)[0] for walk in walks])
    inside = (bands[..., 0] <= walks[:, 50:]) & (walks[:, 50:] <= bands[..., 2])
    np.testing.assert_allclose(inside.mean(axis=0), 0.8, atol=0.04)


def test_missing_history_is_the_last_value_known() -> None:
    """A gap is bridged by the value before it and does not narrow the bands."""
    history = np.array([1.0, 3.0, 1.0, 3.0, np.nan, np.nan])
    forecast = naive(history, np.array([6]), 1, BAND)[0, 0]
    assert forecast[1] == 3.0
    np.testing.assert_allclose(forecast[2] - 3.0, 2.0 * 1.2815515655446004)


def test_less_than_a_season_falls_back_on_naive() -> None:
    """Before one full season is known the last value is repeated."""
    history = np.array([1.0, 4.0, 2.0])
    seasonal = seasonal_naive(history, np.array([3]), 4, BAND, 7)
    np.testing.assert_array_equal(seasonal, naive(history, np.array([3]), 4, BAND))


def test_forward_fill_keeps_what_is_known() -> None:
    """Known values stay, every gap takes the one before it."""
    filled = forward_fill(np.array([2.0, np.nan, 5.0, np.nan, np.nan]))
    np.testing.assert_array_equal(filled, [2.0, 2.0, 5.0, 5.0, 5.0])
