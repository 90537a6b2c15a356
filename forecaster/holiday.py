"""Public holidays of countries as features of a time, known as far ahead as one likes.

For steps of up to a day: whether the day is a holiday, and whether the next one is. For
longer steps: how many holidays lie in the step. The `holidays` package is imported where
a model asks for it alone. Letters: `N` times, `C` countries.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import ConfigError
from forecaster.frequency import Frequency

DAY_S = 86_400


def names(frequency: Frequency, countries: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns of `marks`, in order.

    >>> names(Frequency("h"), ["US"]), names(Frequency("MS"), ["DE-BY", "US"])
    (('holiday_US', 'holiday_eve_US'), ('holidays_DE-BY', 'holidays_US'))
    """
    kinds = ("holiday", "holiday_eve") if _within_days(frequency) else ("holidays",)
    return tuple(f"{kind}_{country}" for country in countries for kind in kinds)


def marks(
    frequency: Frequency, times: NDArray[Any], countries: Sequence[str]
) -> list[NDArray[np.float64]]:
    """The columns [N] of all countries.

    >>> days = np.array(["2024-07-03", "2024-07-04", "2024-07-05"], "M8[us]")
    >>> [column.tolist() for column in marks(Frequency("D"), days, ["US"])]
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    columns = []
    for country in countries:
        begin, end = _span(frequency, times)
        if _within_days(frequency):
            columns += [_count(country, begin + k, begin + k + 1) for k in (0, 1)]
        else:
            columns.append(_count(country, begin, end))
    return columns


def check(frequency: Frequency, countries: Sequence[str]) -> None:
    """Refuses countries that are unknown, and integer steps, which have no days.

    >>> check(Frequency("D"), ["Narnia"])
    Traceback (most recent call last):
    forecaster.errors.ConfigError: holidays 'Narnia': expected the code of a country ...
    """
    if countries and frequency.is_integer:
        raise ConfigError(
            "holidays: expected timestamps in ds, got whole numbers, which have no "
            "holidays. Leave holidays out"
        )
    for country in countries:
        _days(country, 2024)


def _within_days(frequency: Frequency) -> bool:
    step = frequency.step
    return step.unit == "business" or (step.unit == "second" and step.count <= DAY_S)


def _span(frequency: Frequency, times: NDArray[Any]) -> tuple[Any, Any]:
    """First day and day after the last of each step, counted since 1970 [N]."""
    step = frequency.step
    if step.unit != "month":
        begin = times.astype("M8[D]").astype(np.int64)
        return begin, begin + max(1, step.count // DAY_S)
    months = times.astype("M8[M]")
    if step.rule in ("end", "bend"):  # named by its end
        months = months - (step.count - 1)
    ends = months + step.count
    first, last = months.astype("M8[D]"), ends.astype("M8[D]")
    return first.astype(np.int64), last.astype(np.int64)


def _count(country: str, begin: Any, end: Any) -> NDArray[np.float64]:
    """How many holidays lie from `begin` to before `end`, in days since 1970 [N]."""
    if not len(begin):
        return np.empty(0)
    first, last = (
        int(np.array(day, "M8[D]").astype("M8[Y]").astype(np.int64)) + 1970
        for day in (begin.min(), end.max())
    )
    known = np.concatenate([_days(country, year) for year in range(first, last + 1)])
    found = np.searchsorted(known, end) - np.searchsorted(known, begin)
    return np.asarray(found, dtype=np.float64)


@lru_cache(maxsize=4096)
def _days(country: str, year: int) -> NDArray[np.int64]:
    """The holidays of a year, in days since 1970, sorted."""
    import holidays  # only for models that were trained with them

    code, _, part = country.partition("-")
    try:
        found = holidays.country_holidays(code, subdiv=part or None, years=[year])
    except (NotImplementedError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"holidays {country!r}: expected the code of a country such as US, or of a "
            f"part of one such as DE-BY ({error}). Correct or remove it"
        ) from error
    return np.sort(np.array(sorted(found), "M8[D]").astype(np.int64))
