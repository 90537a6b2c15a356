"""The ring buffer in the graph, against a plain loop."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
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


def usual(sizes: np.ndarray, weight: np.ndarray) -> float:
    """A mean for which what is ten times the plain mean is no larger than that."""
    mean = np.average(sizes, weights=weight)
    return float(np.average(np.minimum(sizes, 10 * mean), weights=weight))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.just(np.nan), st.integers(-40, 99)), min_size=2, max_size=20)
)
def test_bend_level_and_scale_equal_those_of_a_plain_loop(tail: list[float]) -> None:
    """They are means over observed values, the level over the last season alone.

    What is more than ten times a mean counts as no more than that.
    """
    from forecaster.memory import Memory, frames, remember

    values = np.array([7.0, 9.0, *tail])
    zeros = np.zeros((1, RING), np.float32)
    memory = Memory(zeros, zeros, np.zeros((1, 1), np.float32))
    grown = remember(memory, values[None].astype(np.float32), SEASON)
    found = frames(grown, RING, SEASON)

    ring = filled_by_hand(values)[-RING:]
    weight = np.where(np.isnan(values), 1e-3, 1.0)[-RING:]
    assume(np.any(ring[weight == 1.0] != 0.0))  # zeros alone have no size to go by
    size = usual(np.abs(ring), weight)
    negative = np.minimum(np.maximum(-ring, 0), 10 * size)
    bend = 0.05 * size + 5.0 * np.average(negative, weights=weight)
    bent = np.arcsinh(ring / bend)
    level = np.average(bent[-SEASON:], weights=weight[-SEASON:])
    scale = usual(np.abs(bent - level), weight)
    got = [float(part[0, -1, 0]) for part in (found.bend, found.level, found.scale)]
    centre = float(found.centre[0, -1, 0])
    distance = level - np.arcsinh(centre / bend)
    assert np.allclose(got, [bend, distance, scale], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("height", [0.0, 1e3, -1e3, 1e5, 1e6, -1e6])
def test_small_changes_of_a_high_level_are_seen_and_given_back(height: float) -> None:
    """A level of a million with changes of one: scaled as in float64, and back again."""
    from forecaster.memory import Memory, bend, frames, remember, unbend

    noise = np.random.default_rng(0).normal(size=(1, RING))
    values = (height + noise).astype(np.float32)
    zeros = np.zeros((1, RING), np.float32)
    memory = Memory(zeros, zeros, np.zeros((1, 1), np.float32))
    found = frames(remember(memory, values, SEASON), RING, SEASON)

    exact = values[0].astype(np.float64)
    share = 0.05 * np.abs(exact).mean() + 5.0 * np.maximum(-exact, 0).mean()
    bent = np.arcsinh(exact / share)
    away = bent - bent[-SEASON:].mean()
    scaled = away / np.abs(away).mean()
    np.testing.assert_allclose(found.scaled[0, -1], scaled, rtol=0.1, atol=0.05)
    ahead = bend(found, np.tile(values, (1, RING, 1))[..., None])[0, -1, :, 0]
    again = (ahead - found.level[0, -1]) / found.scale[0, -1]
    np.testing.assert_allclose(again, scaled, rtol=0.1, atol=0.05)
    raw = np.asarray(unbend(found, found.scaled[..., None]))[0, -1, :, 0]
    assert np.abs(raw - values[0]).max() <= 4 * np.spacing(np.abs(values).max())


def test_a_forecast_stays_within_reach_of_what_was_seen() -> None:
    """However far the network shoots, about twenty times the largest value is the end."""
    from forecaster.memory import Memory, frames, remember, unbend

    zeros = np.zeros((1, RING), np.float32)
    y = np.array([[10.0, 12.0, 11.0, 40.0]], np.float32)
    memory = Memory(zeros, zeros, np.zeros((1, 1), np.float32))
    result = frames(remember(memory, y, SEASON), RING, SEASON)
    shot = np.full((1, 4, 1, 2), [[-1e9, 1e9]], np.float32)
    raw = np.asarray(unbend(result, shot))[0, -1, 0]
    assert -1000 < raw[0] < -400
    assert 400 < raw[1] < 1000


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
    raw = unbend(result, seasonal_naive(result, np.arange(5), SEASON)[..., None])
    assert np.allclose(np.asarray(raw)[0, -1, :, 0], [10, 11, 12, 10, 11])


def test_a_jump_out_of_zeros_is_finite_on_the_bent_scale() -> None:
    """Whatever follows a ring of zeros, its place on the scale is a number, with a sign."""
    from forecaster.memory import Memory, bend, frames, remember

    zeros = np.zeros((1, RING), np.float32)
    memory = Memory(zeros, zeros, np.zeros((1, 1), np.float32))
    result = frames(
        remember(memory, np.zeros((1, 9), np.float32), SEASON), RING, SEASON
    )
    raw = np.array([-3e38, -1e9, 0.0, 1e9, 3e38], np.float32)
    bent = np.asarray(bend(result, np.tile(raw, (1, 9, 1))))[0, -1]
    assert np.isfinite(bent).all()
    assert (np.sign(bent) == np.sign(raw)).all()


def test_the_fast_asinh_is_asinh() -> None:
    """To seven digits of one, from the smallest to the largest scaled value there is."""
    from forecaster.memory import asinh

    numbers = np.concatenate([np.zeros(1), np.logspace(-9, 12, 200)]).astype(np.float32)
    for sign in (1.0, -1.0):
        found = np.asarray(asinh(sign * numbers))
        np.testing.assert_allclose(
            found, sign * np.arcsinh(numbers.astype(float)), rtol=1e-6, atol=2e-7
        )


@pytest.mark.parametrize("middle", [0.0, 0.1, -0.1, 1.0, -3.0, 20.0, -20.0, 1e6])
def test_a_bent_distance_is_one_of_the_bent_scale(middle: float) -> None:
    """The raw one is that of sinh at both its ends, in float64, however near or far."""
    from forecaster.memory import Anchor, apart

    sizes = np.concatenate([np.zeros(1), np.logspace(-7, 1.2, 100)])
    distance = np.concatenate([-sizes, sizes]).astype(np.float32)
    found = np.asarray(apart(Anchor(2.0, 2.0 * middle, 0.0, 1.0, 50.0), distance))
    bent = np.arcsinh(np.float64(np.float32(middle)))
    expected = 2.0 * (np.sinh(bent + distance.astype(float)) - np.sinh(bent))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("outlier", [1e6, -1e5])
def test_one_outlier_does_not_rule_the_scale(outlier: float) -> None:
    """A season after it, ordinary values still stand apart by about what they did."""
    from forecaster.memory import Memory, frames, remember

    rng = np.random.default_rng(0)
    ring, season = 192, 24
    usual = (10 + rng.normal(0, 0.3, (1, 240))).astype(np.float32)
    struck = usual.copy()
    struck[0, 200] = outlier
    units = []
    for values in (usual, struck):
        empty = np.zeros((1, ring), np.float32)
        begin = Memory(empty, empty, np.zeros((1, 1), np.float32))
        found = frames(remember(begin, values, season), ring, season)
        scaled = np.asarray(found.scaled)[0, -1, -season:]
        units.append(np.abs(np.diff(scaled)).mean())
    assert units[1] > 0.1 * units[0]


def framed(values: list[float], spread: float = 0.0, positive: float = 0.0) -> Any:
    """The frames of one series under what is usual for a model."""
    from forecaster.memory import Memory, Usual, frames, remember

    zeros = np.zeros((1, RING), np.float32)
    begin = Memory(zeros, zeros, np.zeros((1, 1), np.float32))
    grown = remember(begin, np.array([values], np.float32), SEASON)
    return frames(grown, RING, SEASON, Usual(spread, positive))


def test_a_young_series_is_as_wide_as_others_and_a_grown_one_as_itself() -> None:
    """One value has the spread of other series, a full ring its own alone."""
    values = [5.0, 5.1, 4.9, 5.0, 5.1, 4.9, 5.0, 5.1, 4.9, 5.0]
    given = np.asarray(framed(values, spread=0.3).scale)[0, :, 0]
    own = np.asarray(framed(values).scale)[0, :, 0]
    assert given[0] == pytest.approx(0.3, rel=1e-3)
    assert (np.diff(given - own)[: RING - 1] < 0).all()
    assert (given[RING - 1 :] == own[RING - 1 :]).all()


@pytest.mark.parametrize(
    ("values", "positive", "least"),
    [
        ([3.0, 0.0, 2.0, 9.0], 1.0, 0.0),
        ([3.0, 0.0, 2.0, 9.0], 0.0, -1.0),  # others were negative
        ([3.0, -4.0, 2.0, 9.0], 1.0, -1.0),  # it was negative itself
    ],
)
def test_what_was_never_negative_is_not_forecast_below_zero(
    values: list[float], positive: float, least: float
) -> None:
    """Neither by the network nor by the widening of its intervals."""
    from forecaster.calibration import grades, widened
    from forecaster.memory import anchor, unbend

    found = framed(values, positive=positive)
    scaled = np.array([-60.0, -40.0, -30.0, 0.0, 1.0], np.float32)
    given = np.broadcast_to(scaled, (1, len(values), 5))
    raw = np.asarray(unbend(found, given[:, :, None]))[0, -1, 0]
    about = grades(4, SEASON, (0.025, 0.1, 0.5, 0.9, 0.975))
    wide = np.asarray(widened(given, anchor(found), np.ones(5, np.float32), about))
    for quantiles in (raw, wide[0, -1]):
        assert quantiles[0] == 0 if least == 0 else quantiles[0] < least
        assert (np.diff(quantiles) >= 0).all()
