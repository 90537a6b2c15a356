"""What the calendar says about a time, as smooth numbers between -1 and 1.

Each cycle (day, week, month, year) that is longer than one step and not constant gives a
sine and a cosine. Integer steps and yearly series have no calendar. The holidays of
countries are added where a model asks for them.
Letters: `N` times, `F` features.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import holiday
from forecaster.frequency import Frequency

DAY_S, WEEK_DAYS, YEAR_MONTHS = 86_400, 7, 12


def feature_names(
    frequency: Frequency, holidays: Sequence[str] = ()
) -> tuple[str, ...]:
    """The names of the columns of `features`, in order.

    >>> feature_names(Frequency("MS")), feature_names(Frequency("YE-DEC"))
    (('month_sin', 'month_cos'), ())
    >>> feature_names(Frequency("D"))
    ('week_sin', 'week_cos', 'month_day_sin', 'month_day_cos', 'year_sin', 'year_cos',
     'weekend')
    """
    waves = tuple(
        f"{cycle}_{wave}" for cycle in _cycles(frequency) for wave in ("sin", "cos")
    )
    weekend = ("weekend",) if _sees_weekends(frequency) else ()
    return (*waves, *weekend, *holiday.names(frequency, holidays))


def learnable(
    frequency: Frequency, span: Any, holidays: Sequence[str] = ()
) -> NDArray[np.bool_]:
    """Which columns of `features` a history over a span of time can tell about [F].

    A cycle must have come round twice, days of the month twelve times: what is seen once
    is as much a trend as a season, and a network would carry it on into parts of the year
    that it never saw.

    Args:
        frequency: of the series.
        span: from the first time to the last, a timedelta64.
        holidays: countries whose holidays are among the features.

    >>> known = learnable(Frequency("MS"), np.timedelta64(600, "D"))
    >>> dict(zip(feature_names(Frequency("MS")), known.tolist()))
    {'month_sin': False, 'month_cos': False}
    """
    seen = [
        span >= np.timedelta64(_TOLD_BY_S[cycle], "s") for cycle in _cycles(frequency)
    ]
    others = len(feature_names(frequency, holidays)) - 2 * len(seen)
    return np.concatenate([np.repeat(np.array(seen, bool), 2), np.ones(others, bool)])


def features(
    frequency: Frequency, times: NDArray[Any], holidays: Sequence[str] = ()
) -> NDArray[np.float32]:
    """Calendar features of each time [N, F], all but counts of holidays within -1 and 1.

    >>> noon = np.array(["2024-01-06T12:00"], "M8[us]")  # a Saturday
    >>> row = features(Frequency("h"), noon)[0].astype(float).round(2)
    >>> dict(zip(feature_names(Frequency("h")), row.tolist()))
    {'day_sin': 0.0, 'day_cos': -1.0, 'week_sin': -0.97, 'week_cos': 0.22,
     'month_day_sin': 0.9, 'month_day_cos': 0.44, 'year_sin': 0.09, 'year_cos': 1.0,
     'weekend': 1.0}
    """
    columns = []
    for cycle in _cycles(frequency):
        angle = 2 * np.pi * _PHASES[cycle](times)
        columns += [np.sin(angle), np.cos(angle)]
    if _sees_weekends(frequency):
        columns.append((_weekday(times) >= 5).astype(np.float64))
    columns += holiday.marks(frequency, times, holidays)
    if not columns:
        return np.zeros((len(times), 0), dtype=np.float32)
    return np.stack(columns, axis=1).astype(np.float32)


def _cycles(frequency: Frequency) -> tuple[str, ...]:
    step = frequency.step
    if step.unit == "integer":
        return ()
    if step.unit == "month":
        return ("month",) if step.count % YEAR_MONTHS else ()
    step_s = step.count * (DAY_S if step.unit == "business" else 1)
    return tuple(cycle for cycle, length in _LENGTHS_S.items() if step_s < length)


def _sees_weekends(frequency: Frequency) -> bool:
    return frequency.step.unit == "second" and frequency.step.count <= DAY_S


def _weekday(times: NDArray[Any]) -> NDArray[np.int64]:
    """0 for Monday; 1970-01-01 was a Thursday."""
    days = times.astype("M8[D]").astype(np.int64)
    return np.asarray((days + 3) % WEEK_DAYS)


def _elapsed(times: NDArray[Any], unit: str) -> NDArray[np.float64]:
    """The share of the minute, hour, day, month or year that has passed at each time."""
    begin = times.astype(f"M8[{unit}]")
    length = (begin + 1).astype("M8[us]") - begin.astype("M8[us]")
    return np.asarray((times - begin.astype("M8[us]")) / length)


def _week_elapsed(times: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray((_weekday(times) + _elapsed(times, "D")) / WEEK_DAYS)


def _month_of_year(times: NDArray[Any]) -> NDArray[np.float64]:
    """Months count alike: the last day of March is March, whatever the year."""
    months = times.astype("M8[M]").astype(np.int64)
    return np.asarray(months % YEAR_MONTHS / YEAR_MONTHS)


# A cycle is a feature when one step is shorter than it (for the year: than half of it).
_LENGTHS_S = {
    "minute": 60,
    "hour": 3_600,
    "day": DAY_S,
    "week": 7 * DAY_S,
    "month_day": 28 * DAY_S,
    "year": 183 * DAY_S,
}

# A cycle tells something once this much of it has been seen.
_TOLD_BY_S = {
    "minute": 2 * 60,
    "hour": 2 * 3_600,
    "day": 2 * DAY_S,
    "week": 14 * DAY_S,
    "month_day": 365 * DAY_S,
    "year": 730 * DAY_S,
    "month": 730 * DAY_S,
}

_PHASES: dict[str, Callable[[NDArray[Any]], NDArray[np.float64]]] = {
    "minute": lambda times: _elapsed(times, "m"),
    "hour": lambda times: _elapsed(times, "h"),
    "day": lambda times: _elapsed(times, "D"),
    "week": _week_elapsed,
    "month_day": lambda times: _elapsed(times, "M"),
    "year": lambda times: _elapsed(times, "Y"),
    "month": _month_of_year,
}
