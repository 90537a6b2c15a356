"""Arithmetic on times: months, business days and fixed steps, as whole arrays.

Times are `datetime64[us]`, or `int64` for integer steps. Letters: `N` times.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency.spelling import Rule, Step

Times = NDArray[Any]  # datetime64[us] or int64
Ints = NDArray[np.int64]

DAY = np.timedelta64(1, "D")
SECOND = np.timedelta64(1_000_000, "us")


def move(step: Step, start: Times, count: Ints) -> Times:
    """The times `count` steps after `start` (both [N], or one of them a scalar).

    >>> jan31 = np.datetime64("2024-01-31", "us")
    >>> move(Step("month", 1, "end"), jan31, np.arange(3)).astype("M8[D]").astype(str)
    array(['2024-01-31', '2024-02-29', '2024-03-31'], dtype='<U28')
    """
    units = count * step.count
    if step.unit == "integer":
        return start + units
    if step.unit == "second":
        return start + units * SECOND
    day, clock = split_clock(start)
    if step.unit == "business":
        return np.busday_offset(day, units, roll="backward") + clock
    month = day.astype("M8[M]") + units
    moved = rule_day(month, step.rule, day_of_month(day))
    # A start that is not where the rule wants it is its own phase: the 15th of each month.
    on_rule = rule_day(day.astype("M8[M]"), step.rule, day_of_month(day)) == day
    own = rule_day(month, "day", day_of_month(day))
    return np.where(on_rule, moved, own) + clock


def count_steps(step: Step, start: Times, times: Times) -> Ints:
    """Whole steps from `start` to each time, rounded down where between steps.

    >>> start, later = np.datetime64("2024-01-01", "us"), np.datetime64("2024-03-01", "us")
    >>> int(count_steps(Step("month", 1), start, later))
    2
    """
    return units_between(step, start, times) // step.count


def units_between(step: Step, start: Times, times: Times) -> Ints:
    """Whole units (seconds, business days, months) from `start` to each time."""
    if step.unit == "integer":
        return np.asarray(times - start, dtype=np.int64)
    if step.unit == "second":
        return np.asarray((times - start) // SECOND, dtype=np.int64)
    if step.unit == "business":
        first, last = start.astype("M8[D]"), times.astype("M8[D]")
        return np.asarray(np.busday_count(first, last), dtype=np.int64)
    months = times.astype("M8[M]") - start.astype("M8[M]")
    return np.asarray(months.astype(np.int64))


def split_clock(times: Times) -> tuple[Times, Times]:
    """The day of each time and the time of day left over."""
    day = times.astype("M8[D]")
    return day, times - day.astype("M8[us]")


def day_of_month(day: Times) -> Ints:
    """1 for the first of the month."""
    return np.asarray((day - day.astype("M8[M]").astype("M8[D]")).astype(np.int64) + 1)


def rule_day(month: Times, rule: Rule, day: Ints) -> Times:
    """The day of each month by the rule; rule "day" takes `day`, or the last there is.

    >>> feb = np.datetime64("2024-02", "M")
    >>> [str(rule_day(feb, rule, np.int64(31))) for rule in ("day", "start", "bend")]
    ['2024-02-29', '2024-02-01', '2024-02-29']
    """
    first = month.astype("M8[D]")
    last = (month + 1).astype("M8[D]") - DAY
    if rule == "start":
        return first
    if rule == "end":
        return last
    if rule == "bstart":
        return np.asarray(np.busday_offset(first, 0, roll="forward"))
    if rule == "bend":
        return np.asarray(np.busday_offset(last, 0, roll="backward"))
    return np.minimum(first + (day - 1) * DAY, last)
