"""The next items of an iterator, made in the background while the last one is used."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

DEPTH = 4  # items made ahead at most

Item = TypeVar("Item")
_END: Any = object()


@contextmanager
def prefetched(items: Iterator[Item], depth: int = DEPTH) -> Iterator[Iterator[Item]]:
    """The same items in the same order; one thread makes them, ahead of their use.

    What the iterator raises is raised where the item was asked for. When the block is
    left, however that happens, the thread has ended.

    >>> with prefetched(iter("abc")) as letters:
    ...     list(letters)
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        waiting = deque(thread.submit(next, items, _END) for _ in range(depth))
        try:
            yield _in_order(items, waiting, thread)
        finally:
            thread.shutdown(cancel_futures=True)


def _in_order(
    items: Iterator[Item], waiting: deque[Future[Item]], thread: ThreadPoolExecutor
) -> Iterator[Item]:
    """Each item when it is there, while one more is asked for."""
    while (item := waiting.popleft().result()) is not _END:
        waiting.append(thread.submit(next, items, _END))
        yield item
