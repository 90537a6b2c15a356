"""Laws of cron expressions: the times of a wall clock, also on the days it is changed."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.errors import Unacceptable
from service.schedules.cron import ALIASES, read_cron, read_zone, times
from tests.service.schedules.clocks import (
    DAY_S,
    HALF_HOURLY,
    MINUTE_S,
    ZONES,
    Field,
    expressions,
    frequent,
    text_of,
    watched,
)

BERLIN = ZoneInfo("Europe/Berlin")


def of_day(fields: str, year: int, month: int, day: int) -> list[datetime]:
    """Return the times of one day in Berlin."""
    begin = int(datetime(year, month, day, tzinfo=BERLIN).timestamp()) - 1
    end = int(datetime(year, month, day + 1, tzinfo=BERLIN).timestamp())
    found = takewhile(lambda moment: moment < end, times(fields, BERLIN, begin))
    return [datetime.fromtimestamp(one, BERLIN) for one in found]


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_days_of_changes(month: int, day: int, hours: int) -> None:
    """On a day that clocks change a nightly job runs once, an hourly one each hour."""
    assert len(of_day("30 2 * * *", 2026, month, day)) == 1
    assert len(of_day("0 * * * *", 2026, month, day)) == hours


@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])
def test_asked_at_any_minute(month: int, day: int) -> None:
    """In the night that clocks change, the next time is the first behind the asking."""
    (due,) = (int(one.timestamp()) for one in of_day("30 2 * * *", 2026, month, day))
    for after in range(due - 7200, due + 10_800, MINUTE_S):
        found = next(times("30 2 * * *", BERLIN, after))
        assert (found == due) == (after < due)
        assert found > after


@settings(max_examples=100, deadline=None)
@given(
    frequent | expressions,
    st.sampled_from(ZONES),
    st.sampled_from([2024, 2025, 2026]),
    st.data(),
)
def test_a_clock_on_the_wall(
    fields: tuple[Field, ...], zone: str, year: int, data: st.DataObject
) -> None:
    """Around each change the times are those that a wall clock shows, each once."""
    is_starred = fields[0].is_starred or fields[1].is_starred
    assume(not (is_starred and zone == HALF_HOURLY))  # which cronsim leaves out there
    place, begin = ZoneInfo(zone), int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    changes = [
        day
        for day in range(begin, begin + 366 * DAY_S, DAY_S)
        if _offset(place, day) != _offset(place, day + DAY_S)
    ]
    near = data.draw(st.sampled_from(changes or [begin]))
    after = near + MINUTE_S * data.draw(st.integers(-24 * 60, 24 * 60))
    end = after + DAY_S
    try:
        plain = read_cron(text_of(fields))
    except Unacceptable:  # such as the 31st of February
        assert watched(fields, place, after, end) == []
        return
    found = takewhile(lambda moment: moment <= end, times(plain, place, after))
    assert list(found) == watched(fields, place, after, end)


def _offset(zone: ZoneInfo, moment: int) -> object:
    return datetime.fromtimestamp(moment, zone).utcoffset()


def test_leap_days() -> None:
    """What runs on the 29th of February runs in leap years alone."""
    found = islice(times("0 0 29 2 *", ZoneInfo("UTC"), 946_684_800), 3)
    years = [datetime.fromtimestamp(one, UTC).year for one in found]
    assert years == [2000, 2004, 2008]


@given(st.text("0123456789*/,-#LWlw @dailymonSUN?", max_size=24))
def test_any_text(expression: str) -> None:
    """Any text is an expression that has a time, or is refused."""
    with suppress(Unacceptable):
        assert next(times(read_cron(expression), ZoneInfo("UTC"), 0)) > 0


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("60 * * * *", "field minute"),
        ("0 24 * * *", "field hour"),
        ("0 0 32 * *", "field day-of-month"),
        ("0 0 31 2 *", "field day-of-month"),
        ("0 0 * 13 *", "field month"),
        ("0 0 * * 8", "field day-of-week"),
        ("0 0 0 * * *", "expected five fields, 6 came"),
        ("@reboot", "expected five fields, 1 came"),
        ("1" * 300, "at most 200 characters"),
    ],
)
def test_the_field_is_named(expression: str, said: str) -> None:
    """A refusal names the field that is wrong, and shows an expression that is right."""
    with pytest.raises(Unacceptable, match=said) as refused:
        read_cron(expression)
    assert "30 2 * * *" in refused.value.detail
    assert refused.value.loc == "cron"


def test_aliases() -> None:
    """An alias runs as often as its name says."""
    begin = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) - 1
    counted = {}
    for alias in ALIASES:
        found = times(read_cron(alias), ZoneInfo("UTC"), begin)
        counted[alias] = sum(
            1 for _ in takewhile(lambda one: one < begin + 365 * DAY_S, found)
        )
    assert counted == {
        "@hourly": 8760,
        "@daily": 365,
        "@midnight": 365,
        "@weekly": 52,
        "@monthly": 12,
        "@yearly": 1,
        "@annually": 1,
    }


@pytest.mark.parametrize(
    "name", ["Europe", "Europe/Berln", "../etc/passwd", "", "localtime", "a\0b"]
)
def test_zones(name: str) -> None:
    """A name that is no zone of the database, whichever machine asks, is refused."""
    with pytest.raises(Unacceptable, match="IANA") as refused:
        read_zone(name)
    assert refused.value.loc == "timezone"
    assert "passwd" not in refused.value.detail
