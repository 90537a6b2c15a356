"""Gunicorn's threaded worker, whose threads never wait for a client."""

import errno
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from gunicorn.workers.gthread import PollableMethodQueue, ThreadWorker

from forecaster.settings import load
from service.edge import faults
from service.edge.connection import Connection, Phase
from service.edge.crew import Answered, Crew
from service.edge.framing import Arrived, Framing, Incoming
from service.edge.requests import parse

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
SWEEP_S = 0.5  # between two looks for clients that are too slow
SMALL = 64 * 1024  # bytes of a request or an answer that there is always room for
MOST_HELD = 2**28  # bytes of larger ones, in one process
WATCHED = (b"/health/live", b"/health/ready")
MEETING = (b"/predict", b"/observe")  # small ones are done together
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
NOBODY = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK, errno.EINTR)
STOP_IDLE_S = 2.0  # after SIGTERM, for a request that is on its way already
STOP_SLOW_S = 15.0  # after SIGTERM, for what is being read or written


class Wakeups(PollableMethodQueue):
    """How threads call the loop, through a pipe that lasts as long as the process.

    Closed, its number may be that of the database when a late thread writes to it.
    """

    def close(self) -> None:
        """Leave that to the end of the process."""


class Worker(ThreadWorker):
    """Reads and writes for all clients in one loop; threads get whole requests.

    The loop runs in the main thread. A connection belongs to it, except in the phase
    ``WORKING``, when it belongs to a thread.
    """

    def init_process(self) -> None:
        """Prepare, and serve until told to stop."""
        limits = load().limits
        self._most = limits.max_body_bytes
        self._most_held = max(MOST_HELD, 4 * limits.max_body_bytes)
        self._patience_s = float(limits.client_timeout_s)
        self._deadline_s = limits.deadline_s
        self._held, self._sweep_at = 0, 0.0
        self._waiting: dict[Connection, None] = {}  # in no thread's hands
        # Who watches over the service is answered whatever the others ask for, and
        # that it lives even where the store hangs.
        self._watchers = {path: ThreadPoolExecutor(1) for path in WATCHED}
        self.method_queue = Wakeups()
        self._crew = Crew(self.handle, self._tell_loop)
        super().init_process()

    # --- connections come -----------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, and what it has sent already."""
        self._accept(listener)

    def _accept(self, listener: socket.socket) -> bool:
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in FULL:
                self._make_room(at_once=True)
            elif error.errno not in NOBODY:
                raise
            return False
        incoming = Incoming(self._most)
        connection = Connection(sock, client, listener.getsockname(), incoming)
        self.nr_conns += 1
        self._waiting[connection] = None
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        self._guarded(self._read, connection)
        return True

    def _make_room(self, at_once: bool = False) -> None:
        """Close the connection that can best be spared, if there is one."""
        before = time.monotonic() - (0 if at_once else 1)
        idle = [one for one in self._waiting if one.since <= before]
        if idle:
            self._close(min(idle, key=lambda one: (one.phase, one.since)))

    # --- and are read ---------------------------------------------------------------

    def _ready(self, connection: Connection, _file: object) -> None:
        if connection.socket.fileno() < 0:
            return  # closed for another one whose news came before
        steps: dict[Phase, Callable[[Connection], None]] = {
            Phase.IDLE: self._read,
            Phase.READING: self._read,
            Phase.WRITING: self._write,
            Phase.LINGERING: self._discard,
        }
        self._guarded(steps[connection.phase], connection)

    def _guarded(
        self, step: Callable[[Connection], None], connection: Connection
    ) -> None:
        try:
            step(connection)
        except OSError:  # the client is gone
            self._close(connection)
        except Exception:
            self.log.exception("Error on a connection")
            self._close(connection)

    def _read(self, connection: Connection) -> None:
        data = connection.receive()
        if data:
            connection.incoming.feed(data)
            if connection.phase is Phase.IDLE:
                self._enter(connection, Phase.READING)
            self._hold(connection, len(connection.incoming))
            self._proceed(connection)
        elif data is None:
            self._watch(connection, READ)
        elif len(connection.incoming):
            self._refuse(connection, faults.CUT_OFF)
        else:
            self._close(connection)

    def _proceed(self, connection: Connection) -> None:
        """Hand a request over to a thread if it is whole, else read on."""
        arrived = connection.incoming.take()
        if arrived is not None:
            self._watch(connection, 0)
            del self._waiting[connection]
            connection.arrived = arrived
            self._enter(connection, Phase.WORKING)
            self.enqueue_req(connection)
        elif connection.held > SMALL and self._held > self._most_held:
            self._refuse(connection, faults.CROWDED)
        else:
            if connection.incoming.awaits_consent():
                connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.send()
            self._watch(connection, READ)

    def enqueue_req(self, connection: Connection) -> None:
        """Let a thread answer what arrived."""
        arrived = connection.arrived
        path = b"" if arrived is None else _path(arrived)
        if path in MEETING and arrived is not None and len(arrived.body) <= SMALL:
            self._crew.add(connection)
        else:
            pool = self._watchers.get(path) or self.tpool
            pool.submit(self._alone, connection)

    # --- a thread answers -----------------------------------------------------------

    def _alone(self, connection: Connection) -> None:
        self._tell_loop([(connection, self.handle(connection))])

    def _tell_loop(self, answered: Sequence[Answered]) -> None:
        self.method_queue.defer(self._finish, answered)

    def handle(self, connection: Connection) -> bool | None:
        """Answer what arrived.

        Returns:
            Whether the connection takes another request; None if it is broken.
        """
        try:
            keeps = self._answer(connection)
            connection.send()
        except OSError:  # the client is gone
            return None
        except Exception:
            self.log.exception("Error on a connection")
            return None
        return keeps

    def _answer(self, connection: Connection) -> bool:
        arrived, connection.arrived = connection.arrived, None
        keeps = False
        try:
            if time.monotonic() - connection.since > self._deadline_s:
                raise faults.Late
            if arrived is not None:
                request = parse(self.cfg, arrived, connection.client)
                keeps = self.handle_request(request, connection)
                keeps = keeps and arrived.framing is not Framing.TOO_LONG
        except Exception as error:  # noqa: BLE001 - every client gets an answer
            self._tell(connection, error)
        return keeps

    def _tell(self, connection: Connection, error: BaseException) -> None:
        fault = faults.fault_of(error)
        if fault is faults.FAILED:
            self.log.exception("Error handling request")
        else:
            address = connection.client[0] if connection.client else "-"
            self.log.warning("Refused from %s: %s", address, type(error).__name__)
        connection.sock.clear()
        connection.sock.sendall(faults.answer(fault))

    # --- and the answer is written --------------------------------------------------

    def _finish(self, answered: Sequence[Answered]) -> None:
        for connection, keeps in answered:
            self.finish_request(connection, keeps)

    def finish_request(self, connection: Connection, keeps: bool | None) -> None:
        """Go on with a connection that comes back from a thread."""
        self._waiting[connection] = None
        if keeps is None:
            self._close(connection)
            return
        connection.keeps = keeps
        self._enter(connection, Phase.WRITING)
        self._hold(connection, len(connection.sock) + len(connection.incoming))
        if connection.held > SMALL and self._held > self._most_held:
            self._close(connection)
        else:
            self._guarded(self._write, connection)

    def _write(self, connection: Connection) -> None:
        if not connection.send():
            self._watch(connection, WRITE)
        elif not connection.keeps:
            self._watch(connection, READ)
            self._enter(connection, Phase.LINGERING)
            connection.socket.shutdown(socket.SHUT_WR)
            self._discard(connection)
        else:
            self._hold(connection, len(connection.incoming))
            began = len(connection.incoming) > 0
            self._enter(connection, Phase.READING if began else Phase.IDLE)
            self._proceed(connection)

    def _discard(self, connection: Connection) -> None:
        """Let the client read its answer: closed at once, it might lose it."""
        if connection.receive() == b"":
            self._close(connection)

    def _refuse(self, connection: Connection, fault: faults.Fault) -> None:
        connection.sock.clear()
        connection.sock.sendall(faults.answer(fault))
        connection.keeps = False
        connection.incoming = Incoming(self._most)  # what came is of no use
        self._hold(connection, len(connection.sock))
        self._enter(connection, Phase.WRITING)
        self._guarded(self._write, connection)

    # --- what is watched, and for how long ------------------------------------------

    def _enter(self, connection: Connection, phase: Phase) -> None:
        connection.enter(phase)
        if not self.alive:
            self._hurry(connection)

    def _hurry(self, one: Connection) -> None:
        has_begun = len(one.incoming) or len(one.sock)
        one.latest = time.monotonic() + (STOP_SLOW_S if has_begun else STOP_IDLE_S)

    def _watch(self, connection: Connection, events: int) -> None:
        if events == connection.watched:
            return
        if not connection.watched:
            self.poller.register(
                connection.socket, events, partial(self._ready, connection)
            )
        elif events:
            self.poller.modify(
                connection.socket, events, partial(self._ready, connection)
            )
        else:
            self.poller.unregister(connection.socket)
        connection.watched = events

    def _hold(self, connection: Connection, size: int) -> None:
        self._held += size - connection.held
        connection.held = size

    def _close(self, connection: Connection) -> None:
        if connection.socket.fileno() < 0:
            return
        self._watch(connection, 0)
        self._hold(connection, 0)
        self._waiting.pop(connection, None)
        connection.socket.close()
        self.nr_conns -= 1

    def murder_pending(self) -> None:
        """Give up clients that are too slow."""
        now = time.monotonic()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_S
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        for one in list(self._waiting):
            if now < one.deadline(self._patience_s, self.cfg.keepalive):
                continue
            if one.phase is Phase.READING and len(one.incoming):
                self._refuse(one, faults.SLOW)
            else:
                self._close(one)

    # --- the end --------------------------------------------------------------------

    def _cap_keepalive(self, deadline: float) -> None:
        """Stop: take those who have connected already, and nobody else."""
        for listener in self.sockets:
            while self.nr_conns < self.worker_connections and self._accept(listener):
                pass
            listener.close()
        for one in self._waiting:
            self._hurry(one)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close what is still open, at the very end."""
        if force:
            for one in list(self._waiting):
                self._close(one)


def _path(arrived: Arrived) -> bytes:
    """Return the path a request asks for, without its query.

    >>> _path(Arrived(Framing.LENGTH, b"POST /predict?h=3 HTTP/1.1", b"{}"))
    b'/predict'
    """
    return b"".join(arrived.head.split(b" ", 2)[1:2]).split(b"?", 1)[0]
