"""What a service keeps of a series and answers, in plain Python: a dictionary, two ends.

Written from the contract, not from the service, which is compared with it. A step is a
whole number; a series covers all from `first` up to, not including, `end`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

Row = Mapping[str, float]
Points = dict[int, tuple[float | None, Row]]
LARGEST = 3.4e38  # of a float32


@dataclass(frozen=True, slots=True)
class Truth:
    """A series: what is known of its steps; those without a value are missing."""

    first: int
    end: int
    values: Mapping[int, float] = field(default_factory=dict)
    exog: Mapping[int, Row] = field(default_factory=dict)
    keys: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # step and count

    def history(self, end: int | None = None) -> tuple[list[float], list[float]]:
        """The values from the first step on, NaN for missing, and sums of covariates."""
        steps = range(self.first, self.end if end is None else end)
        known = [self.values.get(step, float("nan")) for step in steps]
        return known, [sum(self.exog.get(step, {}).values()) for step in steps]


@dataclass(frozen=True, slots=True)
class Sent:
    """One series of a request; `promo` goes on with the steps ahead."""

    unique_id: str
    steps: tuple[int, ...] | None
    values: tuple[float | None, ...]
    promo: tuple[float | None, ...] = ()
    size: float | None = None
    counted_from: str = ""  # for who makes it: which end its steps were counted from


@dataclass(frozen=True, slots=True)
class How:
    """What holds for all series of a request, and how far a series may skip."""

    on_conflict: str = "error"
    key: str | None = None
    begins_at: int | None = None  # where values without times begin a series
    max_gap: int = 100
    horizon: int = 100  # steps that covariates may be known ahead


@dataclass(frozen=True, slots=True)
class Said:
    """The answer for one series; `truth` is what is kept afterwards."""

    status: int
    truth: Truth | None
    applied: int = 0
    duplicates: int = 0
    ignored: int = 0
    ahead: tuple[float, ...] = ()  # covariates known of the steps behind the end


def told(truth: Truth | None, sent: Sent, how: How) -> Said:
    """What a service answers to one series of a request, and keeps of it."""
    if truth is None and not sent.values:
        return Said(404, None)
    steps = _steps(truth, sent, how)
    if isinstance(steps, int):
        return Said(steps, truth)
    if len(sent.promo) > len(steps) + how.horizon:
        return Said(422, truth)
    points: Points = {}
    for place, step in enumerate(steps):
        promo = sent.promo[place] if place < len(sent.promo) else None
        point = (sent.values[place], {} if promo is None else {"promo": promo})
        if points.setdefault(step, point) != point:
            return Said(422, truth)
    return _settled(truth, points, sent, how)


def _steps(truth: Truth | None, sent: Sent, how: How) -> list[int] | int:
    """Where the values go, or the status of a refusal."""
    if sent.steps is not None or not sent.values:
        return list(sent.steps or ())
    if truth is None:
        begin = how.begins_at
    else:
        begin, count = truth.keys.get(how.key or "", (truth.end, len(sent.values)))
        if count != len(sent.values):
            return 409
    if begin is None:
        return 422
    return list(range(begin, begin + len(sent.values)))


def _settled(truth: Truth | None, points: Points, sent: Sent, how: How) -> Said:
    old = truth or Truth(min(points), min(points))
    late = {step for step in points if step < old.end}
    differing = {step for step in late if not _known(old, step, *points[step])}
    if differing and how.on_conflict == "error":
        return Said(409, truth)
    rewritten = differing if how.on_conflict == "revise" else set()
    written = sorted((points.keys() - late) | rewritten)
    if _widest_gap(old, written) > how.max_gap:
        return Said(422, truth)
    if any(abs(points[step][0] or 0.0) > LARGEST for step in written):
        return Said(422, truth)
    ignored = len(differing - rewritten)
    new = _written(old, {step: points[step] for step in written}, sent.size)
    untimed = sent.steps is None and len(sent.values) > 0
    if untimed and how.key is not None and how.key not in new.keys:
        place = (min(points), len(sent.values))
        new = replace(new, keys={**new.keys, how.key: place})
    duplicates = len(sent.values) - len(written) - ignored
    ahead = _ahead(new, max(points, default=old.end - 1) + 1, sent)
    return Said(200, new, len(written), duplicates, ignored, ahead)


def _known(old: Truth, step: int, value: float | None, row: Row) -> bool:
    same = old.values.get(step) == value
    return same and row.items() <= old.exog.get(step, {}).items()


def _widest_gap(old: Truth, written: list[int]) -> int:
    """The most steps that lie absent between neighbours of what is covered then."""
    before = [*(step for step in written if step < old.first), old.first]
    behind = [old.end - 1, *(step for step in written if step >= old.end)]
    return max(b - a - 1 for a, b in [*pairwise(before), *pairwise(behind), (0, 1)])


def _written(old: Truth, points: Points, size: float | None) -> Truth:
    values, exog = dict(old.values), {**old.exog}
    for step, (value, row) in points.items():
        values.pop(step, None)
        if value is not None:
            values[step] = value
        came = {**row, **({} if size is None else {"size": size})}
        size = None  # what is constant stands with the first step alone
        if came:
            exog[step] = {**exog.get(step, {}), **came}
    first, end = min([old.first, *points]), max([old.end, *(s + 1 for s in points)])
    return Truth(first, end, values, exog, old.keys)


def _ahead(new: Truth, begin: int, sent: Sent) -> tuple[float, ...]:
    """Of the steps from the end on, what came for those behind the last point."""
    later = sent.promo[len(sent.values) :]
    known = {begin + place: promo or 0.0 for place, promo in enumerate(later)}
    last = max(known, default=new.end - 1)
    return tuple(known.get(step, 0.0) for step in range(new.end, last + 1))
