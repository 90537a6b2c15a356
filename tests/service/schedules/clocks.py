"""Cron expressions, and an oracle that watches a wall clock for a day or two."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
HALF_HOURLY = "Australia/Lord_Howe"
# Clocks change at night, at midnight, by half an hour, or never.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Pacific/Auckland",
    HALF_HOURLY,
    "Africa/Cairo",
    "Asia/Kolkata",
    "UTC",
)


@dataclass(frozen=True)
class Field:
    """One field of an expression, as text and as what it lets through."""

    text: str
    allowed: frozenset[int]

    @property
    def is_starred(self) -> bool:
        """Whether cron treats it as one that names nothing in particular."""
        return self.text.startswith("*")


@st.composite
def field(draw: st.DrawFn, least: int, most: int) -> Field:
    """A star, one with a stride, a range or a list."""
    whole = range(least, most + 1)
    kind = draw(st.sampled_from(["star", "stride", "range", "list"]))
    if kind == "star":
        return Field("*", frozenset(whole))
    if kind == "stride":
        step = draw(st.integers(1, 30))
        return Field(f"*/{step}", frozenset(whole[::step]))
    some = draw(st.lists(st.sampled_from(whole), min_size=1, max_size=3))
    if kind == "range":
        low, high = min(some), max(some)
        return Field(f"{low}-{high}", frozenset(range(low, high + 1)))
    return Field(",".join(map(str, some)), frozenset(some))


expressions = st.tuples(*(field(*span) for span in RANGES))
# Of those that run often enough to be seen in a few days.
frequent = st.tuples(
    field(*RANGES[0]),
    field(*RANGES[1]),
    *[st.just(Field("*", frozenset(range(low, high + 1)))) for low, high in RANGES[2:]],
)


def text_of(fields: tuple[Field, ...]) -> str:
    """Return the expression as a user writes it."""
    return " ".join(one.text for one in fields)


def watched(
    fields: tuple[Field, ...], zone: ZoneInfo, after: int, end: int
) -> list[int]:
    """Return when a wall clock, looked at each minute, makes cron run; as Debian's does.

    With a star in minute or hour: whenever the clock shows a time that fits. Else: when
    it first shows, or jumps over, a time that fits.
    """
    minutes, hours = fields[:2]
    early = after - 3 * HOUR_S  # further back than clocks go
    runs, highest = [], _shown(zone, early)
    for moment in range(early, end + 1, MINUTE_S):
        shown = _shown(zone, moment)
        if minutes.is_starred or hours.is_starred:
            is_due = _fits(fields, shown)
        else:
            passed = int((shown - highest) / timedelta(minutes=1))
            is_due = any(
                _fits(fields, highest + timedelta(minutes=later))
                for later in range(1, passed + 1)
            )
            highest = max(highest, shown)
        if is_due and moment > after:
            runs.append(moment)
    return runs


def _shown(zone: ZoneInfo, moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC).astimezone(zone).replace(tzinfo=None)


def _fits(fields: tuple[Field, ...], shown: datetime) -> bool:
    minutes, hours, days, months, weekdays = fields
    on_day = shown.day in days.allowed
    on_weekday = shown.isoweekday() % 7 in weekdays.allowed
    if days.is_starred or weekdays.is_starred:
        fits_day = on_day and on_weekday
    else:
        fits_day = on_day or on_weekday
    return (
        fits_day
        and shown.minute in minutes.allowed
        and shown.hour in hours.allowed
        and shown.month in months.allowed
    )
