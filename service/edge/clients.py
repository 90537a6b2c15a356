"""Who is connected to a worker: whom its loop watches, how long, and what it holds for them."""

import selectors
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from service.edge.connection import Connection, Phase

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
SMALL = 64 * 1024  # bytes of a request or an answer that there is always room for
STOP_IDLE_S = 2.0  # after SIGTERM, for a request that is on its way already
STOP_SLOW_S = 15.0  # after SIGTERM, for what is being read or written


class Clients:
    """The connections that are in no thread's hands, and the bytes of all.

    Args:
        poller: gives the loop's poller, which begins later than this.
        ready: is called with a connection when there is news of it.
        most_held: bytes of large requests and answers, together.
    """

    def __init__(
        self,
        poller: Callable[[], Any],
        ready: Callable[[Connection, object], None],
        most_held: int,
    ) -> None:
        self.waiting: dict[Connection, None] = {}
        self._poller = poller
        self._ready = ready
        self._most_held = most_held
        self._held = 0
        self._hurries = False

    def enter(self, connection: Connection, phase: Phase) -> None:
        """Let a connection begin to wait for something else."""
        connection.enter(phase)
        if self._hurries:
            self._hurry(connection)

    def hurry_all(self) -> None:
        """Wait for nobody much longer, from now on."""
        self._hurries = True
        for one in self.waiting:
            self._hurry(one)

    def _hurry(self, one: Connection) -> None:
        has_begun = len(one.incoming) or len(one.sock)
        one.latest = time.monotonic() + (STOP_SLOW_S if has_begun else STOP_IDLE_S)

    def watch(self, connection: Connection, events: int) -> None:
        """Watch a connection for these events, and no others; 0 for none."""
        if events == connection.watched:
            return
        poller = self._poller()
        if not events:
            poller.unregister(connection.socket)
        else:
            begin = poller.modify if connection.watched else poller.register
            begin(connection.socket, events, partial(self._ready, connection))
        connection.watched = events

    def hold(self, connection: Connection, size: int) -> None:
        """Note how many bytes are kept for a connection."""
        self._held += size - connection.held
        connection.held = size

    def is_too_large(self, connection: Connection) -> bool:
        """Whether there is no room for what is kept for a connection."""
        return connection.held > SMALL and self._held > self._most_held

    def spare(self, waited_s: float) -> Connection | None:
        """Return the one that can best be spared of those that waited so long."""
        before = time.monotonic() - waited_s
        idle = [one for one in self.waiting if one.since <= before]
        return min(idle, key=lambda one: (one.phase, one.since), default=None)

    def close(self, connection: Connection) -> bool:
        """Close a connection; False where it was closed already."""
        if connection.socket.fileno() < 0:
            return False
        self.watch(connection, 0)
        self.hold(connection, 0)
        self.waiting.pop(connection, None)
        connection.socket.close()
        return True
