"""Clients that stall or trickle, beside others who want to be served."""

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import cycle, islice

import pytest

from tests.journeys.conftest import Server
from tests.journeys.wire import (
    PATIENCE_S,
    Heard,
    connect,
    hear,
    hear_all,
    request,
    split,
)

pytestmark = pytest.mark.tf
JSON = "Content-Type: application/json"
POST = "POST /predict HTTP/1.1"
SERIES = {"unique_id": "a", "ds": ["2024-01-01"], "y": [1.0]}
BODY = json.dumps({"series": SERIES, "stateless": True}).encode()
WHOLE = request(POST, JSON, body=BODY)
IN_CHUNKS = request(POST, JSON, "Transfer-Encoding: chunked")
IN_CHUNKS += b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
# Ten times a megabyte and more: the kernel does not hold all of that for the client.
LARGE = 10 * request("GET /docs/js/swagger-ui-bundle.js HTTP/1.1")

# How far each kind of slow client is: (the whole request, bytes of it that are sent)
STALLED: dict[str, tuple[bytes, int]] = {
    "before the first byte": (WHOLE, 0),
    "in the request line": (WHOLE, 9),
    "in the head": (WHOLE, 40),
    "before the body": (WHOLE, len(WHOLE) - len(BODY)),
    "in the body": (WHOLE, len(WHOLE) - 20),
    "in a chunk": (IN_CHUNKS, len(IN_CHUNKS) - 20),
    "before the last byte": (IN_CHUNKS, len(IN_CHUNKS) - 1),
    "while it is answered": (LARGE, len(LARGE)),
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test has opened."""
    with ExitStack() as opened:
        yield opened


def stall(stack: ExitStack, port: int, kind: str) -> socket.socket:
    """A client that stops."""
    sock = stack.enter_context(connect(port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    whole, sent = STALLED[kind]
    sock.sendall(whole[:sent])
    return sock


def check_slow(answer: Heard) -> None:
    """408, told as all else is."""
    assert answer.status == 408
    assert answer.fields["content-type"] == "application/problem+json"
    assert answer.fields["connection"] == "close"
    assert len(answer.body) <= 4096
    assert "client_timeout_s" in json.loads(answer.body)["detail"]


def test_two_hundred_slow_clients_hold_nobody_up(
    start_server: Callable[..., Server], stack: ExitStack
) -> None:
    """The others are served while all of them are open, and they are served in the end."""
    server = start_server(client_timeout_s=900, threads=2)
    server.wait_for("/health/ready", 200)
    kinds = list(islice(cycle(STALLED), 200))
    slow = [(kind, stall(stack, server.port, kind)) for kind in kinds]

    at = {kind: sent for kind, (_, sent) in STALLED.items()}
    for _ in range(5):
        for kind in STALLED:  # a byte each, but never the last
            whole, begin = STALLED[kind][0], at[kind]
            if begin < len(whole) - 1:
                at[kind] += 1
                for _, sock in (one for one in slow if one[0] == kind):
                    sock.sendall(whole[begin : begin + 1])
        assert server.call("GET", "/health/ready")[0] == 200
        assert server.call("POST", "/observe", {"series": SERIES})[0] == 200

    for kind, sock in slow:
        sock.sendall(STALLED[kind][0][at[kind] :])
    assert {hear(sock).status for _, sock in slow[: 2 * len(STALLED)]} == {200}


def test_a_client_that_is_too_slow_is_told_and_closed(
    start_server: Callable[..., Server], stack: ExitStack
) -> None:
    """Whether it stopped or sends a byte now and then; one that keeps on is served."""
    server = start_server(client_timeout_s=2)
    server.wait_for("/health/ready", 200)
    stopped = {kind: stall(stack, server.port, kind) for kind in STALLED}
    trickling = stack.enter_context(connect(server.port))
    for i in range(len(WHOLE)):
        with suppress(ConnectionError):  # it was given up in between
            trickling.sendall(WHOLE[i : i + 1])
        time.sleep(0.05)
        if i > 100:  # five times the time it has
            break

    check_slow(split(hear_all(trickling))[0])
    for kind, sock in stopped.items():
        if kind == "before the first byte":
            assert hear_all(sock) == b""
        elif kind != "while it is answered":
            check_slow(split(hear_all(sock))[0])
        else:
            with pytest.raises((AssertionError, ConnectionError)):
                split(hear_all(sock))
    assert server.call("GET", "/health/ready")[0] == 200


def test_when_there_are_too_many_the_slow_ones_make_room(
    start_server: Callable[..., Server], stack: ExitStack
) -> None:
    """Nobody can lock the others out by opening connections."""
    server = start_server(client_timeout_s=900, max_connections=20)
    server.wait_for("/health/ready", 200)
    for _ in range(3):
        for kind in islice(cycle(STALLED), 30):
            with suppress(ConnectionError):
                stall(stack, server.port, kind)
        assert server.call("GET", "/health/ready")[0] == 200
        assert server.call("POST", "/observe", {"series": SERIES})[0] == 200


def test_large_requests_that_do_not_end_are_bounded_together(
    start_server: Callable[..., Server], stack: ExitStack
) -> None:
    """Beyond 256 MiB in one process they are 503; small ones are served as ever."""
    server = start_server(client_timeout_s=900)
    server.wait_for("/health/ready", 200)
    most = 16 * 2**20
    part = request(POST, JSON, body=b" " * (most * 3 // 4), length=most)
    socks = [stack.enter_context(connect(server.port)) for _ in range(24)]
    for sock in socks:
        with suppress(ConnectionError):  # refused while it sends
            sock.sendall(part)

    refused, _, _ = select.select(socks, [], [], PATIENCE_S)
    assert 0 < len(refused) < len(socks)
    for sock in refused:
        answer = hear(sock)
        assert (answer.status, answer.fields["retry-after"]) == (503, "1")
    assert server.call("POST", "/observe", {"series": SERIES})[0] == 200
