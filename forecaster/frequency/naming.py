"""The name of a frequency, after where its series lie in the calendar."""

import numpy as np

from forecaster.frequency import spelling
from forecaster.frequency.grid import Times, day_of_month, rule_day, split_clock
from forecaster.frequency.spelling import Rule
from forecaster.frequency.value import Frequency


def anchored(frequency: Frequency, starts: Times) -> Frequency:
    """The same step named after where the series lie: weeks on Mondays are W-MON.

    >>> anchored(Frequency.parse("W"), np.array(["2024-01-01"], "M8[us]"))
    Frequency(alias='W-MON')
    >>> anchored(Frequency.parse("M"), np.array(["2024-01-15"], "M8[us]"))
    Frequency(alias='MS')
    """
    step = frequency.step
    if step.unit == "second":
        return Frequency(spelling.spell_seconds(step.count, _weekday(starts)))
    if step.unit != "month":
        return frequency
    day, _ = split_clock(starts)
    on_rule = rule_day(day.astype("M8[M]"), step.rule, day_of_month(day)) == day
    rule: Rule = step.rule if on_rule.all() else "start"
    month = day.astype("M8[M]").astype(np.int64) % 12
    per = 12 if step.count % 12 == 0 else step.count
    shared = len(np.unique(month % per)) == 1
    return Frequency(
        spelling.spell_months(step.count, rule, int(month[0]) if shared else None)
    )


def _weekday(starts: Times) -> str:
    days = (starts.astype("M8[D]").astype(np.int64) + 3) % 7
    return spelling.WEEKDAYS[int(days[0])] if len(np.unique(days)) == 1 else "SUN"
