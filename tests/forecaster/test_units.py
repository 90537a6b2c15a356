"""The ordinary error of each series: many at once, and none knows of another."""

import numpy as np
import pytest

from forecaster import units
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.units import UNIT_FLOOR, ordinary_errors, ordinary_spread


def by_hand(values: np.ndarray, season_length: int) -> float:
    """The unit of one series, step by step."""
    seen = values[~np.isnan(values)]
    bend = 0.05 * np.abs(seen).mean() + 5.0 * np.maximum(-seen, 0).mean() + 1e-30
    lag = season_length if len(values) > season_length else 1
    changes = [
        abs(np.arcsinh(values[i] / bend) - np.arcsinh(values[i - lag] / bend))
        for i in range(lag, len(values))
    ]
    known = [change for change in changes if np.isfinite(change)]
    return max(np.mean(known), UNIT_FLOOR) if known else UNIT_FLOOR


@pytest.mark.parametrize("block", [1, 50, 10**6])
@pytest.mark.parametrize("season", [1, 7])
def test_the_units_of_many_series_are_those_of_each(
    monkeypatch: pytest.MonkeyPatch, block: int, season: int
) -> None:
    """Short, constant, negative, missing and long ones, whatever the blocks."""
    monkeypatch.setattr(units, "BLOCK", block)
    rng = np.random.default_rng(0)
    values = [rng.normal(3, 4, n) for n in (1, 2, 7, 8, 30, 100, 60)]
    values += [np.full(20, 5.0), np.zeros(9), 1e9 * rng.random(40)]
    for series in values[3:7]:
        series[1:][rng.random(len(series) - 1) < 0.4] = np.nan
    names = [str(i) for i in range(len(values))]
    panel = Panel.from_series(names, values, [1] * len(values), Frequency("1"))
    ends = np.maximum(panel.lengths - rng.integers(0, 5, len(values)), 1)
    expected = [by_hand(panel.values_of(i)[:end], season) for i, end in enumerate(ends)]
    assert np.allclose(ordinary_errors(panel, ends, season), expected, rtol=1e-6)


def test_the_spread_is_that_of_the_first_values_of_a_usual_series() -> None:
    """A series that was constant in its first ring and wild later counts as constant."""
    values = [np.full(30, 7.0), np.tile([8.0, 12.0], 20), np.tile([50.0, 150.0], 20)]
    values[0][10:] = 1e6
    panel = Panel.from_series(list("abc"), values, [1] * 3, Frequency("1"))
    bend = 0.05 * 10.0
    expected = (np.arcsinh(12 / bend) - np.arcsinh(8 / bend)) / 2
    found = ordinary_spread(panel, panel.lengths, ring=10)
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_spread_of_single_values_is_nothing() -> None:
    """Where no series has a second value nothing is known of any spread."""
    panel = Panel.from_series(["a"], [np.array([3.0])], [1], Frequency("1"))
    assert ordinary_spread(panel, panel.lengths, ring=5) == 0.0
