"""The frequency of a series, as a value: how long one step is, and its name."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from forecaster.errors import DataError, InputError
from forecaster.frequency import snapping, spelling
from forecaster.frequency.grid import Ints, Times, count_steps, move

# One natural cycle in steps: a year of weeks, a week of days, a day of hours, …
SEASONS = {spelling.WEEK_S: 52, 86_400: 7, 3_600: 24, 60: 1_440, 1: 60}
LARGEST_STEP = 2**53  # whole numbers up to here survive JSON and float64

_MONTH = re.compile(r"\d{4}-\d{2}")  # ISO-8601 knows it, Python does not


class OffGrid(DataError):  # noqa: N818 - reads as a sentence where it is caught
    """A time is not a whole number of steps after the start; `index` says which."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True, slots=True)
class Frequency:
    """How long one step of a series is.

    The first time of a series is its phase: daily at 06:00 and monthly on the 15th are
    as good as midnight and the 1st.

    >>> hourly = Frequency.parse("H")
    >>> hourly, hourly.season_length
    (Frequency(alias='h'), 24)
    >>> start = hourly.parse_time("2024-01-01T02:00:00+02:00")
    >>> times = hourly.times(start, np.arange(3))
    >>> hourly.format(times)
    ['2024-01-01T00:00:00', '2024-01-01T01:00:00', '2024-01-01T02:00:00']
    >>> hourly.steps(start, times)
    array([0, 1, 2])
    """

    alias: str

    def __post_init__(self) -> None:
        if spelling.canonical(self.alias) != self.alias:
            raise InputError(
                f"frequency: expected the canonical {spelling.canonical(self.alias)!r}, "
                f"got {self.alias!r}. Use Frequency.parse for what a user typed"
            )

    @classmethod
    def parse(cls, text: str) -> "Frequency":
        """The frequency a user typed, in the old or the new pandas spelling.

        >>> Frequency.parse("15T"), Frequency.parse("Q")
        (Frequency(alias='15min'), Frequency(alias='QE-DEC'))
        """
        return cls(spelling.canonical(text))

    @property
    def step(self) -> spelling.Step:
        """What one step is: a unit and how many of them."""
        return spelling.read(self.alias)

    @property
    def is_integer(self) -> bool:
        """Whether times are whole numbers rather than dates."""
        return self.step.unit == "integer"

    @property
    def season_length(self) -> int:
        """The default season in steps; 1 where the cycle is no whole number of steps.

        >>> [Frequency(a).season_length for a in ("5min", "2h", "7h", "B", "QS-JAN", "1")]
        [288, 12, 1, 5, 4, 1]
        """
        step = self.step
        if step.unit == "integer":
            return 1
        cycle, multiple = {"business": 5, "month": 12}.get(step.unit, 0), step.count
        if step.unit == "second":
            unit = next(length for length in SEASONS if step.count % length == 0)
            cycle, multiple = SEASONS[unit], step.count // unit
        return 1 if cycle % multiple else cycle // multiple

    def steps(self, start: Any, times: Times) -> Ints:
        """Whole steps from `start` to each of `times` [N] (`start`: one, or [N]).

        Raises `OffGrid` when a time lies between steps.

        >>> monthly = Frequency("ME")
        >>> ends = np.array(["2024-01-31", "2024-02-29", "2024-04-30"], "M8[us]")
        >>> monthly.steps(ends[0], ends)
        array([0, 1, 3])
        """
        count = count_steps(self.step, start, times)
        wrong = np.flatnonzero(move(self.step, start, count) != times)
        if len(wrong):
            index = int(wrong[0])
            first = np.broadcast_to(start, times.shape)[index]
            came, begin = self.format(np.array([times[index], first]))
            raise OffGrid(
                index,
                f"{came} is not a whole number of {self.alias!r} steps after {begin} "
                f"({len(wrong)} of {len(times)} times are not)",
            )
        return count

    def times(self, start: Any, steps: Ints) -> Times:
        """The times so many steps after `start` (`start`: one, or [N]; `steps` [N]).

        >>> Frequency("B").times(np.datetime64("2024-01-05", "us"), np.arange(2))
        array(['2024-01-05T00:00:00.000000', '2024-01-08T00:00:00.000000'],
              dtype='datetime64[us]')
        """
        return move(self.step, start, np.asarray(steps, dtype=np.int64))

    def anchors(self, times: Times, begins: Ints) -> Times:
        """Times [N] that grids near `times` [R] pass through, see `snapping.anchors`."""
        return snapping.anchors(self.step, times, begins)

    def nearest(self, anchors: Times, times: Times) -> Times:
        """The nearest times on the grids through `anchors`, both [R].

        >>> times = np.array(["2024-01-01T00:29", "2024-01-01T00:31"], "M8[us]")
        >>> Frequency("h").nearest(np.datetime64("2024-01-01", "us"), times).astype("M8[h]")
        array(['2024-01-01T00', '2024-01-01T01'], dtype='datetime64[h]')
        """
        return snapping.nearest(self.step, anchors, times)

    def parse_time(self, value: object) -> Any:
        """One time from JSON: ISO-8601 text in UTC, or a whole number.

        >>> Frequency("D").parse_time("2024-01-01")
        np.datetime64('2024-01-01T00:00:00.000000')
        >>> Frequency("1").parse_time(7)
        np.int64(7)
        """
        if self.is_integer:
            return parse_step(value)
        return parse_timestamp(value)

    def format(self, times: Times) -> list[Any]:
        """ISO-8601 texts, always with the time of day; whole numbers stay numbers.

        >>> Frequency("D").format(np.array(["2024-01-01"], "M8[us]"))
        ['2024-01-01T00:00:00']
        """
        if self.is_integer:
            return [int(time) for time in times]
        texts = np.datetime_as_string(times, unit="us")
        return [str(text).removesuffix(".000000") for text in texts]


def parse_step(value: object) -> np.int64:
    """A whole number as a time.

    >>> parse_step("7")
    Traceback (most recent call last):
    forecaster.errors.InputError: time: expected a whole number, got '7'. ...
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or abs(value) > LARGEST_STEP
    ):
        raise InputError(
            f"time: expected a whole number, got {str(value)[:40]!r}. "
            "This series counts its steps 1, 2, 3, …"
        )
    return np.int64(value)


def parse_timestamp(value: object) -> np.datetime64:
    """ISO-8601 text as a time in UTC; a text without offset is taken as it stands.

    >>> parse_timestamp("2024-01-01T00:00:00Z")
    np.datetime64('2024-01-01T00:00:00.000000')
    >>> parse_timestamp("01/02/2024")
    Traceback (most recent call last):
    forecaster.errors.InputError: time: expected ISO-8601 ..., got '01/02/2024'. ...
    """
    try:
        if not isinstance(value, str):
            raise ValueError
        time = datetime.fromisoformat(
            value + "-01" if _MONTH.fullmatch(value) else value
        )
        if time.tzinfo is not None:
            time = time.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise InputError(
            f"time: expected ISO-8601 text, got {str(value)[:40]!r}. "
            "Write it as 2024-01-31T18:00:00, with Z or an offset such as +02:00 if not UTC"
        ) from None
    return np.datetime64(time, "us")
