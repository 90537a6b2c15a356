"""Holidays as features: the right days, whatever the step."""

import numpy as np
import pytest

from forecaster import holiday
from forecaster.calendar import feature_names, features
from forecaster.errors import ConfigError
from forecaster.frequency import Frequency

CHRISTMAS = np.datetime64("2024-12-25", "us")


def column(alias: str, start: str, steps: int, name: str) -> list[float]:
    """One feature of some steps."""
    frequency = Frequency(alias)
    times = frequency.times(np.datetime64(start, "us"), np.arange(steps))
    place = feature_names(frequency, ["DE", "US"]).index(name)
    return features(frequency, times, ["DE", "US"])[:, place].tolist()


def test_every_hour_of_a_holiday_is_marked() -> None:
    """And every hour of the day before as its eve."""
    marked = column("h", "2024-12-24", 72, "holiday_US")
    assert marked == [0.0] * 24 + [1.0] * 24 + [0.0] * 24
    eve = column("h", "2024-12-23", 72, "holiday_eve_US")
    assert eve == [0.0] * 24 + [1.0] * 24 + [0.0] * 24


def test_each_country_has_its_own_days() -> None:
    """The second day of Christmas is a holiday in Germany alone."""
    assert column("D", "2024-12-25", 2, "holiday_DE") == [1.0, 1.0]
    assert column("D", "2024-12-25", 2, "holiday_US") == [1.0, 0.0]


@pytest.mark.parametrize(
    ("alias", "start", "expected"),
    [
        ("W-MON", "2024-12-16", [0.0, 2.0, 1.0]),
        ("MS", "2024-11-01", [0.0, 2.0, 1.0]),
        ("ME", "2024-11-30", [0.0, 2.0, 1.0]),
        ("QE-DEC", "2024-09-30", [0.0, 3.0]),
        ("QS-JAN", "2024-07-01", [0.0, 3.0]),
    ],
)
def test_long_steps_count_their_holidays(
    alias: str, start: str, expected: list[float]
) -> None:
    """A step that is named by its end counts the days up to there."""
    assert column(alias, start, len(expected), "holidays_DE") == expected


def test_the_turn_of_the_year_is_no_edge() -> None:
    """The eve of New Year looks into the next year."""
    assert column("D", "2024-12-31", 2, "holiday_eve_US") == [1.0, 0.0]


@pytest.mark.parametrize("country", ["Narnia", "XX", "US-QQ", ""])
def test_an_unknown_country_is_refused(country: str) -> None:
    """The error says how countries are written."""
    with pytest.raises(ConfigError, match="such as US"):
        holiday.check(Frequency("D"), [country])


def test_integer_steps_have_no_holidays() -> None:
    """There is no day to look up."""
    with pytest.raises(ConfigError, match="whole numbers"):
        holiday.check(Frequency("1"), ["US"])
