"""Gunicorn's threaded worker, whose threads never wait for a client."""

import errno
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from gunicorn.workers.gthread import ThreadWorker

from forecaster.settings import load
from service.edge import faults
from service.edge.clients import READ, WRITE, Clients
from service.edge.connection import Connection, Phase
from service.edge.crew import Answered, Crew
from service.edge.framing import Arrived, Framing, Incoming
from service.edge.requests import parse
from service.edge.wakeups import Wakeups

SWEEP_S = 0.5  # between two looks for clients that are too slow
MOST_HELD = 2**28  # bytes of large requests and answers, in one process
RESERVED = 64  # connections beyond the most, so that each is told, and /health answered
WATCHED = (b"/health/live", b"/health/ready")
MEETING = (b"/predict", b"/observe")  # those of few points are done together
FEW = 4 * 1024  # bytes of a body as it is; a packed one may hold any number of points
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
NOBODY = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK, errno.EINTR)

Count = Callable[[int, float], None]  # the status of a refusal; seconds it took


class Worker(ThreadWorker):
    """Reads and writes for all clients in one loop; threads get whole requests.

    The loop runs in the main thread. A connection belongs to it, except in the phase
    ``WORKING``, when it belongs to a thread. ``count`` is told of every refusal that the
    app knows nothing of.
    """

    count: Count

    def init_process(self) -> None:
        """Prepare, and serve until told to stop."""
        limits = load().limits
        self._most = limits.max_body_bytes
        self._patience_s = float(limits.client_timeout_s)
        self._deadline_s = limits.deadline_s
        self._sweep_at = 0.0
        most_held = max(MOST_HELD, 4 * limits.max_body_bytes)
        self._clients = Clients(lambda: self.poller, self._ready, most_held)
        self._most_connections = self.worker_connections
        self.worker_connections += RESERVED
        self.count = lambda status, seconds: None
        # Who watches over the service is answered whatever the others ask for, and
        # that it lives even where the store does not answer.
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
        self._clients.waiting[connection] = None
        if self.nr_conns >= self._most_connections:
            self._make_room()
        self._guarded(self._read, connection)
        return True

    def _make_room(self, at_once: bool = False) -> None:
        """Close the connection that can best be spared, if there is one."""
        spare = self._clients.spare(0 if at_once else 1)
        if spare is not None:
            self._close(spare)

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
                self._clients.enter(connection, Phase.READING)
            self._clients.hold(connection, len(connection.incoming))
            self._proceed(connection)
        elif data is None:
            self._clients.watch(connection, READ)
        elif len(connection.incoming):
            self._refuse(connection, faults.CUT_OFF)
        else:
            self._close(connection)

    def _proceed(self, connection: Connection) -> None:
        """Hand a request over to a thread if it is whole, else read on."""
        arrived = connection.incoming.take()
        if arrived is not None:
            self._hand_over(connection, arrived)
        elif self._clients.is_too_large(connection):
            self._refuse(connection, faults.CROWDED)
        else:
            if connection.incoming.awaits_consent():
                connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.send()
            self._clients.watch(connection, READ)

    def _hand_over(self, connection: Connection, arrived: Arrived) -> None:
        path = arrived.path
        watcher = self._watchers.get(path)
        working = self.nr_conns - len(self._clients.waiting)
        if watcher is None and working >= self._most_connections:
            self._refuse(connection, faults.FULL)
            return
        if watcher is not None and self._crew.is_lost(self._deadline_s):
            self.log.error("The thread of small requests hangs")
            self._refuse(connection, faults.HANGS)
            return
        self._clients.watch(connection, 0)
        del self._clients.waiting[connection]
        connection.arrived = arrived
        self._clients.enter(connection, Phase.WORKING)
        if path in MEETING and len(arrived.body) <= FEW and not arrived.is_packed:
            self._crew.add(connection)
        else:
            (watcher or self.tpool).submit(self._alone, connection)

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
        except BaseException:  # who else is being answered in this thread shall be
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
        except BaseException as error:  # noqa: BLE001 - every client gets an answer
            self._tell(connection, error)
        return keeps

    def _tell(self, connection: Connection, error: BaseException) -> None:
        fault = faults.fault_of(error)
        if fault is faults.FAILED:
            self.log.exception("Error handling request")
        else:
            address = connection.client[0] if connection.client else "-"
            self.log.warning("Refused from %s: %s", address, type(error).__name__)
        self._say(connection, fault)

    def _say(self, connection: Connection, fault: faults.Fault) -> None:
        connection.sock.clear()
        connection.sock.sendall(faults.answer(fault))
        self.count(fault.status, time.monotonic() - connection.since)

    # --- and the answer is written --------------------------------------------------

    def _finish(self, answered: Sequence[Answered]) -> None:
        for connection, keeps in answered:
            self.finish_request(connection, keeps)

    def finish_request(self, connection: Connection, keeps: bool | None) -> None:
        """Go on with a connection that comes back from a thread."""
        self._clients.waiting[connection] = None
        if keeps is None:
            self._close(connection)
            return
        connection.keeps = keeps
        self._clients.enter(connection, Phase.WRITING)
        self._clients.hold(connection, len(connection.sock) + len(connection.incoming))
        if self._clients.is_too_large(connection):
            self._close(connection)
        else:
            self._guarded(self._write, connection)

    def _write(self, connection: Connection) -> None:
        if not connection.send():
            self._clients.watch(connection, WRITE)
        elif not connection.keeps:
            self._clients.watch(connection, READ)
            self._clients.enter(connection, Phase.LINGERING)
            connection.socket.shutdown(socket.SHUT_WR)
            self._discard(connection)
        else:
            self._clients.hold(connection, len(connection.incoming))
            began = len(connection.incoming) > 0
            self._clients.enter(connection, Phase.READING if began else Phase.IDLE)
            self._proceed(connection)

    def _discard(self, connection: Connection) -> None:
        """Let the client read its answer: closed at once, it might lose it."""
        if connection.receive() == b"":
            self._close(connection)

    def _refuse(self, connection: Connection, fault: faults.Fault) -> None:
        self._say(connection, fault)
        connection.keeps = False
        connection.incoming = Incoming(self._most)  # what came is of no use
        self._clients.hold(connection, len(connection.sock))
        self._clients.enter(connection, Phase.WRITING)
        self._guarded(self._write, connection)

    # --- and closed -----------------------------------------------------------------

    def _close(self, connection: Connection) -> None:
        if self._clients.close(connection):
            self.nr_conns -= 1

    def murder_pending(self) -> None:
        """Give up clients that are too slow."""
        now = time.monotonic()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_S
        if self.nr_conns >= self._most_connections:
            self._make_room()
        for one in list(self._clients.waiting):
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
        self._clients.hurry_all()

    def murder_keepalived(self, force: bool = False) -> None:
        """Close what is still open, at the very end."""
        if force:
            for one in list(self._clients.waiting):
                self._close(one)
