"""Planning a batch as arrays says what planning one by one says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from service import work
from service.carrying import Live, Wanted
from service.exog import Given
from service.pieces import Allowance, Piece, Rules, Terms
from service.placing import Points
from service.planned import Planned
from service.records import Carried, Grid, Kept, Span
from service.straight import plan_straight, with_times
from tests.service.fakes import FakeModel, manifest

STATE = np.arange(3, dtype=np.float32)
LIVES = {freq: Live("demo", "v1", FakeModel(manifest(freq))) for freq in ("h", "1")}


def piece(freq: str, points: Points, key: str | None = None) -> Piece:
    """One series of a request of its own."""
    rules = Rules("error", key, 100, 10)
    terms = Terms(LIVES[freq], rules, Wanted(), False, Allowance(100))
    return with_times(Piece(points, terms))


def carried(freq: str, unique_id: str = "a", end: int = 5, seen: int = 5) -> Carried:
    """A series of some steps, of which the state has seen so many."""
    kept = Kept(STATE, seen)
    return Carried(1, unique_id, Grid(freq, 0), Span(0, end, 2, 1), kept)


def time(freq: str, step: int) -> str | int:
    """The time of a step, as JSON has it."""
    return step if freq == "1" else str(np.datetime64(step, "h")) + ":00:00"


def points(unique_id: str, freq: str, steps: list[int], untimed: bool) -> Points:
    """Points at steps, one of their values missing."""
    times = None if untimed else tuple(time(freq, step) for step in steps)
    values = np.array([1.5, np.nan, -2.0, 0.0, 3.0, 1.0][: len(steps)])
    return Points(unique_id, times, values)


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal, arrays and all fields of data classes too."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(
            a, b, equal_nan=a.dtype.kind == "f"
        )
    names = getattr(type(a), "__dataclass_fields__", None)
    if names is None:
        return bool(a == b)
    return all(same(getattr(a, name), getattr(b, name)) for name in names)


STEPS = st.lists(st.integers(0, 9), max_size=4) | st.integers(0, 6).flatmap(
    lambda n: st.just(list(range(5, 5 + n)))
)


@settings(max_examples=200, deadline=None)
@drawn(
    freq=st.sampled_from(["h", "1"]),
    new=st.booleans(),
    series=st.lists(STEPS, min_size=1, max_size=4),
    wrong=st.sampled_from([None, "soon", "1970-01-01T05:30:00"]),
    untimed=st.booleans(),
)
def test_what_is_straight_is_planned_as_it_would_be_one_by_one(
    freq: str, new: bool, series: list[list[int]], wrong: str | None, untimed: bool
) -> None:
    """Each job found straight equals that of the long way, which refuses none of them."""
    came = [
        points(f"s{index}", freq, steps, untimed and not new)
        for index, steps in enumerate(series)
    ]
    if wrong is not None and came[0].times:
        came[0] = replace(came[0], times=(wrong, *came[0].times[1:]))
    pieces = [piece(freq, one) for one in came]
    ids = [] if new else [one.points.unique_id for one in pieces]
    known = {unique_id: carried(freq, unique_id) for unique_id in ids}
    for one, job in zip(pieces, plan_straight(pieces, known), strict=True):
        if job is not None:
            slow = work._plan_one(one, known.get(job.unique_id), None)
            assert same(replace(job, ahead=slow.ahead), slow)


@pytest.mark.parametrize("freq", ["h", "1"])
def test_the_next_points_are_straight(freq: str) -> None:
    """New series, further points with times or without, and none at all are found."""
    after = tuple(time(freq, step) for step in (5, 6))
    none: tuple[str, ...] = ()
    lines = [("new", after), ("a", after), ("b", None), ("c", none)]
    pieces = [
        piece(freq, Points(unique_id, times, np.ones(0 if times == () else 2)))
        for unique_id, times in lines
    ]
    known = {one: carried(freq, one) for one in "abc"}
    jobs = plan_straight(pieces, known)
    assert [job and job.plan.span.end for job in jobs] == [2, 7, 7, 5]


class Overflowing(FakeModel):
    """Its numbers overflow behind the first step forecast."""

    def forecast(self, state: Any, x: Any) -> Any:
        """Finite for one step only."""
        fan = super().forecast(state, x)
        fan[:, 1:] = np.inf
        return fan


def test_one_point_is_judged_by_what_is_asked_of_it() -> None:
    """As two points are: by the steps that are wanted, not by all a model could give."""
    live = Live("demo", "v1", Overflowing(manifest("1")))
    found = []
    for horizon, times in ((1, (1,)), (1, (1, 2)), (2, (1,)), (2, (1, 2))):
        terms = replace(
            piece("1", POINTS).terms, live=live, wanted=Wanted(horizon), stateless=True
        )
        one = Piece(Points("a", times, np.ones(len(times))), terms)
        (job,) = work.plan_all([one], None)
        assert isinstance(job, Planned)
        found += [isinstance(result, work.Result) for result in work.walk(live, [job])]
    assert found == [True, True, False, False]


POINTS = Points("a", (time("h", 5),), np.ones(1))


@pytest.mark.parametrize(
    ("given", "before", "key"),
    [
        (replace(POINTS, times=(time("h", 6),)), carried("h"), None),
        (replace(POINTS, times=(time("h", 4),)), carried("h"), None),
        (replace(POINTS, given=Given({"promo": [1.0]})), carried("h"), None),
        (POINTS, carried("h", seen=4), None),
        (POINTS, replace(carried("h"), kept=None), None),
        (POINTS, replace(carried("h"), grid=Grid("D", 0)), None),
        (replace(POINTS, times=None), carried("h"), "key"),
        (replace(POINTS, times=None), None, None),
    ],
    ids=["gap", "late", "covariates", "behind", "lost", "daily", "keyed", "begun"],
)
def test_all_else_goes_the_long_way(
    given: Points, before: Carried | None, key: str | None
) -> None:
    """What needs the log, or an error, is not straight."""
    known = {} if before is None else {"a": before}
    assert plan_straight([piece("h", given, key)], known) == [None]
