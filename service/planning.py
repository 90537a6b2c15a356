"""What a request's points mean for a series: new, repeated, in conflict, late, a gap.

Plain arithmetic on whole steps: no model, no store. `plan` compares points that `placing`
has put on the grid of their series with what is carried. Letters: `N` points, each step once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from service.errors import Conflict, Unacceptable
from service.grids import format_step
from service.placing import Placed, same
from service.records import Floats, Row, Span, Steps

OnConflict = Literal["error", "ignore", "revise"]
NO_ROW: Row = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the points of a request; together they are all of them."""

    applied: int
    duplicates: int
    ignored: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying the points changes."""

    span: Span  # of the log, afterwards
    steps: Steps  # to be written
    values: Floats  # to be written
    counts: Counts
    exog: Mapping[int, Row] = field(default_factory=dict)  # to be written, by step


@dataclass(frozen=True, slots=True)
class Stored:
    """What the log holds at those of the placed steps that lie below its end."""

    values: Floats  # NaN where it holds nothing
    exog: Mapping[int, Row] = field(default_factory=dict)  # by step, where it has any


def plan(
    placed: Placed,
    span: Span,
    stored: Stored,
    on_conflict: OnConflict,
    stat: Row = NO_ROW,
) -> Plan:
    """Return what the points change.

    Args:
        placed: the points, on the grid of the series.
        span: the steps that the log covers already.
        stored: what the log holds of them.
        on_conflict: what to do with a step that the log holds with another value, or
            other covariates than came now.
        stat: what is constant, to stand with the first step that is written.

    Raises:
        Conflict: there is such a step, and ``on_conflict`` is "error"; or a step is
            older than the log, and ``on_conflict`` is not "ignore".
    """
    late = placed.steps < span.end
    differs = ~same(placed.values[late], stored.values)
    differs |= _tell_more(placed, stored)[late]
    if span.pruned:
        differs |= _forgotten(placed, span, on_conflict)[late]
    if on_conflict == "error" and differs.any():
        raise _conflict(placed, placed.steps[late][differs])
    rewritten = placed.steps[late][differs & (on_conflict == "revise")]
    written = ~late | np.isin(placed.steps, rewritten)
    applied = int(written.sum())
    ignored = int(differs.sum()) - len(rewritten)
    return Plan(
        _span_after(span, placed.steps[written], bool(len(rewritten))),
        placed.steps[written],
        placed.values[written],
        Counts(
            applied, len(placed.steps) - applied - ignored + placed.repeats, ignored
        ),
        _exog_after(placed, written, stored, stat),
    )


def _tell_more(placed: Placed, stored: Stored) -> Any:
    """Whether points came with covariates that the log does not hold so [N]."""
    if not placed.rows:
        return np.zeros(len(placed.steps), bool)
    return np.array(
        [
            not row.items() <= stored.exog.get(step, NO_ROW).items()
            for step, row in zip(placed.steps.tolist(), placed.rows, strict=True)
        ],
        dtype=bool,
    )


def _exog_after(
    placed: Placed, written: Any, stored: Stored, stat: Row
) -> dict[int, Row]:
    """Covariates to be written: what came laid over what the log holds."""
    exog: dict[int, Row] = {}
    for index in np.flatnonzero(written).tolist():
        step = int(placed.steps[index])
        came = {**(placed.rows[index] if placed.rows else NO_ROW), **stat}
        stat = NO_ROW
        if came:
            exog[step] = {**stored.exog.get(step, NO_ROW), **came}
    return exog


def check_gaps(steps: Steps, span: Span, limit: int) -> int:
    """Return how many steps lie absent around the written ones, ``limit`` at once.

    >>> check_gaps(np.array([3, 4, 7]), Span(0, 2), limit=2)
    3

    Raises:
        Unacceptable: more than ``limit`` lie between two neighbours.
    """
    earlier, later = steps[steps < span.first], steps[steps >= span.end]
    before = np.diff(np.r_[earlier, span.first]) - 1
    after = np.diff(np.r_[span.end - 1, later]) - 1
    gaps = np.r_[before, after]
    if len(gaps) and gaps.max() > limit:
        widest = int(gaps.argmax())
        beside = span.length > 0 and widest in (len(before) - 1, len(before))
        raise _gap(int(gaps[widest]), limit, beside)
    return int(gaps.sum())


def _gap(absent: int, limit: int, beside_carried: bool) -> Unacceptable:
    place = "what is carried and these points" if beside_carried else "two points"
    anew = ", or delete the series and begin anew" if beside_carried else ""
    return Unacceptable(
        f"{absent} steps are absent between {place}, at most {limit} may be at once "
        f"(max_gap); send what lies between, with null for missing values{anew}"
    )


def _span_after(span: Span, written: Steps, rewrites: bool) -> Span:
    if not len(written):
        return span
    return replace(
        span,
        first=min(span.first, int(written[0])),
        end=max(span.end, int(written[-1]) + 1),
        revision=span.revision + rewrites,
    )


def _forgotten(placed: Placed, span: Span, on_conflict: OnConflict) -> Any:
    """Whether points are older than the log, so that nobody knows what they were [N]."""
    forgotten = placed.steps < span.kept
    if on_conflict != "ignore" and forgotten.any():
        oldest = format_step(placed.grid, span.kept)
        raise Conflict(
            f"{forgotten.sum()} of the points are older than what is kept of this "
            f"series, which begins at {oldest} (keep_points, keep_days); leave them "
            'out, or send "on_conflict": "ignore"',
            "ds",
        )
    return forgotten


def _conflict(placed: Placed, steps: Steps) -> Conflict:
    time = format_step(placed.grid, int(steps[0]))
    return Conflict(
        f"{len(steps)} of the points differ from what is carried, the first at {time}; "
        'send "on_conflict": "revise" to correct the history, or "ignore" to keep it',
        "y",
    )
