"""A client's connection: what came, what is to go, and how long that may take."""

import socket
import time
from collections import deque
from enum import IntEnum
from typing import Any

from service.edge.framing import Arrived, Incoming

READ_BYTES = 64 * 1024  # at once, so that nobody waits long for others
MOST_PIECES = 64  # of an answer that are written at once
SLOWEST_BYTES_S = 64 * 1024  # a client that is at least as fast gets the time it needs
LINGER_S = 5.0  # a client may take to read its answer while it still sends


class Phase(IntEnum):
    """What a connection waits for; those named first are closed first for others."""

    IDLE = 0  # another request
    LINGERING = 1  # the client to close
    READING = 2  # the rest of a request
    WRITING = 3  # the client to take its answer
    WORKING = 4  # a thread


class Outbox:
    """Takes what gunicorn writes, in place of a socket: it never waits.

    >>> outbox = Outbox()
    >>> outbox.sendall(b"HTTP/1.1 200 OK"); len(outbox)
    15
    """

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def sendall(self, data: bytes) -> None:
        """Keep what is to be sent."""
        if data:
            self._pieces.append(memoryview(data))
            self._size += len(data)

    def clear(self) -> None:
        """Forget what was not sent."""
        self._pieces.clear()
        self._size = 0

    def send_to(self, sock: socket.socket) -> int:
        """Send what a socket takes now; return how much that was."""
        sent = 0
        while self._pieces:
            pieces = [
                self._pieces[i] for i in range(min(len(self._pieces), MOST_PIECES))
            ]
            try:
                count = sock.sendmsg(pieces)
            except BlockingIOError:
                break
            sent += count
            self._drop(count)
        return sent

    def _drop(self, count: int) -> None:
        self._size -= count
        while count and count >= len(self._pieces[0]):
            count -= len(self._pieces.popleft())
        if count:
            self._pieces[0] = self._pieces[0][count:]

    def shutdown(self, _how: int) -> None:
        """Refuse: gunicorn would close a connection in mid-answer, none of which went."""
        raise OSError("this is no socket")

    def close(self) -> None:
        """Do nothing; the connection is closed by who holds it."""


class Connection:
    """A socket that never blocks, and where it is between two requests.

    ``sock``, ``client`` and ``server`` are what gunicorn calls them.
    """

    def __init__(
        self, sock: socket.socket, client: Any, server: Any, incoming: Incoming
    ) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.sock = Outbox()
        self.client = client
        self.server = server
        self.incoming = incoming
        self.arrived: Arrived | None = None  # what a thread works on
        self.keeps = True  # takes another request after this one
        self.held = 0  # bytes kept for it, as the worker counts them
        self.watched = 0  # events the worker watches it for
        self.enter(Phase.READING)

    def enter(self, phase: Phase) -> None:
        """Begin to wait for something else."""
        self.phase = phase
        self.since = time.monotonic()
        self.moved = 0  # bytes, since then
        self.latest = float("inf")  # a stopping worker does not wait as long

    def deadline(self, patience_s: float, keepalive_s: float) -> float:
        """Return until when it may wait, on the clock of ``time.monotonic``."""
        if self.phase is Phase.IDLE:
            allowed = keepalive_s
        elif self.phase is Phase.LINGERING:
            allowed = LINGER_S
        else:
            allowed = patience_s + self.moved / SLOWEST_BYTES_S
        return min(self.since + allowed, self.latest)

    def receive(self) -> bytes | None:
        """Return what came, nothing at its end; None when there is nothing yet.

        Raises:
            OSError: the connection is broken.
        """
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        self.moved += len(data)
        return data

    def send(self) -> bool:
        """Send what can be sent now; whether all has gone.

        Raises:
            OSError: the connection is broken.
        """
        self.moved += self.sock.send_to(self.socket)
        return not len(self.sock)
