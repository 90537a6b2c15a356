"""What a service keeps of a series and answers, in plain Python: a dictionary, two ends.

Written from the contract, not from the service, which is compared with it. A step is a
whole number; a series covers all from `first` up to, not including, `end`. Nothing is
ever forgotten here: of what a service has pruned it is known what states have seen of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

Row = Mapping[str, float]
Points = dict[int, tuple[float | None, Row]]
LARGEST = 3.4e38  # of a float32
COVARIATES = frozenset({"promo", "stock", "size"})  # size is constant


@dataclass(frozen=True, slots=True)
class Truth:
    """A series: what is known of its steps; those without a value are missing."""

    first: int
    end: int
    values: Mapping[int, float] = field(default_factory=dict)
    exog: Mapping[int, Row] = field(default_factory=dict)
    keys: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # step and count
    pruned: int = 0  # of the oldest steps, how many a service has forgotten
    # By version of the model: the steps of which its state was made; the same of states
    # that somebody has copied, as long as they fit the history.
    seen: Mapping[str, range] = field(default_factory=dict, compare=False)
    copied: Mapping[str, range] = field(default_factory=dict, compare=False)

    @property
    def kept(self) -> int:
        """The first step that a service still knows."""
        return self.first + self.pruned

    def known(self, steps: range) -> list[float]:
        """The values of steps, NaN for missing."""
        return [self.values.get(step, float("nan")) for step in steps]

    def rows(self, steps: range) -> list[Row]:
        """Covariates of steps; what is constant holds from the step it was told with on."""
        found: list[Row] = []
        constant: Row = {}
        for step in range(self.first, steps.stop):
            row = self.exog.get(step, {})
            constant = {"size": row["size"]} if "size" in row else constant
            found.append({**row, **constant})
        return found[steps.start - self.first :]


@dataclass(frozen=True, slots=True)
class Sent:
    """One series of a request; `promo` goes on with the steps ahead."""

    unique_id: str
    steps: tuple[int, ...] | None
    values: tuple[float | None, ...]
    promo: tuple[float | None, ...] = ()
    stock: tuple[float | None, ...] = ()
    size: float | None = None
    # For who makes it: what of a truth its steps were counted from, and whether
    # covariates are sent that the model does not take.
    counted_from: str = "end"
    unfitting: bool = False


@dataclass(frozen=True, slots=True)
class How:
    """What holds for all series of a request, and how far a series may skip."""

    on_conflict: str = "error"
    key: str | None = None
    begins_at: int | None = None  # where values without times begin a series
    max_gap: int = 100
    horizon: int = 100  # steps that covariates may be known ahead
    version: str = ""  # of the model
    takes: frozenset[str] = COVARIATES


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
    if not _takes(sent, how):
        return Said(422, truth)
    points: Points = {}
    for place, step in enumerate(steps):
        point = (sent.values[place], _row(sent, place))
        if points.setdefault(step, point) != point:
            return Said(422, truth)
    return _settled(truth, points, sent, how)


def pruned(truth: Truth, kept: int) -> Truth:
    """The series whose steps before `kept` are forgotten; no state that is behind counts."""
    seen = {version: s for version, s in truth.seen.items() if s.stop >= kept}
    copied = {version: s for version, s in truth.copied.items() if s.stop >= kept}
    return replace(truth, pruned=kept - truth.first, seen=seen, copied=copied)


def primed(truth: Truth, version: str) -> Truth:
    """The series once the states of a version are made, without a request."""
    return _carried(truth, version, anew=False)


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


def _takes(sent: Sent, how: How) -> bool:
    """Whether the model takes these covariates, and all points have them."""
    given = {"promo": sent.promo, "stock": sent.stock, "size": sent.size is not None}
    count, promos = len(sent.values), len(sent.promo)
    return (
        {name for name, came in given.items() if came} <= how.takes
        and len(sent.stock) in (0, count)
        and (not promos or count <= promos <= count + how.horizon)
    )


def _row(sent: Sent, place: int) -> Row:
    came = {"promo": sent.promo, "stock": sent.stock}
    found = {name: values[place] for name, values in came.items() if values}
    return {name: value for name, value in found.items() if value is not None}


def _settled(truth: Truth | None, points: Points, sent: Sent, how: How) -> Said:
    old = truth or Truth(min(points), min(points))
    late = {step for step in points if step < old.end}
    gone = {step for step in late if old.pruned and step < old.kept}
    differing = gone | {step for step in late if not _known(old, step, *points[step])}
    if {"error": differing, "revise": gone, "ignore": set()}[how.on_conflict]:
        return Said(409, truth)
    rewritten = differing if how.on_conflict == "revise" else set()
    written = sorted((points.keys() - late) | rewritten)
    if _widest_gap(old, written) > how.max_gap:
        return Said(422, truth)
    if any(abs(points[step][0] or 0.0) > LARGEST for step in written):
        return Said(422, truth)
    ignored = len(differing - rewritten)
    new = _written(old, {step: points[step] for step in written}, sent.size)
    new = _carried(new, how.version, anew=bool(rewritten))
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
    return replace(old, first=first, end=end, values=values, exog=exog)


def _carried(truth: Truth, version: str, anew: bool) -> Truth:
    """The series once the state of a version has seen all of it.

    A state goes on from what it has seen, also of what is forgotten by now. One that is
    made anew, as all are of a history that was rewritten, is made of what is kept.
    """
    seen, copied = ({}, {}) if anew else (truth.seen, truth.copied)
    begin = seen[version].start if version in seen else truth.kept
    seen = {**seen, version: range(begin, truth.end)}
    return replace(truth, seen=seen, copied=copied)


def _ahead(new: Truth, begin: int, sent: Sent) -> tuple[float, ...]:
    """Of the steps from the end on, what came for those behind the last point."""
    later = sent.promo[len(sent.values) :]
    known = {begin + place: promo or 0.0 for place, promo in enumerate(later)}
    last = max(known, default=new.end - 1)
    return tuple(known.get(step, 0.0) for step in range(new.end, last + 1))
