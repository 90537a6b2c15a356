"""How a frequency is spelled: pandas aliases, old and new, and whole numbers.

Read with `read`, which answers a `Step`: what one step of a series is.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from forecaster.errors import InputError

Unit = Literal["integer", "second", "business", "month"]
Rule = Literal["day", "start", "end", "bstart", "bend"]

MONTHS = [
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
]
WEEKDAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
WEEK_S = 7 * 86_400

# Largest first: 3600 seconds are spelled "h", not "60min".
SECONDS = {"W": WEEK_S, "D": 86_400, "h": 3_600, "min": 60, "s": 1}

# Name without anchor -> months per step, day of the month.
MONTHLY: dict[str, tuple[int, Rule]] = {
    "MS": (1, "start"),
    "ME": (1, "end"),
    "BMS": (1, "bstart"),
    "BME": (1, "bend"),
    "QS": (3, "start"),
    "QE": (3, "end"),
    "BQS": (3, "bstart"),
    "BQE": (3, "bend"),
    "YS": (12, "start"),
    "YE": (12, "end"),
    "BYS": (12, "bstart"),
    "BYE": (12, "bend"),
}

OLD_NAMES = {
    "S": "s",
    "T": "min",
    "H": "h",
    "d": "D",
    "M": "ME",
    "BM": "BME",
    "Q": "QE",
    "BQ": "BQE",
    "A": "YE",
    "Y": "YE",
    "AS": "YS",
    "BA": "BYE",
    "BY": "BYE",
    "BAS": "BYS",
}

UNDERSTOOD = (
    "s, min, h, D, B, W, MS, ME, QS, QE, YS, YE (or H, T, M, Q, A), with a multiple "
    "as in 15min or an anchor as in W-MON and QE-MAR, or a whole number for integer steps"
)

_ALIAS = re.compile(r"(\d{0,6})([A-Za-z]+)(?:-([A-Za-z]{3}))?")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a series: `count` times `unit`, with the rule for the day."""

    unit: Unit
    count: int
    rule: Rule = "day"


def canonical(text: str) -> str:
    """The one spelling used everywhere inside.

    >>> [canonical(text) for text in ("H", "60T", "2H", "7D", "M", "Q", "A-JUN", "5")]
    ['h', 'h', '2h', 'W-SUN', 'ME', 'QE-DEC', 'YE-JUN', '5']
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and int(text[:16]) > 0 and len(text) < 16:
        return str(int(text))
    match = _ALIAS.fullmatch(text)
    if match is None:
        raise _unknown(text)
    count = int(match[1] or 1)
    name = OLD_NAMES.get(match[2], match[2])
    anchor = (match[3] or "").upper()
    spelled = _spelled(count, name, anchor)
    if count == 0 or spelled is None:
        raise _unknown(text)
    return spelled


def spell_seconds(seconds: int, weekday: str = "SUN") -> str:
    """The name of a step of so many seconds.

    >>> spell_seconds(900), spell_seconds(7200), spell_seconds(14 * 86_400, "MON")
    ('15min', '2h', '2W-MON')
    """
    unit = next(unit for unit, length in SECONDS.items() if seconds % length == 0)
    count = seconds // SECONDS[unit]
    return f"{count if count > 1 else ''}{unit}{'-' + weekday if unit == 'W' else ''}"


def spell_months(months: int, rule: Rule, month: int | None = None) -> str:
    """The name of a step of so many months; `month` (0 = January) anchors it.

    >>> spell_months(1, "end"), spell_months(3, "start", 6), spell_months(12, "end", 11)
    ('ME', 'QS-JAN', 'YE-DEC')
    >>> spell_months(3, "start")  # quarters of no common month
    '3MS'
    """
    per = {1: 1, 3: 3}.get(months, 12 if months % 12 == 0 else 1)
    if month is None:
        per = 1
    kind: Rule = "start" if rule == "day" else rule
    name = next(name for name, value in MONTHLY.items() if value == (per, kind))
    count = months // per
    anchor = "" if per == 1 or month is None else "-" + _anchor_month(per, kind, month)
    return f"{count if count > 1 else ''}{name}{anchor}"


@lru_cache(maxsize=256)
def read(alias: str) -> Step:
    """What one step of a canonical alias is.

    >>> read("15min"), read("QE-DEC"), read("5")
    (Step(unit='second', count=900, rule='day'),
     Step(unit='month', count=3, rule='end'),
     Step(unit='integer', count=5, rule='day'))
    """
    if alias.isdigit():
        return Step("integer", int(alias))
    match = _ALIAS.fullmatch(alias)
    if match is None:
        raise _unknown(alias)
    count, name = int(match[1] or 1), match[2]
    if name == "B":
        return Step("business", count)
    if name in SECONDS:
        return Step("second", count * SECONDS[name])
    if name not in MONTHLY:
        raise _unknown(alias)
    months, rule = MONTHLY[name]
    return Step("month", count * months, rule)


def _spelled(count: int, name: str, anchor: str) -> str | None:
    if name == "B" and not anchor:
        return f"{count if count > 1 else ''}B"
    if name == "W" and anchor in ("", *WEEKDAYS):
        return spell_seconds(count * WEEK_S, anchor or "SUN")
    if name in SECONDS and not anchor:
        return spell_seconds(count * SECONDS[name])
    if name not in MONTHLY or anchor not in ("", *MONTHS):
        return None
    months, rule = MONTHLY[name]
    if months == 1:
        return None if anchor else spell_months(count, rule) if count else None
    default = 0 if rule in ("start", "bstart") else 11
    month = MONTHS.index(anchor) if anchor else default
    return f"{count if count > 1 else ''}{name}-{_anchor_month(months, rule, month)}"


def _anchor_month(per: int, rule: Rule, month: int) -> str:
    """Quarters repeat: QS-OCT is QS-JAN, QE-MAR is QE-DEC."""
    if per == 3:
        month = month % 3 + (0 if rule in ("start", "bstart") else 9)
    return MONTHS[month]


def _unknown(text: str) -> InputError:
    return InputError(
        f"frequency: expected one of {UNDERSTOOD}; got {text[:40]!r}. "
        "Give one of these, for instance --freq h"
    )
