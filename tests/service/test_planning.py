"""Laws of planning: what points mean, against a reference in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.frequency import Frequency
from service.errors import Conflict, Unacceptable
from service.grids import format_step
from service.placing import Placed, Points, place
from service.planning import Stored, check_gaps, plan
from service.records import Grid, Span

HOURLY = Frequency("h")
GRID = Grid("h", 0)
VALUES = st.sampled_from([1.0, 2.0, float("nan")])


def placed(points: dict[int, float]) -> Placed:
    """Points by step, already on the grid."""
    steps = np.array(sorted(points), dtype=np.int64)
    return Placed(GRID, steps, np.array([points[int(s)] for s in steps]), 0)


def points(times: list[str] | None, values: list[float]) -> Points:
    """Points of a series `a`."""
    given_times = None if times is None else tuple(times)
    return Points("a", given_times, np.array(values, dtype=np.float64))


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


@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_order_within_a_request_does_not_matter(
    order: list[int], repeated: int
) -> None:
    """Points are sorted; one that is said twice alike counts as a repeat."""
    times = [f"2024-01-01T0{hour}:00:00" for hour in [*order, repeated]]
    values = [float(hour) for hour in [*order, repeated]]

    found = place(points(times, values), HOURLY, None, 0)

    assert found.steps.tolist() == list(range(6))
    assert found.values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert found.repeats == 1


def test_a_time_twice_with_two_values_is_refused() -> None:
    """The request contradicts itself, whatever is carried."""
    times = ["2024-01-01T00:00", "2024-01-01T00:00"]
    with pytest.raises(Unacceptable, match="2024-01-01T00:00:00 comes twice"):
        place(points(times, [1.0, 2.0]), HOURLY, None, 0)


def test_a_missing_value_twice_is_a_repeat() -> None:
    """NaN equals NaN here."""
    times = ["2024-01-01T00:00", "2024-01-01T00:00Z"]
    found = place(points(times, [float("nan")] * 2), HOURLY, None, 0)

    assert (len(found.steps), found.repeats) == (1, 1)


def test_the_first_time_of_a_series_is_its_phase() -> None:
    """Half past is as good a grid as the hour; off it is refused with the place."""
    first = place(points(["2024-01-01T00:30"], [1.0]), HOURLY, None, 0)
    assert format_step(first.grid, 1) == "2024-01-01T01:30:00"

    with pytest.raises(Unacceptable, match="not a whole number of 'h' steps") as caught:
        place(
            points(["2024-01-01T01:30", "2024-01-01T03:00"], [1.0, 2.0]),
            HOURLY,
            first.grid,
            1,
        )
    assert caught.value.loc == "ds[1]"


def test_values_without_times_are_the_next_steps() -> None:
    """They go where the series ends; a new one needs times unless it counts steps."""
    assert place(points(None, [1.0, 2.0]), HOURLY, GRID, 5).steps.tolist() == [5, 6]
    with pytest.raises(Unacceptable, match="'ds' is needed"):
        place(points(None, [1.0]), HOURLY, None, 0)

    counted = place(points(None, [1.0, 2.0]), Frequency("1"), None, 0)
    assert [format_step(counted.grid, s) for s in (0, 1)] == [1, 2]


@pytest.mark.parametrize("time", [7, "yesterday", "01/02/2024", ""])
def test_a_time_that_cannot_be_read_is_named_by_its_place(time: object) -> None:
    """The complaint shows how to write it, and does not repeat it."""
    with pytest.raises(Unacceptable, match="such as 2024-01-31T18:00:00") as caught:
        place(points(["2024-01-01", time], [1.0, 2.0]), HOURLY, None, 0)  # type: ignore[list-item]

    assert caught.value.loc == "ds[1]"
    assert str(time) not in caught.value.detail or time in ("", 7)


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


def test_a_calendar_of_months_places_like_one_of_hours() -> None:
    """Month ends are steps of one, however long the months are."""
    ends = ["2024-01-31", "2024-02-29", "2024-04-30"]
    found = place(points(ends, [1.0, 2.0, 3.0]), Frequency("ME"), None, 0)

    assert found.steps.tolist() == [0, 1, 3]
