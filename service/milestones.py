"""States to go back to when history is corrected: which are kept, for how long.

    log      0 ────────────────────────────────── s ──── end     s is corrected
    kept              M         M     M   M   M      M
                                          └─ replay ───►

Without them a correction costs a walk over all of history; with them about as much as what
it corrects is old. A milestone is kept where a multiple of `SPACING` is passed, multiples of
`SPACING * FACTOR` are kept that much longer, and so on: few states however long the history.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.carrying import Journey, Live, carry
from service.records import Floats, Milestone, State

SPACING = 256  # steps, which are walked in a tenth of a second
FACTOR = 8
LEVELS = 6  # which reach back for 67 million steps


def passed(begin: int, end: int) -> int | None:
    """Return until which step a state is kept that was reached from another one.

    None where no multiple of the spacing lies between them. What is kept until a step is
    of no more use once the series has reached it.

    >>> passed(0, 255), passed(255, 256), passed(256, 300), passed(2_047, 2_048)
    (None, 768, None, 6144)
    """
    span = SPACING
    if end // span == begin // span:
        return None
    for _ in range(LEVELS):  # zero is a multiple of whatever there is
        if end // (span * FACTOR) == begin // (span * FACTOR):
            break
        span *= FACTOR
    return end + 2 * span


def stops(begin: int, end: int) -> list[int]:
    """Return the steps between two at which a walk leaves milestones for those behind it.

    >>> stops(0, 5_000)
    [2048, 4096, 4608, 4864]
    """
    found: set[int] = set()
    span = SPACING
    while span < end - begin:
        last = (end - 1) // span * span
        found |= {stop for stop in (last - span, last) if begin < stop}
        span *= FACTOR
    return sorted(found)


def until(stop: int) -> int:
    """Return until which step a state at one of the `stops` is kept.

    >>> until(256), until(2_048)
    (768, 6144)
    """
    kept = passed(stop - 1, stop)
    assert kept is not None
    return kept


def milestone(state: State, begin: int, end: int) -> Milestone | None:
    """Return what is to be kept of a state that was reached from another one."""
    until = passed(begin, end)
    return None if until is None else Milestone(state, end, until)


def carry_by_stops(
    live: Live, ways: Sequence[Journey], stopping: Sequence[bool]
) -> tuple[NDArray[np.float32], list[Floats], list[tuple[Milestone, ...]]]:
    """`carry`, with the milestones on the way of those that are to leave some.

    Args:
        live: the model.
        ways: the journeys [N].
        stopping: which of them leave milestones [N].

    Returns:
        States [N, S], how unusual values were, and the milestones, of each journey.
    """
    if not any(stopping):
        return *carry(live, ways), [()] * len(ways)
    legs = [
        _legs(way, stops(way.begin, way.end) if stop else ())
        for way, stop in zip(ways, stopping, strict=True)
    ]
    states: list[State | None] = [way.state for way in ways]
    scores: list[list[Floats]] = [[] for _ in ways]
    left: list[list[Milestone]] = [[] for _ in ways]
    reached = live.model.initial_state(len(ways)).copy()
    for turn in range(max(map(len, legs))):
        going = [row for row, one in enumerate(legs) if turn < len(one)]
        walked = [replace(legs[row][turn], state=states[row]) for row in going]
        reached[going], found = carry(live, walked)
        for row, leg, unusual in zip(going, walked, found, strict=True):
            states[row] = state = reached[row].copy()
            scores[row].append(unusual)
            if leg.end < ways[row].end:
                left[row].append(Milestone(state, leg.end, until(leg.end)))
    return reached, [np.concatenate(one) for one in scores], [*map(tuple, left)]


def _legs(way: Journey, stops: Sequence[int]) -> list[Journey]:
    """Return a journey in parts, each but the first from a state that is not known yet."""
    bounds = [way.begin, *stops, way.end]
    return [
        replace(
            way,
            begin=begin,
            values=way.values[begin - way.begin : end - way.begin],
            exog={step: row for step, row in way.exog.items() if begin <= step < end},
        )
        for begin, end in pairwise(bounds)
    ]
