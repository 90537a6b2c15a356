"""The grid nearest to times that lie on none: its phase, its places, its step.

Letters: `R` times of all series end to end, `N` series.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from forecaster.errors import InputError
from forecaster.frequency import spelling
from forecaster.frequency.grid import (
    SECOND,
    Ints,
    Times,
    count_steps,
    day_of_month,
    move,
    rule_day,
    split_clock,
)
from forecaster.frequency.spelling import Step

SHARED = 0.5  # more than this share of times must agree on a phase
COMMON = 0.2  # and so many differences on a step
DAY_US = 86_400_000_000
# Steps people use, in seconds, for times that agree on no difference.
PLAIN = (
    *(1, 2, 5, 10, 15, 20, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 20, 30)),
    *(3_600 * hours for hours in (1, 2, 3, 4, 6, 8, 12)),
    *(86_400, 604_800),
)


def nearest(step: Step, anchors: Times, times: Times) -> Times:
    """The nearest time [R] to each of `times` on the grid through its anchor.

    Half-way between two it is the earlier one.

    >>> anchor = np.datetime64("2024-01-01", "us")
    >>> times = np.array(["2024-01-30", "2024-02-03"], "M8[us]")
    >>> nearest(Step("month", 1, "start"), anchor, times).astype("M8[D]").astype(str)
    array(['2024-02-01', '2024-02-01'], dtype='<U28')
    """
    count = count_steps(step, anchors, times)
    best = move(step, anchors, count - 1)
    for further in (0, 1):
        other = move(step, anchors, count + further)
        best = np.where(np.abs(other - times) < np.abs(best - times), other, best)
    return best


def anchors(step: Step, times: Times, begins: Ints) -> Times:
    """A time [N] that the grid of each series passes through.

    Where most times of a series lie equally far from whole steps, such as one minute past
    each five, so does its grid; else it lies on whole steps of the calendar.

    >>> times = np.array(["2024-01-01T00:01", "2024-01-01T00:06", "2024-01-01T00:12"], "M8[us]")
    >>> anchors(Step("second", 300), times, np.array([0]))
    array(['2024-01-01T00:01:00.000000'], dtype='datetime64[us]')
    """
    first = times[begins]
    if step.unit == "integer":
        phase = _phase(times % step.count, begins)
        return first - (first - phase) % step.count
    length = step.count * 1_000_000 if step.unit == "second" else DAY_US
    micros = times.astype(np.int64)
    phase = _phase(micros % length, begins)
    if step.unit == "second":
        start = micros[begins]
        return (start - (start - phase) % length).astype("M8[us]")
    day, _ = split_clock(first)
    if step.unit == "business":
        day = np.busday_offset(day, 0, roll="backward")
    else:
        day = rule_day(day.astype("M8[M]"), step.rule, day_of_month(day))
    return np.asarray(day.astype("M8[us]") + phase.astype("m8[us]"))


def typical_step(
    times: Sequence[Times], ids: Sequence[str] | None, enough: int
) -> Step:
    """The step most differences show, though not all are multiples of it.

    Raises `InputError` where series of at least `enough` times show different ones.
    """
    longest = max((len(one) for one in times), default=0)
    shown = [
        (_typical(np.diff(one)), index)
        for index, one in enumerate(times)
        if len(one) >= min(enough, longest) and len(one) > 1
    ]
    if not shown:
        raise InputError(
            "frequency: expected a series with at least two timestamps to infer it from. "
            "Give the frequency, for instance --freq h"
        )
    steps = sorted(shown, key=lambda pair: (pair[0].unit, pair[0].count, pair[1]))
    groups = {step: [i for _, i in found] for step, found in groupby(steps, _first)}
    if len(groups) > 1:
        raise InputError(
            "frequency: expected one for all series, got "
            f"{spelled_groups({spell(s): members for s, members in groups.items()}, ids)}. "
            "Split the file by frequency, or give the one to snap to, for instance "
            f"--freq {spell(steps[0][0])}"
        )
    return steps[0][0]


def spelled_groups(groups: dict[str, list[int]], ids: Sequence[str] | None) -> str:
    """Which series have which frequency, the first few by name.

    >>> spelled_groups({"h": [0, 2], "D": [1]}, ["a", "b", "c"])
    "'h' ('a', 'c'), 'D' ('b')"
    """
    texts = []
    for alias, members in groups.items():
        names = [
            repr(ids[i]) if ids is not None else f"number {i + 1}" for i in members
        ]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        texts.append(f"{alias!r} ({', '.join(names[:3])}{more})")
    return ", ".join(texts)


def spell(step: Step) -> str:
    """The alias of a step."""
    if step.unit == "integer":
        return str(step.count)
    if step.unit == "second":
        return spelling.spell_seconds(step.count)
    if step.unit == "business":
        return spelling.canonical(f"{step.count}B")
    return spelling.spell_months(step.count, step.rule)


def _first(pair: tuple[Step, int]) -> Step:
    return pair[0]


def _typical(differences: Times) -> Step:
    """The commonest difference of one series; where none is, a plain step near the middle."""
    values, counts = np.unique(differences, return_counts=True)
    usual, share = values[counts.argmax()], counts.max() / len(differences)
    if differences.dtype.kind != "m":
        return Step("integer", int(usual))
    if share < COMMON or usual < SECOND:
        usual = np.sort(differences)[len(differences) // 2]
        seconds = usual / SECOND
        if 27 * 86_400 < seconds < 32 * 86_400:
            return Step("month", 1, "start")
        return Step(
            "second", min(PLAIN, key=lambda p: abs(np.log(p / max(seconds, 1))))
        )
    if 28 <= usual / (86_400 * SECOND) <= 31:
        return Step("month", 1, "start")
    return Step("second", max(int(usual / SECOND), 1))


def _phase(rests: Ints, begins: Ints) -> Ints:
    """The rest [N] that most times of each series leave; 0 where they leave many."""
    ends = np.r_[begins[1:], len(rests)]
    points = ends - begins
    series = np.repeat(np.arange(len(begins)), points)
    values, rank = np.unique(rests, return_inverse=True)
    # Series and rank as one number: sorting pairs would take ten times as long.
    codes, counts = np.unique(series * len(values) + rank, return_counts=True)
    owner = codes // len(values)
    last = np.lexsort((counts, owner))  # the commonest of each series comes last
    commonest = last[np.searchsorted(owner[last], np.arange(len(begins)), "right") - 1]
    agreed = counts[commonest] > SHARED * points
    return np.where(agreed, values[codes[commonest] % len(values)], 0)
