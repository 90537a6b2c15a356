"""Whether errors have drifted: the test of Page and Hinkley, upwards.

Twenty lines rather than `river`, whose detector takes its thresholds in the units of the
errors; here they are standard deviations, so that one setting fits every model.
"""

from collections.abc import Sequence

import numpy as np

# In standard deviations of the errors before: half of one is not worth an alarm, and
# noise alone adds up to eight less than once in a year of days.
TOLERATED, ALARM = 0.5, 8.0
USUAL = 7  # days before anything is said
LEAST_SPREAD = 0.1  # of the mean


def alarms(errors: Sequence[float]) -> list[int]:
    """Where errors have drifted upwards, each a place in `errors`.

    What exceeds the mean of the days before, and what is tolerated, is added up in standard
    deviations; an alarm is raised where that has become much. Behind one it begins anew.

    >>> alarms([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, 1.5, 1.6, 1.5, 1.5])
    [9]
    >>> alarms([1.0, 1.2, 0.8, 1.1, 0.9] * 40)
    []
    """
    found, since, excess = [], 0, 0.0
    for place, error in enumerate(errors):
        usual = np.array(errors[since:place], np.float64)
        if len(usual) < USUAL:
            continue
        spread = max(float(usual.std()), LEAST_SPREAD * float(usual.mean()), 1e-12)
        excess = max(0.0, excess + (error - float(usual.mean())) / spread - TOLERATED)
        if excess > ALARM:
            found.append(place)
            since, excess = place + 1, 0.0
    return found
