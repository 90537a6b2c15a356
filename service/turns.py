"""Taking turns: those who would work on the same thing in one process, one by one.

A courtesy that saves wasted work. What is true is decided by the store alone.
"""

import threading
import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


class _Turn:
    """A lock, and how many hold it or wait for it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users = 0


class Turns:
    """Locks by key, which exist only while somebody holds or awaits them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turns: dict[Hashable, _Turn] = {}

    def __len__(self) -> int:
        """Return how many keys are in use."""
        return len(self._turns)

    @contextmanager
    def taken(self, keys: Iterable[Any], patience_s: float) -> Iterator[None]:
        """Hold the turns of all keys; after ``patience_s`` go on without the rest."""
        deadline = time.monotonic() + patience_s
        with ExitStack() as held:
            for key in sorted(set(keys)):  # one order for all: nobody waits in a ring
                held.enter_context(self._taken(key, deadline))
            yield

    @contextmanager
    def _taken(self, key: Hashable, deadline: float) -> Iterator[None]:
        with self._guard:
            turn = self._turns.setdefault(key, _Turn())
            turn.users += 1
        held = False
        try:
            held = turn.lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
            yield
        finally:
            if held:
                turn.lock.release()
            with self._guard:
                turn.users -= 1
                if not turn.users:
                    del self._turns[key]
