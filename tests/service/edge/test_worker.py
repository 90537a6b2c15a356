"""Laws of a worker: whom it lets wait, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.edge.worker import Wakeups

PATIENCE_S = 120.0  # beyond this a server hangs, however busy the machine is
CONF = """
import time
from service.edge import worker
worker.STOP_SLOW_S, worker.STOP_IDLE_S = 0.5, 900.0
worker_class, graceful_timeout, keepalive = worker.Worker, 900, 900
control_socket_disable = True

def app(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"] or 0))
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


def connect(port: int) -> socket.socket:
    """A connection, as soon as somebody listens."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        except ConnectionRefusedError:
            assert time.monotonic() < until
            time.sleep(0.05)


def wait_until_closed(port: int) -> None:
    """Until nobody listens any more."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise AssertionError("somebody still listens")


@contextmanager
def serving(
    folder: Path, **environ: str
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The port and the process of a server with one thread."""
    (folder / "conf.py").write_text(CONF)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"-m gunicorn -c conf.py -b 127.0.0.1:{port} conf:app"
    server = subprocess.Popen(
        [sys.executable, *command.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environ},
    )
    try:
        yield port, server
    finally:
        server.kill()
        server.wait()


def test_who_begins_a_request_while_a_worker_stops_does_not_hold_it_up(
    tmp_path: Path,
) -> None:
    """It is told 408 as any who is too slow, and the server ends."""
    with serving(tmp_path) as (port, server), connect(port) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
        server.send_signal(signal.SIGTERM)
        wait_until_closed(port)
        sock.sendall(b"GET / HTT")
        assert sock.recv(4096).startswith(b"HTTP/1.1 408 ")
        sock.close()
        assert server.wait(timeout=PATIENCE_S) == 0


def test_the_wait_for_a_thread_counts_for_the_deadline(tmp_path: Path) -> None:
    """Who waited longer gets 503: most of them have gone, and others want their turn."""
    with serving(tmp_path, FORECASTER_DEADLINE_S="2") as (port, _):
        with connect(port) as first, connect(port) as second:
            first.sendall(b"GET /?5 HTTP/1.1\r\n\r\n")
            time.sleep(0.5)
            second.sendall(b"GET / HTTP/1.1\r\n\r\n")
            answer = second.recv(4096)
            assert first.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in answer


def test_a_thread_that_is_late_writes_into_no_other_file(tmp_path: Path) -> None:
    """After the loop has ended, files are opened whose numbers may be those of its pipe."""
    wakeups = Wakeups()
    wakeups.init()
    wakeups.close()
    files = [(tmp_path / str(i)).open("wb") for i in range(20)]
    wakeups.defer(print)
    for file in files:
        file.close()
    assert {one.stat().st_size for one in tmp_path.iterdir()} == {0}
