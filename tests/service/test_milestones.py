"""Laws of milestones: few are kept, and a correction costs what it corrects is old."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from forecaster.settings import Retention
from service.carrying import Journey, Live, carry
from service.database import reading, writing
from service.milestones import FACTOR, SPACING, carry_by_stops, passed, stops
from service.pruning import prune
from service.records import Grid
from service.retention import Need
from service.tables import milestones as table
from tests.service.fakes import FakeModel, manifest, states_of
from tests.service.test_engine import Bench

LENGTH = 5_000
PORTION = 250
RECENT = 2 * SPACING + PORTION  # steps, that are walked for what has just come
VALUES = np.random.default_rng(5).normal(50, 10, LENGTH).round(3)
LIVE = Live("demo", "v1", FakeModel(manifest()))


def kept_of(ends: Iterator[tuple[int, int]]) -> list[int]:
    """Where milestones are kept of a series that goes from step to step."""
    kept: dict[int, int] = {}
    for begin, end in ends:
        until = passed(begin, end)
        if until is not None:
            kept[end] = until
            kept = {one: last for one, last in kept.items() if last > end}
    return sorted(kept)


@given(st.integers(-5_000, 5_000), st.integers(1, 400_000), st.integers(1, 400_000))
def test_one_goes_back_little_further_than_what_is_corrected(
    first: int, length: int, age: int
) -> None:
    """Point by point or in a replay: at most nine times its age, or two spacings."""
    end = first + length
    corrected = max(first, end - age)
    every = range(first // SPACING * SPACING, end + 1, SPACING)
    passing = ((one - 1, one) for one in every if one > first)
    for kept in (kept_of(passing), stops(first, end)):
        back = max((one for one in kept if one <= corrected), default=first)
        assert end - back <= max(2 * SPACING, (FACTOR + 1) * (end - corrected))
        levels = 1 + np.log(max(length / SPACING, 1)) / np.log(FACTOR)
        assert len(kept) <= 2 * levels + 4


@given(st.integers(-10_000, 10_000), st.lists(st.integers(1, 3_000), max_size=30))
def test_a_milestone_is_kept_wherever_one_is_passed(
    first: int, steps: list[int]
) -> None:
    """However many points come at once; of no more use is what lies far behind."""
    at = first
    for count in steps:
        until = passed(at, at + count)
        assert (until is not None) == any(
            one % SPACING == 0 for one in range(at + 1, at + count + 1)
        )
        if until is not None:
            assert until >= at + count + 2 * SPACING
        at += count


def test_a_walk_with_stops_is_a_walk() -> None:
    """State and scores are the same, and each milestone is the state that was there."""
    grid = Grid("h", 0)
    ways = [Journey(grid, None, 7, VALUES[:3_000]), Journey(grid, None, 0, VALUES[:90])]
    states, unusual, left = carry_by_stops(LIVE, ways, [True, True])
    plain, scores = carry(LIVE, ways)
    np.testing.assert_array_equal(states, plain)
    for one, other in zip(unusual, scores, strict=True):
        np.testing.assert_array_equal(one, other)
    assert ([one.end for one in left[0]], left[1]) == ([2_048, 2_560, 2_816], ())
    for one in left[0]:
        model = FakeModel(manifest())
        expected = states_of(model, VALUES[: one.end - 7].tolist())
        np.testing.assert_array_equal(one.state, expected)


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """A service that has seen a long series, in portions."""
    made = Bench(database)
    for begin in range(0, LENGTH, PORTION):
        portion = VALUES[begin : begin + PORTION].tolist()
        made.send(dict(enumerate(portion, begin)))
    yield made
    made.store.close()


def corrected(bench: Bench, age: int) -> int:
    """Correct a value so many steps behind the end; the steps that were walked."""
    hour = LENGTH - age
    before = bench.model.steps
    bench.send({hour: VALUES[hour] + 1}, on_conflict="revise")
    walked = bench.model.steps - before
    values = VALUES.copy()
    values[hour] += 1
    reference = states_of(FakeModel(manifest()), values.tolist())
    np.testing.assert_allclose(bench.state(), reference, rtol=1e-6)
    bench.send({hour: VALUES[hour]}, on_conflict="revise")
    return walked


def test_a_correction_costs_what_it_corrects_is_old(bench: Bench) -> None:
    """And leads to the state of the corrected history."""
    for age, most in ((1, RECENT), (300, 9 * 300), (LENGTH, LENGTH)):
        walked = corrected(bench, age)
        assert age <= walked <= most
    assert corrected(bench, 1) <= RECENT  # those that were misled have been left again


def rows_of(bench: Bench) -> list[Any]:
    """What is kept."""
    with reading(bench.store._engine) as connection:
        return [*connection.execute(select(table).order_by(table.c.end_step))]


def test_few_are_kept(bench: Bench) -> None:
    """Those that are of use: what is passed goes."""
    portions = ((end - PORTION, end) for end in range(PORTION, LENGTH + 1, PORTION))
    assert [row.end_step for row in rows_of(bench)] == kept_of(portions)


def test_what_was_corrected_is_seen_by_no_milestone(bench: Bench) -> None:
    """All that stay are of the history as it is now."""
    hour = LENGTH - PORTION - 5  # just before one of them
    bench.send({hour: 0.0}, on_conflict="revise")
    values = VALUES.copy()
    values[hour] = 0.0
    rows = rows_of(bench)
    assert {row.revision for row in rows} == {1}
    assert rows[-1].end_step > LENGTH - 2 * SPACING
    for row in rows:
        state = np.frombuffer(row.state, "<f4")
        model = FakeModel(manifest())
        np.testing.assert_array_equal(
            state, states_of(model, values[: row.end_step].tolist())
        )


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE milestones SET crc32 = crc32 + 1",
        "UPDATE milestones SET end_step = end_step + 1",
        "UPDATE series SET revision = revision + 1",  # by who knows nothing of them
    ],
)
def test_what_is_no_milestone_is_not_gone_back_to(bench: Bench, harm: str) -> None:
    """One walks all the way, and is right."""
    with writing(bench.store._engine) as connection:
        connection.execute(text(harm))
    assert corrected(bench, 1) == LENGTH


def test_they_go_with_their_series_and_with_what_is_pruned(bench: Bench) -> None:
    """Nothing is left behind."""

    assert len(rows_of(bench)) > 0
    need = {"demo": Need(4, frozenset())}
    for _ in prune(bench.store._engine, Retention(keep_points=1_000), need):
        pass
    assert len(rows_of(bench)) == 0
    bench.send({LENGTH + one: 1.0 for one in range(300)})
    assert len(rows_of(bench)) == 0
    bench.engine.forget("a", None)
    for begin in range(0, 300, 100):
        bench.send({begin + one: 1.0 for one in range(100)})
    assert len(rows_of(bench)) == 1
    bench.engine.forget("a", None)
    assert len(rows_of(bench)) == 0
