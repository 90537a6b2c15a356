"""Laws of a worker: whom it lets wait, and how it ends."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from service.edge.wakeups import Wakeups

PATIENCE_S = 120.0  # beyond this a server hangs, however busy the machine is
CONF = """
import os, time
from pathlib import Path
from service.edge import clients, crew, worker
clients.STOP_SLOW_S, clients.STOP_IDLE_S = 0.5, 900.0
crew.LOST_S = float(os.environ.get("LOST_S", crew.LOST_S))
worker_class, graceful_timeout, keepalive = worker.Worker, 900, 900
worker_connections = int(os.environ.get("MOST", 1000))
control_socket_disable = True

def post_worker_init(worker):
    def count(status, seconds):
        with open("counted", "a") as counted:
            print(status, seconds >= 0, file=counted)
    worker.count = count

def app(environ, start_response):
    wanted = environ["QUERY_STRING"]
    if wanted == "panic":
        raise BaseException("in a library")
    while wanted and not Path(wanted).exists():
        time.sleep(0.02)
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


def wait_until(holds: Callable[[], bool]) -> None:
    """Until something holds."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_closed(port: int) -> bool:
    """Whether nobody listens any more."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def serving(
    folder: Path, what: str = "-c conf.py conf:app", **environ: str
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The port and the process of a server, of an app in one thread if not told what."""
    (folder / "conf.py").write_text(CONF)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"-m gunicorn -b 127.0.0.1:{port} {what}"
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
        wait_until(lambda: is_closed(port))
        sock.sendall(b"GET / HTT")
        assert sock.recv(4096).startswith(b"HTTP/1.1 408 ")
        sock.close()
        assert server.wait(timeout=PATIENCE_S) == 0


def test_the_wait_for_a_thread_counts_for_the_deadline(tmp_path: Path) -> None:
    """Who waited longer gets 503: most of them have gone, and others want their turn."""
    with serving(tmp_path, FORECASTER_DEADLINE_S="2") as (port, _):
        with connect(port) as first, connect(port) as second:
            first.sendall(b"GET /?go HTTP/1.1\r\n\r\n")
            time.sleep(0.5)
            second.sendall(b"GET / HTTP/1.1\r\n\r\n")
            time.sleep(3)
            (tmp_path / "go").touch()
            answer = second.recv(4096)
            assert first.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in answer


def test_when_as_many_as_may_are_worked_on_all_others_are_told(tmp_path: Path) -> None:
    """And who asks for the health of the service is answered, whatever waits."""
    environ = {"MOST": "2", "FORECASTER_DEADLINE_S": "900"}
    with serving(tmp_path, **environ) as (port, _), ExitStack() as opened:
        busy = [opened.enter_context(connect(port)) for _ in range(2)]
        for sock in busy:
            sock.sendall(b"GET /?go HTTP/1.1\r\n\r\n")
        for _ in range(70):  # more than are kept in reserve
            with connect(port) as one:
                answer = asked(one, b"GET / HTTP/1.1\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"Retry-After: 1\r\n" in answer
            assert b"max_connections" in answer
        with connect(port) as one:
            answer = asked(one, b"GET /health/live HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert select.select(busy, [], [], 0) == ([], [], [])
        (tmp_path / "go").touch()
        for sock in busy:
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_who_meets_a_request_that_breaks_is_answered_all_the_same(
    tmp_path: Path,
) -> None:
    """Whatever is raised in one of those that take turns: it gets 500, the others 200."""
    with serving(tmp_path) as (port, _), ExitStack() as opened:
        wanted = [
            "go",
            "",
            "panic",
            "",
        ]  # the first keeps the thread, the others gather
        socks = [opened.enter_context(connect(port)) for _ in wanted]
        for sock, what in zip(socks, wanted, strict=True):
            sock.sendall(f"POST /predict?{what} HTTP/1.1\r\n\r\n".encode())
            time.sleep(0.2)
        (tmp_path / "go").touch()
        found = [sock.recv(4096).split(b" ")[1] for sock in socks]
    assert found == [b"200", b"200", b"500", b"200"]


def health(port: int) -> set[bytes]:
    """What both routes of health answer."""
    answers = set()
    for path in (b"live", b"ready"):
        with connect(port) as one:
            answers.add(asked(one, b"GET /health/%b HTTP/1.1\r\n\r\n" % path))
    return {answer.split(b" ")[1] for answer in answers}


def test_a_thread_that_hangs_is_told_by_health(tmp_path: Path) -> None:
    """The one of small requests; who watches starts the process anew. Not where it rests."""
    environ = {"LOST_S": "1", "FORECASTER_DEADLINE_S": "1"}
    with serving(tmp_path, **environ) as (port, _), connect(port) as sock:
        sock.sendall(b"POST /predict?go HTTP/1.1\r\n\r\n")
        wait_until(lambda: health(port) == {b"503"})
        (tmp_path / "go").touch()
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: health(port) == {b"200"})
        time.sleep(2.5)  # longer than it may be at work
        assert health(port) == {b"200"}


@pytest.mark.parametrize(
    "head", [b"Content-Length: 5000\r\n", b"Content-Encoding: gzip\r\n"]
)
def test_what_may_take_long_holds_no_small_request_up(
    tmp_path: Path, head: bytes
) -> None:
    """A long body, or a packed one, is worked on beside those that take turns."""
    body = b" " * (5000 if b"5000" in head else 0)
    with serving(tmp_path) as (port, _), ExitStack() as opened:
        long, small = (opened.enter_context(connect(port)) for _ in range(2))
        long.sendall(b"POST /predict?go HTTP/1.1\r\n" + head + b"\r\n" + body)
        time.sleep(0.5)
        answer = asked(small, b"POST /predict HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert select.select([long], [], [], 0) == ([], [], [])
        (tmp_path / "go").touch()
        assert long.recv(4096).startswith(b"HTTP/1.1 200 ")


def asked(sock: socket.socket, request: bytes) -> bytes:
    """What is answered, up to the first pause."""
    sock.sendall(request)
    return sock.recv(4096)


def test_what_never_reaches_the_app_is_counted(tmp_path: Path) -> None:
    """Once, whether the loop refuses it or the parser."""
    with serving(tmp_path, FORECASTER_CLIENT_TIMEOUT_S="1") as (port, _):
        for request, status in (
            (b"GET / HTT", b"408"),
            (b"GET\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\n\r\n", b"200"),
            (b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * 9000), b"414"),
        ):
            with connect(port) as sock:
                assert asked(sock, request).startswith(b"HTTP/1.1 " + status)
    assert (tmp_path / "counted").read_text() == "408 True\n400 True\n414 True\n"


def test_what_never_reaches_the_app_stands_among_the_metrics(tmp_path: Path) -> None:
    """Beside what the app has answered, of all workers."""
    what = "-c python:service.gunicorn_conf service.app:create_app()"
    with serving(tmp_path, what, FORECASTER_CLIENT_TIMEOUT_S="1") as (port, _):
        for request, answer in (
            (b"GET /version HTTP/1.1\r\n\r\n", b" 200 "),
            (b"GET /version HTT", b" 408 "),
            (b"GET\r\n\r\n", b" 400 "),
        ):
            with connect(port) as sock:
                assert asked(sock, request).startswith(b"HTTP/1.1" + answer)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as page:
            counted = page.read().decode()
    name = "forecaster_requests_total"
    assert f'{name}{{method="GET",route="/version",status="200"}} 1.0' in counted
    for status in (400, 408):
        labels = f'method="other",route="None",status="{status}"'
        assert f"{name}{{{labels}}} 1.0" in counted


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
