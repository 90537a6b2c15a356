"""Finding the frequency of series from their times alone.

Most steps decide: the commonest difference is the step, whatever gaps there are. Where
differences are no multiples of it, their greatest common divisor is tried.
Letters: `N` series, `T` times of all series.
"""

from collections.abc import Sequence

import numpy as np

from forecaster.errors import InputError
from forecaster.frequency.grid import Ints, Times
from forecaster.frequency.naming import anchored
from forecaster.frequency.pool import Pool, is_business, month_rule
from forecaster.frequency.snapping import spell, spelled_groups, typical_step
from forecaster.frequency.spelling import Step
from forecaster.frequency.value import Frequency

MOST = 0.9  # this share must agree; the rest is reported later, with its row
SEEN = 0.1  # a divisor counts as the step if this share of steps is as short
ENOUGH = 8  # a series with so many steps has a frequency of its own
SPARSE = 4  # and so has one whose shortest step is longer than so many steps
GIVE = "Give the frequency, for instance --freq h"


def infer(times: Sequence[Times], ids: Sequence[str] | None = None) -> Frequency:
    """The frequency all series share; their times are sorted, gaps are allowed.

    Raises `InputError` where there is none, naming series by `ids` if given.

    >>> ends = np.array(["2024-01-31", "2024-02-29", "2024-04-30"], "M8[us]")
    >>> infer([ends])
    Frequency(alias='ME')
    >>> infer([np.array([10, 20, 40]), np.array([5, 15])])
    Frequency(alias='10')
    """
    lengths = np.array([len(one) for one in times], dtype=np.int64)
    if not len(lengths) or lengths.max() < 2:
        raise InputError(
            "frequency: expected a series with at least two timestamps to infer it from. "
            + GIVE
        )
    pool = Pool(np.concatenate(times), np.repeat(np.arange(len(lengths)), lengths))
    if pool.times.dtype.kind != "M":
        steps, _ = pool.differences(Step("integer", 1))
        return Frequency(str(int(np.gcd.reduce(steps))))
    return _infer_dates(pool, ids)


def typical(times: Sequence[Times], ids: Sequence[str] | None = None) -> Frequency:
    """The frequency nearest to times that lie on no grid; each series sorted, no repeats.

    Raises `InputError` where series show different ones.

    >>> typical([np.array([0, 10, 19, 29, 40, 50])])
    Frequency(alias='10')
    """
    return Frequency(spell(typical_step(times, ids, ENOUGH)))


def _infer_dates(pool: Pool, ids: Sequence[str] | None) -> Frequency:
    micros = np.diff(pool.times).astype(np.int64)[pool.inner]
    usual = _mode(micros)
    if usual % 1_000_000:
        raise InputError(
            "frequency: expected steps of whole seconds or longer, "
            f"got {usual / 1e6:g} s. Number the steps 1, 2, 3, … in ds instead"
        )
    days = usual / 86_400e6
    rule = month_rule(pool, MOST) if days >= 26 else None
    if rule is not None:
        step = Step("month", 1, rule)
    elif days == 1 and is_business(pool):
        step = Step("business", 1)
    else:
        step = Step("second", 1)
    differences, series = pool.differences(step)
    count = _step_length(differences, series, ids)
    _refuse_mixture(differences, series, Step(step.unit, count, step.rule), ids)
    found = Frequency(spell(Step(step.unit, count, step.rule)))
    return anchored(found, pool.times[np.r_[True, ~pool.inner]])


def _step_length(differences: Ints, series: Ints, ids: Sequence[str] | None) -> int:
    usual = max(_mode(differences), 1)
    off = differences % usual != 0
    if off.mean() <= 1 - MOST and np.mean(differences == usual) >= SEEN:
        return usual
    divisor = int(np.gcd.reduce(differences))
    if divisor and np.mean(differences == divisor) >= SEEN:
        return divisor
    present, points = np.unique(series, return_counts=True)
    share = np.bincount(series, differences == usual)[present] / points
    worst = int(share.argmin())
    raise InputError(
        "frequency: expected timestamps at equal steps, got "
        f"{_name(int(present[worst]), ids)} where only {share[worst]:.0%} of the steps are "
        "equal. Put them on a grid with --snap, or give a step that fits all, for instance "
        "--freq 5min"
    )


def _refuse_mixture(
    differences: Ints, series: Ints, step: Step, ids: Sequence[str] | None
) -> None:
    """One panel has one frequency; a series with gaps does not make another."""
    present, shortest, usual = _steps_by_series(differences, series)
    count = step.count
    own = np.ones(present[-1] + 1, dtype=np.int64)
    own[present] = usual.clip(1)  # days of a panel of months lie no month apart
    uneven = np.bincount(series, differences % own[series] != 0)[present]
    points = np.bincount(series)[present]
    another = (shortest > count) & ((uneven == 0) | (shortest > SPARSE * count))
    another &= points >= ENOUGH
    for index in np.flatnonzero((usual < count) | another)[:1]:
        name = _name(int(present[index]), ids)
        compared = "shorter" if usual[index] < count else "longer"
        raise InputError(
            f"frequency: expected one for all series, got {name} whose usual step is "
            f"{compared} than that of the others: {_by_step(step, present, usual, ids)}. "
            "Split the file by frequency, or give the shortest step, for instance --freq "
            f"{spell(Step(step.unit, int(usual.min()), step.rule))}"
        )


def _by_step(step: Step, present: Ints, usual: Ints, ids: Sequence[str] | None) -> str:
    """Which series have which usual step."""
    groups = {
        spell(Step(step.unit, int(length), step.rule)): present[
            usual == length
        ].tolist()
        for length in np.unique(usual.clip(1))[:3]
    }
    return spelled_groups(groups, ids)


def _name(number: int, ids: Sequence[str] | None) -> str:
    return f"series number {number + 1}" if ids is None else f"series {ids[number]!r}"


def _steps_by_series(differences: Ints, series: Ints) -> tuple[Ints, Ints, Ints]:
    """The series that have steps, the shortest and the commonest step of each."""
    values, rank = np.unique(differences, return_inverse=True)
    # Series and rank as one number: sorting pairs would take ten times as long.
    codes, counts = np.unique(series * len(values) + rank, return_counts=True)
    owner, rank = codes // len(values), codes % len(values)
    present, first = np.unique(owner, return_index=True)
    commonest = np.lexsort((rank, -counts, owner))[first]
    return present, values[rank[first]], values[rank[commonest]]


def _mode(differences: Ints) -> int:
    """The commonest difference, the shortest of equally common ones."""
    values, counts = np.unique(differences, return_counts=True)
    return int(values[counts.argmax()])
