"""Laws of calendar features."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.calendar import feature_names, features, learnable
from forecaster.frequency import Frequency

patient = settings(deadline=None)  # a busy machine is no error

DATED = ["10s", "5min", "h", "6h", "D", "B", "W-MON", "MS", "ME", "QE-DEC"]
BARE = ["1", "5", "YS-JAN", "YE-DEC", "2YS-JAN"]
START = np.datetime64("2019-12-31T00:00", "us")


def ten_years(frequency: Frequency) -> np.ndarray:
    """Times of a frequency, spread over ten years."""
    span = 10 * 366 * 86_400
    unit_s = {"second": 1, "business": 86_400, "month": 30 * 86_400}[
        frequency.step.unit
    ]
    count = span // (frequency.step.count * unit_s)
    steps = np.unique(np.linspace(0, count, 5_000).astype(np.int64))
    return frequency.times(START, steps)


@pytest.mark.parametrize("alias", DATED)
def test_features_are_bounded_and_named(alias: str) -> None:
    """Each feature is a float32 within -1 and 1, and has a name of its own."""
    frequency = Frequency(alias)
    columns = features(frequency, ten_years(frequency))
    names = feature_names(frequency)
    assert columns.dtype == np.float32
    assert columns.shape == (len(ten_years(frequency)), len(names))
    assert len(set(names)) == len(names) > 0
    assert np.abs(columns).max() <= 1


@pytest.mark.parametrize("alias", DATED)
def test_no_feature_is_useless(alias: str) -> None:
    """Over ten years no feature of a frequency stays as it is."""
    frequency = Frequency(alias)
    assert (np.ptp(features(frequency, ten_years(frequency)), axis=0) > 0.5).all()


@pytest.mark.parametrize("alias", BARE)
def test_whole_numbers_and_years_have_no_calendar(alias: str) -> None:
    """Integer steps and yearly series have no feature, for any number of times."""
    frequency = Frequency(alias)
    start = np.int64(1) if frequency.is_integer else START
    assert feature_names(frequency) == ()
    assert features(frequency, frequency.times(start, np.arange(3))).shape == (3, 0)


@patient
@given(st.sampled_from(DATED), st.integers(1, 100), st.integers(0, 100))
def test_a_time_has_the_same_features_in_any_company(
    alias: str, count: int, cut: int
) -> None:
    """Features of two stretches put together are those of the whole."""
    frequency = Frequency(alias)
    times = frequency.times(START, np.arange(count))
    parts = [features(frequency, part) for part in (times[:cut], times[cut:])]
    assert (np.concatenate(parts) == features(frequency, times)).all()


@pytest.mark.parametrize(
    ("alias", "cycle", "steps"),
    [
        ("10s", "minute", 6),
        ("5min", "hour", 12),
        ("h", "day", 24),
        ("h", "week", 168),
        ("D", "week", 7),
        ("MS", "month", 12),
        ("ME", "month", 12),
        ("QE-DEC", "month", 4),
    ],
)
def test_a_cycle_returns_and_tells_its_steps_apart(
    alias: str, cycle: str, steps: int
) -> None:
    """After one cycle the wave is where it was; within it no two steps are alike."""
    frequency = Frequency(alias)
    names = feature_names(frequency)
    wave = features(frequency, frequency.times(START, np.arange(2 * steps)))
    wave = wave[:, [names.index(f"{cycle}_sin"), names.index(f"{cycle}_cos")]]
    np.testing.assert_allclose(wave[:steps], wave[steps:], atol=1e-6)
    assert len(np.unique(wave[:steps].round(3), axis=0)) == steps
    np.testing.assert_allclose((wave**2).sum(axis=1), 1, atol=1e-6)


def test_waves_are_smooth_where_a_cycle_begins_again() -> None:
    """From one hour to the next no wave jumps, not even over New Year."""
    hourly = Frequency("h")
    waves = features(hourly, hourly.times(START, np.arange(24 * 370)))[:, :-1]
    assert np.abs(np.diff(waves, axis=0)).max() < 2 * np.pi / 24 + 1e-6


def test_weekends_are_saturday_and_sunday() -> None:
    """The flag is up on Saturdays and Sundays only."""
    daily = Frequency("D")
    monday = np.datetime64("2024-01-01", "us")
    flag = features(daily, daily.times(monday, np.arange(7)))[:, -1]
    assert feature_names(daily)[-1] == "weekend"
    assert flag.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert "weekend" not in feature_names(Frequency("B"))


@pytest.mark.parametrize(
    ("days", "muted"),
    [
        (60, {"month_day_sin", "month_day_cos", "year_sin", "year_cos"}),
        (400, {"year_sin", "year_cos"}),
        (800, set()),
    ],
)
def test_a_cycle_that_was_hardly_seen_tells_nothing(days: int, muted: set[str]) -> None:
    """Half a year says nothing of the year, and all else stays."""
    frequency = Frequency("h")
    told = learnable(frequency, np.timedelta64(days, "D"))
    names = np.array(feature_names(frequency))
    assert set(names[~told]) == muted
