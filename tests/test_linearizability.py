"""Laws of the checker of histories: what it must accept, and what it must not."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.linearizability import Call, contradiction


def counter(state: int, call: Call[str, int]) -> list[int]:
    """`add` answers the new number, `read` the number."""
    after = state + (call.asked == "add")
    return [after] if call.answered in (None, after) else []


def add(invoked: float, completed: float, answered: int) -> Call[str, int]:
    """A call that adds one."""
    return Call(invoked, "add", completed, answered)


def read(invoked: float, completed: float, answered: int) -> Call[str, int]:
    """A call that reads."""
    return Call(invoked, "read", completed, answered)


def fits(*calls: Call[str, int]) -> bool:
    """Whether an order explains the calls."""
    return contradiction(calls, 0, counter, int) is None


LOST: Call[str, int] = Call(0, "add")  # nobody knows whether it was done


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (add(0, 1, 1), add(2, 3, 2)),
        (add(0, 3, 2), add(1, 2, 1)),  # the later one was quicker
        (add(0, 9, 1), read(1, 2, 1), read(3, 4, 1)),
        (add(0, 9, 1), read(1, 2, 0), read(3, 4, 1)),
        (LOST, read(1, 2, 0), read(3, 4, 1)),  # done long afterwards
        (LOST, read(1, 2, 0), read(3, 4, 0)),  # or never
    ],
)
def test_a_history_that_some_order_explains_is_accepted(calls: Any) -> None:
    """Overlapping calls may come in either order, lost ones at any time or never."""
    assert fits(*calls)


@pytest.mark.parametrize(
    "calls",
    [
        (add(0, 1, 2),),
        (add(0, 1, 1), add(2, 3, 1)),  # the first one was lost
        (add(0, 1, 2), add(2, 3, 1)),  # against the clock
        (add(0, 1, 1), read(2, 3, 0)),  # a stale read
        (add(0, 9, 1), read(1, 2, 1), read(3, 4, 0)),  # back again
        (LOST, read(1, 2, 1), read(3, 4, 0)),
        (LOST, read(1, 2, 2)),  # done twice
        (add(0, 9, 1), add(0, 9, 1)),  # both of them the first
    ],
)
def test_a_history_that_no_order_explains_is_refused(calls: Any) -> None:
    """Lost and stale values, work that is done twice, time that runs backwards."""
    assert not fits(*calls)


def test_a_contradiction_says_where_it_is() -> None:
    """The state until then, how many calls it took, and what does not follow."""
    wrong = read(4, 5, 1)
    calls = [add(0, 1, 1), add(2, 3, 2), wrong]
    found = contradiction(calls, 0, counter, int)
    assert found is not None
    assert (found.state, found.done, found.waiting) == (2, 2, (wrong,))


@given(seed=st.integers(0, 2**32), shift=st.sampled_from([0, 1, -1, 100]))
def test_a_long_history_is_told_from_one_with_a_wrong_answer(
    seed: int, shift: int
) -> None:
    """Every call has a moment at which it is done, somewhere between its two ends."""
    rng = random.Random(seed)
    calls, number = [], 0
    for moment in range(100):
        asked = rng.choice(["add", "read"])
        number += asked == "add"
        begun, ended = moment - rng.choice([0.1, 4]), moment + rng.choice([0.1, 4])
        calls.append(Call(begun, asked, ended, number))
    calls += [add(200, 201, number + 1 + shift), read(202, 203, number + 1)]
    rng.shuffle(calls)
    assert fits(*calls) == (shift == 0)
