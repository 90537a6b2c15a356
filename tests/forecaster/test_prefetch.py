"""Prefetching: the same items in the same order, a bounded number ahead, no thread left."""

import threading
import time
from collections.abc import Iterator

import pytest

from forecaster.prefetch import DEPTH, prefetched


def threads() -> int:
    """Living threads that make items."""
    return sum("prefetch" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("count", [0, 1, DEPTH, 50])
def test_the_items_come_in_their_order(count: int) -> None:
    """Nothing is lost, doubled or moved, however many there are."""
    with prefetched(iter(range(count))) as items:
        assert list(items) == list(range(count))
    assert threads() == 0


def test_items_are_made_while_the_last_one_is_used_but_never_many() -> None:
    """The maker is ahead of the user by a few items, and then waits."""
    made: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    with prefetched(endless()) as items:
        assert next(items) == 0
        deadline = time.monotonic() + 5
        while len(made) < DEPTH and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert DEPTH <= len(made) <= DEPTH + 1
    assert threads() == 0


def test_an_error_of_the_maker_is_raised_at_its_place() -> None:
    """The items before it come first."""

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with prefetched(broken()) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="no more"):
            next(items)
    assert threads() == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_of_the_user_ends_the_maker(error: type[BaseException]) -> None:
    """Leaving the block by an exception leaves no thread behind."""

    def use() -> None:
        with prefetched(iter(range(1000))) as items:
            next(items)
            raise error

    with pytest.raises(error):
        use()
    assert threads() == 0
