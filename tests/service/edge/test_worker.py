"""Laws of how a worker ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from service.edge.worker import Wakeups

PATIENCE_S = 120.0  # beyond this a server hangs, however busy the machine is
CONF = """
from service.edge import worker
worker.STOP_SLOW_S, worker.STOP_IDLE_S = 0.5, 900.0
worker_class, graceful_timeout, keepalive = worker.Worker, 900, 900
control_socket_disable = True

def app(environ, start_response):
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


def test_who_begins_a_request_while_a_worker_stops_does_not_hold_it_up(
    tmp_path: Path,
) -> None:
    """It is told 408 as any who is too slow, and the server ends."""
    (tmp_path / "conf.py").write_text(CONF)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"-m gunicorn -c conf.py -b 127.0.0.1:{port} conf:app"
    server = subprocess.Popen(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    try:
        with connect(port) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
            server.send_signal(signal.SIGTERM)
            wait_until_closed(port)
            sock.sendall(b"GET / HTT")
            assert sock.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert server.wait(timeout=PATIENCE_S) == 0
    finally:
        server.kill()
        server.wait()


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
