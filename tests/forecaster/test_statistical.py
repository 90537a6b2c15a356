"""Laws of the statistical baselines: what they may know, and who stands in for them."""

import numpy as np
import pytest

from forecaster import statistical
from forecaster.errors import ConfigError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.statistical import MODELS, Shape, fitted, forecast_all

LEVELS = (0.025, 0.1, 0.3, 0.5, 0.7, 0.9, 0.975)
SHAPE = Shape(horizon=4, levels=LEVELS, season_length=4)


def seasons(count: int) -> np.ndarray:
    """A trend with a season of four steps and a little noise."""
    step = np.arange(count)
    noise = np.random.default_rng(0).normal(0, 0.3, count)
    return np.asarray(20.0 + 0.1 * step + 3.0 * (step % 4) + noise)


@pytest.mark.parametrize("name", ["AutoETS", "Theta"])
def test_a_seasonal_series_is_forecast_with_rising_quantiles(name: str) -> None:
    """The median is near what comes, and the quantiles do not cross."""
    series = seasons(84)
    found = fitted(name, SHAPE, series[:80])
    assert found is not None
    assert (np.diff(found, axis=-1) >= 0).all()
    assert np.abs(found[:, LEVELS.index(0.5)] - series[80:]).max() < 2.0


def test_each_window_is_fitted_to_what_precedes_it_alone() -> None:
    """Values after a cutoff change nothing; gaps are filled; the seasonal naive stands in."""
    series = seasons(60)
    changed = series.copy()
    changed[56:] = 1e6
    changed[20:25] = series[20:25] = np.nan
    short = seasons(7)
    panel = Panel.from_series(
        ["a", "b", "short"], [series, changed, short], [1, 1, 1], Frequency("1")
    )
    origins = np.array([[52, 56], [52, 56], [2, 3]])
    told: list[str] = []
    found = forecast_all(panel, origins, SHAPE, ["AutoETS"], told.append)["AutoETS"]
    assert found.shape == (3, 2, 4, len(LEVELS))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[2, 0, :, LEVELS.index(0.5)], short[1])
    assert "could not be fitted 2 times; SeasonalNaive stands in" in told[-1]


def test_what_cannot_be_fitted_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unknown model names those there are; a missing library how to install it."""
    with pytest.raises(ConfigError, match=r"AutoETS.*got 'ETS'"):
        statistical.check(["ETS"])
    statistical.check(MODELS)
    monkeypatch.setattr(statistical, "find_spec", lambda name: None)
    statistical.check([])
    with pytest.raises(ConfigError, match=r"pip install 'forecaster\[stats\]'"):
        statistical.check(["AutoETS"])
