"""Carrying many series at once equals carrying each alone."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.errors import InputError
from forecaster.panel import Panel
from forecaster.streaming import (
    advance_series,
    expect_series,
    forecast_series,
    quantiles_at,
    step_series,
)

pytestmark = pytest.mark.tf


def last_times(panel: Panel) -> list[Any]:
    """The time of the last value of each series."""
    return [panel.times_of(i)[-1] for i in range(len(panel))]


def carried(model: Any, panel: Panel, rows: list[int]) -> Any:
    """States after the whole history of some series, together."""
    values = [panel.values_of(i) for i in rows]
    starts = [panel.starts[i] for i in rows]
    return advance_series(model, model.initial_state(len(rows)), values, starts)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 300), max_size=6))
def test_carry_equals_replay_however_values_are_grouped(
    tiny_artifact: Any, seasonal_panel: Panel, cuts: list[int]
) -> None:
    """A history in pieces of any sizes ends in the state of one pass, within 1e-5."""
    values = seasonal_panel.values_of(0)
    whole = carried(tiny_artifact, seasonal_panel, [0])
    state = tiny_artifact.initial_state(1)
    times = seasonal_panel.times_of(0)
    edges = [0, *sorted(cuts), len(values)]
    for begin, end in pairwise(edges):
        if end > begin:
            state = advance_series(
                tiny_artifact, state, [values[begin:end]], [times[begin]]
            )
    assert np.allclose(state, whole, rtol=1e-5, atol=1e-6)


def test_series_of_different_lengths_do_not_disturb_each_other(
    tiny_artifact: Any, seasonal_panel: Panel
) -> None:
    """Advancing ragged histories together equals advancing each alone."""
    panel = seasonal_panel.cut([300, 7, 65, 1, 128, 200])
    together = carried(tiny_artifact, panel, list(range(6)))
    for i in range(6):
        alone = carried(tiny_artifact, panel, [i])
        assert np.allclose(together[i], alone[0], rtol=1e-5, atol=1e-6)


def test_nothing_new_leaves_the_state_as_it_is(
    tiny_artifact: Any, seasonal_panel: Panel
) -> None:
    """An empty piece is no step."""
    state = carried(tiny_artifact, seasonal_panel, [0, 1])
    starts = [seasonal_panel.starts[0]] * 2
    after = advance_series(tiny_artifact, state, [np.empty(0)] * 2, starts)
    assert (after == state).all()


def test_a_long_forecast_begins_with_the_short_one(
    tiny_artifact: Any, seasonal_panel: Panel
) -> None:
    """Rolling forward does not change what is forecast directly."""
    states = carried(tiny_artifact, seasonal_panel, [0, 1, 2])
    times = last_times(seasonal_panel)[:3]
    short = forecast_series(tiny_artifact, states, times, 12)
    rolled = forecast_series(tiny_artifact, states, times, 40)
    assert rolled.shape == (3, 40, len(tiny_artifact.manifest.quantiles))
    assert (rolled[:, :12] == short).all()
    assert (forecast_series(tiny_artifact, states, times, 5) == short[:, :5]).all()


def test_rolled_forecasts_grow_no_surer(
    tiny_artifact: Any, seasonal_panel: Panel
) -> None:
    """Beyond the horizon an interval is at least as wide as where the block before ended."""
    states = carried(tiny_artifact, seasonal_panel, [1])
    rolled = forecast_series(tiny_artifact, states, last_times(seasonal_panel)[1:2], 36)
    width = rolled[0, :, -1] - rolled[0, :, 0]
    assert (width[12:24] >= width[11] * (1 - 1e-5)).all()
    assert (width[24:36] >= width[23] * (1 - 1e-5)).all()
    assert (np.diff(rolled, axis=2) >= 0).all()


def test_ten_thousand_more_steps_leave_the_carry_sane(
    tiny_artifact: Any, seasonal_panel: Panel
) -> None:
    """Far beyond the training length a periodic series still gets the forecast it had."""
    season = 10 + 5 * np.sin(2 * np.pi * np.arange(12) / 12)
    start = [seasonal_panel.starts[0]]
    forecasts = []
    for repeats in (25, 2500):
        values = np.tile(season, repeats)
        state = advance_series(
            tiny_artifact, tiny_artifact.initial_state(1), [values], start
        )
        assert np.isfinite(state).all()
        last = seasonal_panel.frequency.times(start[0], np.array([11]))
        forecasts.append(forecast_series(tiny_artifact, state, list(last), 12))
    assert np.allclose(forecasts[0], forecasts[1], rtol=1e-3)


def test_quantiles_between_levels_lie_between_their_neighbours() -> None:
    """A level of the model is answered as it is, one in between by interpolation."""
    levels, forecasts = (0.1, 0.5, 0.9), np.array([[1.0, 2.0, 6.0]])
    assert quantiles_at(levels, forecasts, levels).tolist() == forecasts.tolist()
    between = quantiles_at(levels, forecasts, [0.3])[0, 0]
    assert 1.0 < between < 2.0


@pytest.mark.parametrize("level", [0.05, 0.95])
def test_a_quantile_outside_the_model_is_refused(level: float) -> None:
    """The message names the range there is."""
    with pytest.raises(InputError, match=r"between 0\.1 and 0\.9"):
        quantiles_at((0.1, 0.5, 0.9), np.zeros((1, 3)), [level])


@pytest.mark.parametrize("series", [1, 6])
def test_a_step_is_what_was_seen_and_what_follows(
    tiny_artifact: Any, seasonal_panel: Panel, series: int
) -> None:
    """One call gives the states, expectations and forecasts of two, within 1e-5."""
    rows = list(range(series))
    states = carried(tiny_artifact, seasonal_panel.cut([100] * 6), rows)
    starts = [seasonal_panel.times_of(i)[100] for i in rows]
    values = [seasonal_panel.values_of(i)[100:101] for i in rows]
    moved, expected = expect_series(tiny_artifact, states, values, starts)
    forecasts = forecast_series(tiny_artifact, moved, starts, 12)
    stepped = step_series(tiny_artifact, states, np.concatenate(values), starts)
    for one, other in zip(
        stepped, (moved, np.concatenate(expected), forecasts), strict=True
    ):
        assert np.allclose(one, other, rtol=1e-5, atol=1e-5, equal_nan=True)
