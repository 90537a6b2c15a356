"""Laws of planning: what points mean, against a reference in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Conflict, Unacceptable
from service.placing import Placed
from service.planning import Stored, check_gaps, plan
from service.records import Grid, Span

GRID = Grid("h", 0)
VALUES = st.sampled_from([1.0, 2.0, float("nan")])


def placed(points: dict[int, float]) -> Placed:
    """Points by step, already on the grid."""
    steps = np.array(sorted(points), dtype=np.int64)
    return Placed(GRID, steps, np.array([points[int(s)] for s in steps]), 0)


def same(a: float, b: float) -> bool:
    """Equal, or both missing."""
    return a == b or (a != a and b != b)


@given(
    log=st.lists(VALUES, min_size=1, max_size=6),
    sent=st.dictionaries(st.integers(-3, 10), VALUES, max_size=8),
    on_conflict=st.sampled_from(["error", "ignore", "revise"]),
)
def test_planning_agrees_with_a_dictionary(
    log: list[float], sent: dict[int, float], on_conflict: str
) -> None:
    """New steps are added; others are repeats, or follow the rule for conflicts."""
    missing = float("nan")
    known = dict(enumerate(log))
    repeats = [s for s in sent if s < len(log) and same(sent[s], known.get(s, missing))]
    conflicts = [s for s in sent if s < len(log) and s not in repeats]
    stored = np.array([known.get(s, missing) for s in sorted(sent) if s < len(log)])
    span = Span(0, len(log), 7)

    if conflicts and on_conflict == "error":
        with pytest.raises(Conflict, match=f"^{len(conflicts)} of the points differ"):
            plan(placed(sent), span, Stored(stored), "error")
        return
    found = plan(placed(sent), span, Stored(stored), on_conflict)  # type: ignore[arg-type]

    ignored = conflicts if on_conflict == "ignore" else []
    applied = {s: sent[s] for s in sent if s not in repeats and s not in ignored}
    assert found.counts.applied == len(applied)
    assert found.counts.duplicates == len(repeats)
    assert found.counts.ignored == len(ignored)
    assert found.steps.tolist() == sorted(applied)
    assert all(
        same(a, applied[s])
        for s, a in zip(found.steps.tolist(), found.values.tolist(), strict=True)
    )
    assert found.span.first == min([0, *applied])
    assert found.span.end == max([len(log) - 1, *applied]) + 1
    rewrites = any(s < len(log) for s in applied)
    assert found.span.revision == 7 + rewrites


@given(
    st.sets(st.integers(-20, 40), max_size=10), st.integers(1, 10), st.integers(0, 30)
)
def test_gaps_are_counted_like_a_set(written: set[int], end: int, limit: int) -> None:
    """Every absent step counts once, and no run of them may be beyond the limit."""
    span = Span(0, end)
    known = written | set(range(end))
    whole = range(min(known), max(known) + 1)
    marks = "".join("x" if step in known else " " for step in whole)
    steps = np.array(sorted(written), dtype=np.int64)

    if max(map(len, marks.split("x"))) > limit:
        with pytest.raises(Unacceptable, match="max_gap"):
            check_gaps(steps, span, limit)
    else:
        assert check_gaps(steps, span, limit) == marks.count(" ")


def test_a_history_with_many_gaps_is_bounded_gap_by_gap() -> None:
    """Twenty gaps of five thousand steps are no gap of a hundred thousand."""
    steps = np.array([0, *range(4_999, 95_000, 5_000)])
    assert check_gaps(steps, Span(0, 0), 10_000) == 95_000 - len(steps)


@pytest.mark.parametrize(
    ("span", "steps", "deletes"),
    [
        (Span(0, 0), [0, 20], False),
        (Span(0, 5), [5, 20], False),
        (Span(0, 5), [20, 21], True),
        (Span(30, 35), [5], True),
        (Span(30, 35), [5, 25], False),
    ],
)
def test_beginning_anew_is_advised_where_it_helps(
    span: Span, steps: list[int], deletes: bool
) -> None:
    """Only when the gap is one to what is carried."""
    with pytest.raises(Unacceptable, match="max_gap") as caught:
        check_gaps(np.array(steps), span, 10)
    assert ("delete the series" in caught.value.detail) == deletes
