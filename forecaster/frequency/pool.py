"""The times of many series as one array, and where in the calendar they lie.

Letters: `T` times of all series.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency.grid import (
    DAY,
    Ints,
    Times,
    day_of_month,
    rule_day,
    split_clock,
    units_between,
)
from forecaster.frequency.spelling import Rule, Step


@dataclass(frozen=True, slots=True)
class Pool:
    """The times of all series end to end, with the series of each."""

    times: Times
    series: Ints

    @property
    def inner(self) -> NDArray[np.bool_]:
        """Which neighbours in `times` belong to one series [T-1]."""
        return np.equal(self.series[1:], self.series[:-1])

    def differences(self, step: Step) -> tuple[Ints, Ints]:
        """Units between neighbours of one series, and the series of each."""
        units = units_between(step, self.times[:-1], self.times[1:])
        return units[self.inner], self.series[1:][self.inner]


def month_rule(pool: Pool, most: float) -> Rule | None:
    """Which day of the month the times lie on; None when they follow no month."""
    day, _ = split_clock(pool.times)
    month, number = day.astype("M8[M]"), day_of_month(day)
    first = number[np.r_[True, ~pool.inner]]
    start_day = np.repeat(first, np.bincount(pool.series)[np.unique(pool.series)])
    rules: tuple[Rule, ...] = ("end", "day", "bend", "bstart")
    shares = [np.mean(rule_day(month, rule, start_day) == day) for rule in rules]
    best = int(np.argmax(shares))
    return rules[best] if shares[best] >= most else None


def is_business(pool: Pool) -> bool:
    """No weekend is ever seen, though some series runs across one without a gap."""
    day, _ = split_clock(pool.times)
    weekday = (day.astype("M8[D]").astype(np.int64) + 3) % 7
    across = (np.diff(day) == 3 * DAY) & (weekday[:-1] == 4) & pool.inner
    return bool((weekday < 5).all() and across.any())
