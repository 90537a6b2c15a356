"""The ring buffer in the graph, against a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytestmark = pytest.mark.tf

RING, SEASON = 8, 3


def filled_by_hand(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A missing value is that of one season before; in the first season, the last one."""
    out = values.copy()
    begin = int(np.argmax(~np.isnan(values)))
    for i in range(begin, len(out)):
        if np.isnan(out[i]):
            out[i] = out[i - SEASON] if i - begin >= SEASON else out[i - 1]
    return out


def remembered(
    values: NDArray[np.float64], cuts: list[int]
) -> tuple[NDArray[np.float32], float]:
    """The ring's values and the age after feeding the values in pieces."""
    from forecaster.memory import Memory, remember

    zeros = np.zeros((1, RING), np.float32)
    memory = Memory(zeros, zeros, np.zeros((1, 1), np.float32))
    for piece in np.split(values, cuts):
        if len(piece):
            grown = remember(memory, piece[None].astype(np.float32), SEASON)
            memory = Memory(
                grown.values[:, -RING:], grown.seen[:, -RING:], grown.age[:, -1:]
            )
    return np.asarray(memory.values)[0], float(memory.age[0, 0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.just(np.nan), st.integers(1, 99)), min_size=0, max_size=20),
    st.lists(st.integers(1, 20), max_size=4),
)
def test_filling_gaps_equals_a_plain_loop_however_the_values_are_grouped(
    tail: list[float], cuts: list[int]
) -> None:
    """The ring holds what a loop over all values would, whatever the grouping."""
    values = np.array([7.0, *tail])
    ring, age = remembered(values, sorted(cuts))
    expected = filled_by_hand(values)[-RING:]
    assert ring[-len(expected) :].tolist() == expected.tolist()
    assert age == len(values)


def test_a_series_begins_with_its_first_observed_value() -> None:
    """Missing values before the first one do not age a series."""
    _, age = remembered(np.array([np.nan, np.nan, 4.0, np.nan]), [])
    assert age == 2


@pytest.mark.parametrize("value", [0.0, 5.0, -1e20, 1e-25])
def test_a_constant_series_has_a_finite_positive_scale(value: float) -> None:
    """Zero, tiny and huge constants give a level of their own and no division by zero."""
    from forecaster.memory import Memory, frames, remember, unbend

    zeros = np.zeros((1, RING), np.float32)
    y = np.full((1, 20), value, np.float32)
    grown = remember(Memory(zeros, zeros, np.zeros((1, 1), np.float32)), y, SEASON)
    result = frames(grown, RING, SEASON)
    assert (np.asarray(result.scale) > 0).all()
    assert np.isfinite(np.asarray(result.scaled)).all()
    raw = np.asarray(unbend(result, result.scaled[..., None]))[0, -1, -1]
    assert np.allclose(raw, np.float32(value), rtol=1e-5, atol=0)


def test_the_seasonal_naive_base_repeats_the_last_season() -> None:
    """Each step ahead stands on the value one season before, in raw numbers."""
    from forecaster.memory import Memory, frames, remember, seasonal_naive, unbend

    zeros = np.zeros((1, RING), np.float32)
    y = np.arange(1, 13, dtype=np.float32)[None]
    grown = remember(Memory(zeros, zeros, np.zeros((1, 1), np.float32)), y, SEASON)
    result = frames(grown, RING, SEASON)
    raw = unbend(result, seasonal_naive(result, 5, SEASON)[..., None])
    assert np.allclose(np.asarray(raw)[0, -1, :, 0], [10, 11, 12, 10, 11])
