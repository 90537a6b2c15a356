"""Small requests meet: one thread answers all that wait, by turns.

Each is worked on until its points are in the queue of the engine; when all have come so
far, the first of them has the batch done for all (`service.batching`), and each is
answered. With a thread for each, threads spent as long on handing the interpreter to
each other as on the requests.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from service.edge.connection import Connection
from service.turns import take_turns

MOST = 64  # requests at a time, so that the first does not wait long for the last
LOST_S = 60.0  # beyond the deadline; a store that answers at all does so before

Answered = tuple[Connection, bool | None]


class Crew:
    """Answers requests in a thread of its own."""

    def __init__(
        self,
        answer: Callable[[Connection], bool | None],
        tell: Callable[[Sequence[Answered]], None],
    ) -> None:
        """Make one.

        Args:
            answer: answers what arrived, and raises nothing.
            tell: is told what `answer` returned, of those that were answered together.
        """
        self._answer = answer
        self._tell = tell
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Connection] = deque()
        self._began: float | None = None  # with those it works on; none while it rests

    def add(self, connection: Connection) -> None:
        """Have a request answered soon."""
        self._waiting.append(connection)
        self._thread.submit(self._work)  # which may find that it was done with another

    def is_lost(self, deadline_s: float) -> bool:
        """Whether the thread has been at the same requests for so long that it hangs.

        Args:
            deadline_s: until when a request waits for others, at most.
        """
        began = self._began
        return began is not None and time.monotonic() - began > deadline_s + LOST_S

    def _work(self) -> None:
        count = min(MOST, len(self._waiting))
        met = [self._waiting.popleft() for _ in range(count)]
        answered: list[Answered] = []
        self._began = time.monotonic()
        try:
            take_turns([partial(self._one, one, answered) for one in met])
        finally:
            self._began = None
        if answered:
            self._tell(answered)

    def _one(self, connection: Connection, answered: list[Answered]) -> None:
        answered.append((connection, self._answer(connection)))
