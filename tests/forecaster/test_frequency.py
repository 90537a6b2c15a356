"""Laws of counting in calendar steps, and of finding the step of given times."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.errors import InputError
from forecaster.frequency import Frequency, OffGrid, anchored, infer

patient = settings(deadline=None)  # a busy machine is no error

CALENDAR = [
    "s",
    "10s",
    "min",
    "5min",
    "15min",
    "30min",
    "h",
    "2h",
    "6h",
    "12h",
    "D",
    "2D",
    "B",
    "W-SUN",
    "W-MON",
    "2W-WED",
    "MS",
    "ME",
    "BMS",
    "BME",
    "2MS",
    "QS-JAN",
    "QS-FEB",
    "QE-DEC",
    "QE-OCT",
    "BQS-MAR",
    "BQE-DEC",
    "YS-JAN",
    "YS-JUN",
    "YE-DEC",
    "YE-JUN",
    "BYE-DEC",
    "2YS-JAN",
]
MOMENTS = st.datetimes(
    datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2100-01-01")
)


def pandas_times(alias: str, count: int = 60) -> np.ndarray:
    """What pandas, the referee, makes of an alias."""
    times = pd.date_range("2019-12-03", periods=count, freq=alias)
    return np.asarray(times.values.astype("M8[us]"))


@patient
@given(
    st.sampled_from(CALENDAR),
    MOMENTS,
    st.lists(st.integers(0, 2_000), min_size=1, max_size=20),
)
def test_counting_undoes_moving(alias: str, moment: datetime, steps: list[int]) -> None:
    """The steps from a start to the times so many steps after it are those steps."""
    frequency = Frequency(alias)
    start = np.datetime64(moment, "us")
    if alias == "B":  # a business day cannot be a weekend
        start = np.busday_offset(start.astype("M8[D]"), 0, roll="forward").astype(
            "M8[us]"
        )
    assert frequency.steps(start, frequency.times(start, steps)).tolist() == steps


@patient
@given(
    st.integers(1, 1_000),
    st.integers(-(10**9), 10**9),
    st.lists(st.integers(0, 10**6), min_size=1),
)
def test_counting_undoes_moving_for_whole_numbers(
    step: int, start: int, steps: list[int]
) -> None:
    """Integer steps are counted as exactly as dates."""
    frequency = Frequency(str(step))
    times = frequency.times(np.int64(start), steps)
    assert times.tolist() == [start + step * one for one in steps]
    assert frequency.steps(np.int64(start), times).tolist() == steps


@pytest.mark.parametrize("alias", CALENDAR)
def test_times_are_those_of_pandas(alias: str) -> None:
    """Moving from the first time of a pandas range gives that range."""
    times = pandas_times(alias)
    assert (Frequency(alias).times(times[0], np.arange(len(times))) == times).all()


@pytest.mark.parametrize("alias", CALENDAR)
def test_inference_finds_the_alias(alias: str) -> None:
    """The alias that made the times is found again, with and without gaps."""
    times = pandas_times(alias)
    assert infer([times]).alias == alias
    kept = np.random.default_rng(1).random(len(times)) < 0.8
    assert infer([times[kept]]).alias == alias


@patient
@given(st.sampled_from(["h", "D", "MS"]), MOMENTS)
def test_the_first_time_is_the_phase(alias: str, moment: datetime) -> None:
    """Any first time is as good as midnight on the 1st: steps keep its clock."""
    start = np.datetime64(moment, "us")
    times = Frequency(alias).times(start, np.arange(48))
    clock = (times - times.astype("M8[h]")).astype(np.int64)
    assert times[0] == start
    assert len(set(clock.tolist())) == 1


@patient
@given(st.sampled_from(CALENDAR), MOMENTS, st.integers(1, 400))
def test_times_between_steps_are_off_the_grid(
    alias: str, moment: datetime, step: int
) -> None:
    """Half a second after a grid time is no grid time, and the index says which."""
    start = np.busday_offset(np.datetime64(moment, "D"), 0, roll="forward").astype(
        "M8[us]"
    )
    times = Frequency(alias).times(start, np.arange(step + 1))
    times[step] += np.timedelta64(500, "ms")
    with pytest.raises(OffGrid, match="not a whole number") as caught:
        Frequency(alias).steps(start, times)
    assert caught.value.index == step


def test_a_step_on_another_day_of_the_month_is_off_the_grid() -> None:
    """Monthly series refuse a time on the wrong day."""
    times = np.array(["2024-01-01", "2024-02-02"], "M8[us]")
    with pytest.raises(OffGrid):
        Frequency("MS").steps(times[0], times)


def test_a_month_without_the_day_takes_its_last() -> None:
    """Monthly on the 30th goes over the last of February and comes back to the 30th."""
    start = np.datetime64("2023-01-30", "us")
    days = Frequency("MS").times(start, np.arange(3)).astype("M8[D]").astype(str)
    assert days.tolist() == ["2023-01-30", "2023-02-28", "2023-03-30"]


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("H", "h"),
        ("T", "min"),
        ("15T", "15min"),
        ("60min", "h"),
        ("24h", "D"),
        ("S", "s"),
        ("M", "ME"),
        ("BM", "BME"),
        ("Q", "QE-DEC"),
        ("QS", "QS-JAN"),
        ("QS-OCT", "QS-JAN"),
        ("Q-MAR", "QE-DEC"),
        ("A", "YE-DEC"),
        ("Y", "YE-DEC"),
        ("AS-JUL", "YS-JUL"),
        ("W", "W-SUN"),
        ("7D", "W-SUN"),
        ("w-mon".upper(), "W-MON"),
        ("3MS", "3MS"),
        (" h ", "h"),
        ("1", "1"),
        ("007", "7"),
    ],
)
def test_both_spellings_are_understood(text: str, alias: str) -> None:
    """Old and new pandas spellings, and sums of smaller steps, have one name inside."""
    assert Frequency.parse(text).alias == alias


@patient
@given(st.sampled_from(CALENDAR))
def test_canonical_names_stay(alias: str) -> None:
    """Parsing what parsing gave changes nothing."""
    assert Frequency.parse(alias).alias == alias


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hourly",
        "m",
        "ms",
        "ns",
        "0",
        "0h",
        "-1",
        "W-XYZ",
        "h-MON",
        "MS-JAN",
        "1.5h",
        "9" * 30,
        "٣",
    ],
)
def test_unknown_frequencies_are_refused_with_the_known_ones(text: str) -> None:
    """A frequency that is none names those that are."""
    with pytest.raises(InputError, match=r"expected one of s, min, h.*--freq h"):
        Frequency.parse(text)


def test_a_frequency_is_canonical() -> None:
    """A value with an old name cannot be made by going around the parser."""
    with pytest.raises(InputError, match=r"Frequency\.parse"):
        Frequency("H")


@pytest.mark.parametrize(
    ("alias", "season"),
    [
        ("s", 60),
        ("min", 1440),
        ("5min", 288),
        ("30min", 48),
        ("h", 24),
        ("2h", 12),
        ("7h", 1),
        ("D", 7),
        ("B", 5),
        ("W-SUN", 52),
        ("MS", 12),
        ("ME", 12),
        ("QE-DEC", 4),
        ("YS-JAN", 1),
        ("1", 1),
        ("5", 1),
    ],
)
def test_the_season_is_one_natural_cycle(alias: str, season: int) -> None:
    """The default season is the number of steps in the next natural cycle, else 1."""
    assert Frequency(alias).season_length == season


def test_no_weekend_makes_business_days_and_a_weekend_makes_days() -> None:
    """Five days a week are business days; one Saturday among them makes gaps of days."""
    weekdays = pandas_times("B")
    assert infer([weekdays]).alias == "B"
    saturday = np.datetime64("2019-12-07", "us")
    assert infer([np.sort(np.append(weekdays, saturday))]).alias == "D"
    assert infer([pandas_times("D", 4)]).alias == "D"


def test_a_few_wrong_times_do_not_hide_the_step() -> None:
    """One time off the grid leaves the step as it is, so that its row can be named."""
    times = pandas_times("h")
    times[30] += np.timedelta64(7, "m")
    assert infer([times]).alias == "h"


def test_many_shorter_steps_make_the_divisor_the_step() -> None:
    """Where steps of 10 and of 5 minutes alternate, the step is 5 minutes."""
    start = np.datetime64("2024-01-01", "us")
    minutes = np.cumsum([10, 10, 10, 5, 10, 5] * 10)
    assert infer([start + minutes * np.timedelta64(1, "m")]).alias == "5min"


def test_irregular_times_are_refused() -> None:
    """Times without a step are refused, and the message names the option."""
    seconds = np.cumsum(np.random.default_rng(0).integers(200, 400, 100))
    times = np.datetime64("2024-01-01", "us") + seconds * np.timedelta64(1, "s")
    with pytest.raises(InputError, match=r"series 'a'.*irregular|series 'a'.*--freq"):
        infer([times], ["a"])


@pytest.mark.parametrize(
    ("usual", "odd"),
    [("D", "W-SUN"), ("D", "MS"), ("D", "h"), ("MS", "D"), ("h", "5min")],
)
def test_two_frequencies_in_one_file_are_refused(usual: str, odd: str) -> None:
    """A series of another frequency is named, whichever of the two is more common."""
    with pytest.raises(InputError, match=r"series '(usual|odd)'.*Split the file"):
        infer([pandas_times(usual, 300), pandas_times(odd, 20)], ["usual", "odd"])


def test_gaps_do_not_make_another_frequency() -> None:
    """A series that is often absent belongs to the frequency of the others."""
    times = pandas_times("D", 300)
    absent = times[np.random.default_rng(2).random(300) < 0.2]
    assert infer([times, absent]).alias == "D"


def test_one_time_shows_no_step() -> None:
    """Series of one time each are refused with the option to give."""
    with pytest.raises(InputError, match=r"at least two timestamps.*--freq"):
        infer([pandas_times("D", 1), pandas_times("D", 1)])
    with pytest.raises(InputError, match="--freq"):
        infer([])


@patient
@given(
    st.lists(st.sets(st.integers(0, 10**14), min_size=1, max_size=30), min_size=1),
    st.sampled_from([1, 10**6, 60 * 10**6, 86_400 * 10**6]),
)
def test_any_times_have_a_frequency_or_are_refused(
    series: list[set[int]], unit: int
) -> None:
    """Whatever the times, the answer is a frequency or an error for the user."""
    times = [
        np.unique(np.array(sorted(one)) // unit * unit).astype("M8[us]")
        for one in series
    ]
    with suppress(InputError):
        assert infer(times).season_length >= 1


def test_steps_below_a_second_are_refused() -> None:
    """Milliseconds are refused with a way out."""
    times = np.datetime64("2024-01-01", "us") + np.arange(9) * np.timedelta64(250, "ms")
    with pytest.raises(InputError, match=r"0.25 s.*Number the steps"):
        infer([times])


@patient
@given(st.lists(st.integers(1, 50), min_size=2, max_size=20), st.integers(1, 9))
def test_whole_numbers_step_by_their_common_divisor(gaps: list[int], step: int) -> None:
    """Integer times lie on the grid of the step inferred, which no longer one would do."""
    times = np.cumsum([gap * step for gap in gaps])
    found = infer([times])
    assert found.steps(times[0], times).tolist() == [
        (time - times[0]) // int(found.alias) for time in times.tolist()
    ]
    assert int(found.alias) == np.gcd.reduce(np.diff(times))


def test_names_follow_where_the_series_lie() -> None:
    """Weeks are named after their weekday, quarters after their month, if all agree."""
    mondays = np.array(["2024-01-01", "2024-01-08"], "M8[us]")
    assert anchored(Frequency.parse("W"), mondays).alias == "W-MON"
    assert (
        anchored(Frequency.parse("Q"), np.array(["2024-02-29"], "M8[us]")).alias
        == "QE-NOV"
    )
    mixed = np.array(["2024-01-01", "2024-02-01"], "M8[us]")
    assert anchored(Frequency.parse("QS"), mixed).alias == "3MS"
    assert anchored(Frequency.parse("M"), mondays[:1]).alias == "MS"
    assert anchored(Frequency("B"), mondays) == Frequency("B")


@patient
@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_offsets_are_taken_out(moment: datetime, minutes: int) -> None:
    """A text with an offset is the same instant in UTC; format and parse are inverse."""
    hourly = Frequency("h")
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    utc = np.datetime64(zoned.astimezone(UTC).replace(tzinfo=None), "us")
    assert hourly.parse_time(zoned.isoformat()) == utc
    (text,) = hourly.format(np.array([utc]))
    assert "T" in text
    assert hourly.parse_time(text) == utc == hourly.parse_time(text + "Z")


def test_a_month_is_its_first_day() -> None:
    """Year and month alone are ISO-8601 too."""
    assert Frequency("MS").parse_time("2024-02") == np.datetime64("2024-02-01", "us")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "01/02/2024",
        "2024-13-01",
        5,
        None,
        "0001-01-01T00:00+05:00",
        "x" * 10_000,
    ],
)
def test_other_times_are_refused(value: object) -> None:
    """What is no ISO-8601 text is refused briefly, with an example of one that is."""
    with pytest.raises(InputError, match="2024-01-31T18:00:00") as caught:
        Frequency("D").parse_time(value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", ["7", 7.0, True, None, 2**60])
def test_other_steps_are_refused(value: object) -> None:
    """What is no whole number of modest size is refused for an integer frequency."""
    with pytest.raises(InputError, match="expected a whole number"):
        Frequency("1").parse_time(value)


def test_times_are_formatted_to_the_second_where_that_is_all() -> None:
    """A fraction of a second is shown where there is one, and nowhere else."""
    times = np.array(["2024-01-01", "2024-01-01T00:00:00.5"], "M8[us]")
    wanted = ["2024-01-01T00:00:00", "2024-01-01T00:00:00.500000"]
    assert Frequency("s").format(times) == wanted


def test_whole_numbers_are_formatted_as_such() -> None:
    """Integer times go out as plain Python integers."""
    formatted = Frequency("5").format(np.array([5, 10]))
    assert formatted == [5, 10]
    assert type(formatted[0]) is int
