"""What only a socket shows: requests that are no HTTP, or nearly none, one real server."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.journeys.conftest import Server
from tests.journeys.wire import Heard, connect, hear, hear_all, request, split

pytestmark = pytest.mark.tf
MARK = "SECRET-OF-THE-CALLER"
LIMIT = 2**20
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
POST = "POST /predict HTTP/1.1"
GOOD = json.dumps(
    {"series": {"unique_id": "a", "ds": ["2024-01-01"], "y": [1.0]}, "stateless": True}
).encode()


@pytest.fixture(scope="module")
def server(
    tiny_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for all of it: what breaks it breaks every later test too."""
    folder = tmp_path_factory.mktemp("torture")
    started = Server(
        tiny_models, folder, max_body_bytes=LIMIT, max_series=100, client_timeout_s=5
    )
    started.wait_for("/health/ready", 200)
    yield started
    assert started.stop() == 0


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunks(data: bytes, size: int) -> bytes:
    """A body in chunks."""
    parts = (data[i : i + size] for i in range(0, len(data), size))
    return b"".join(map(chunk, parts)) + b"0\r\n\r\n"


def chunked(body: bytes, *fields: str) -> bytes:
    """A request whose body is sent as it is, said to be in chunks."""
    return request(POST, JSON, CHUNKED, *fields) + body


def exchange(server: Server, data: bytes, ends: bool = False) -> list[Heard]:
    """What is answered to bytes until the server closes; ``ends``: so does the client.

    It is read while it is sent, as a refusal may come in the middle.
    """
    with connect(server.port) as sock:

        def send() -> None:
            with suppress(OSError):  # the server need not take all of it
                sock.sendall(data)
                if ends:
                    sock.shutdown(1)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            return split(hear_all(sock))
        finally:
            sender.join()


def check(answer: Heard, status: int) -> None:
    """A short problem of that status that repeats nothing."""
    assert answer.status == status, answer
    assert answer.fields["content-type"] == "application/problem+json"
    assert len(answer.body) <= 4096
    problem = json.loads(answer.body)
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["status"] == status
    assert MARK.encode() not in answer.body
    assert b"Traceback" not in answer.body
    assert b"gunicorn" not in answer.body


# Where the connection cannot go on: (what is sent, status)
BROKEN: dict[str, tuple[bytes, int]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "one word": (f"{MARK}\r\n\r\n".encode(), 400),
    "two words": (request(f"GET /{MARK}"), 400),
    "nothing but an empty line": (b"\r\n\r\n", 400),
    "a newer HTTP": (request("GET / HTTP/2.0"), 400),
    "an unheard-of HTTP": (request("GET / HTTQ/1.1"), 400),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a method in lower case": (request("get / HTTP/1.1"), 400),
    "a method with spaces": (request(f"G E T /{MARK} HTTP/1.1"), 400),
    "a path with bytes": (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 400),
    "a path with NUL": (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
    "a path without its slash": (request(f"GET {MARK} HTTP/1.1"), 400),
    "a request line that never ends": (b"GET /" + b"a" * 100_000, 414),
    "a long request line": (request(f"GET /{'a' * 5000} HTTP/1.1"), 414),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "a bare line feed in the head": (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400),
    "a field without colon": (request("GET / HTTP/1.1", MARK), 400),
    "a field name with spaces": (request("GET / HTTP/1.1", f"{MARK} x: 1"), 400),
    "a space before the colon": (request(POST, "Content-Length : 3", body=b"abc"), 400),
    "a folded field": (request("GET / HTTP/1.1", f"A: b\r\n {MARK}"), 400),
    "a field with NUL": (request("GET / HTTP/1.1", "A: b\x00c"), 400),
    "a long field": (request("GET / HTTP/1.1", f"A: {'b' * 10_000}"), 431),
    "many fields": (request("GET / HTTP/1.1", *(f"X{i}: 1" for i in range(200))), 431),
    "fields that never end": (
        b"GET / HTTP/1.1\r\n"
        + b"A: "
        + b"b" * 50 * 1024
        + b"\r\n" * 1
        + b"C: d" * 9999,
        431,
    ),
    "two lengths": (request(POST, "Content-Length: 4", body=b"abc"), 400),
    "one length twice": (request(POST, "Content-Length: 3", body=b"abc"), 400),
    "a length below 0": (request(POST, "Content-Length: -3"), 400),
    "a length in words": (request(POST, f"Content-Length: {MARK}"), 400),
    "a length with a sign": (request(POST, "Content-Length: +3") + b"abc", 400),
    "a length in a list": (request(POST, "Content-Length: 3, 3") + b"abc", 400),
    "a length in other digits": (request(POST, "Content-Length: \xb2"), 400),
    "a length of 400 digits": (request(POST, f"Content-Length: {'9' * 400}"), 400),
    "a length and chunks": (request(POST, CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunks twice": (chunked(b"0\r\n\r\n", CHUNKED), 400),
    "a coding nobody knows": (request(POST, f"Transfer-Encoding: {MARK}"), 400),
    "a coding in a list": (request(POST, "Transfer-Encoding: gzip, chunked"), 400),
    "chunks in HTTP/1.0": (
        request("POST /predict HTTP/1.0", CHUNKED) + b"0\r\n\r\n",
        400,
    ),
    "a chunk of no size": (chunked(b"\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk of words": (chunked(f"{MARK}\r\nabc\r\n0\r\n\r\n".encode()), 400),
    "a chunk of hexadecimals with 0x": (chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk of a negative size": (chunked(b"-1\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk longer than it says": (chunked(b"3\r\nabcdef\r\n0\r\n\r\n"), 400),
    "a chunk with a bad extension": (chunked(b'3;"\r\nabc\r\n0\r\n\r\n'), 400),
    "a size line that never ends": (chunked(b"3" * 100_000), 400),
    "a trailer that is none": (chunked(b"0\r\n" + MARK.encode() + b"\r\n\r\n"), 400),
    "trailers that never end": (chunked(b"0\r\n" + b"A: b\r\n" * 50_000), 400),
    "an expectation nobody knows": (request(POST, f"Expect: {MARK}", length=3), 417),
    "a length over the limit": (request(POST, JSON, length=100_000_000), 413),
    "a chunk over the limit": (chunked(b"ffffffff\r\nabc"), 413),
    "tiny chunks without end": (chunked(b"1\r\n1\r\n" * 2**18), 413),
    "an expectation over the limit": (
        request(POST, JSON, "Expect: 100-continue", length=100_000_000),
        413,
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_refused_and_closed(server: Server, case: str) -> None:
    """By a problem of its own status, though nothing more comes."""
    sent, status = BROKEN[case]
    (answer,) = exchange(server, sent)
    check(answer, status)
    assert answer.fields["connection"] == "close"


# Cut off by the client, who still reads: (what is sent, status)
CUT_OFF: dict[str, bytes] = {
    "in the request line": b"GET / HT",
    "in the head": b"GET / HTTP/1.1\r\nHost: x",
    "in the body": request(POST, JSON, body=GOOD[:-9], length=len(GOOD)),
    "in a chunk": chunked(b"ff\r\nabc"),
    "in a size": chunked(chunk(GOOD) + b"0"),
    "before the last chunk": chunked(chunk(GOOD)),
    "in the trailers": chunked(chunk(GOOD) + b"0\r\nA: b\r\n"),
}


@pytest.mark.parametrize("case", CUT_OFF)
def test_what_is_cut_off_is_not_done(server: Server, case: str) -> None:
    """It is told, to a client that still listens."""
    (answer,) = exchange(server, CUT_OFF[case], ends=True)
    check(answer, 400)


LARGE = b"1" + b" " * 100_000_000
# Read by the app, after which the connection may go on: (what is sent, status)
ODD: dict[str, tuple[bytes, int]] = {
    "chunks": (chunked(chunks(GOOD, 7)), 200),
    "chunks with extensions and trailers": (
        chunked(b"%x;a=b\r\n%b\r\n0\r\nA: b\r\n\r\n" % (len(GOOD), GOOD)),
        200,
    ),
    "chunks of hexadecimals with zeros": (
        chunked(b"0000%X\r\n%b\r\n000\r\n\r\n" % (len(GOOD), GOOD)),
        200,
    ),
    "an empty line before": (b"\r\n" + request(POST, JSON, body=GOOD), 200),
    "many spaces behind": (request(POST, JSON, body=GOOD.ljust(LIMIT)), 200),
    "no body at all": (request(POST, JSON), 400),
    "no chunk but the last": (chunked(b"0\r\n\r\n"), 400),
    "HTTP/1.0": (request("POST /predict HTTP/1.0", JSON, body=GOOD), 200),
    "an absolute URL": (request("GET http://else.where/version HTTP/1.1"), 200),
    "a fragment": (request("GET /version#x HTTP/1.1"), 200),
    "a body for GET": (request("GET /version HTTP/1.1", body=b"abc"), 200),
    "OPTIONS of a route": (request("OPTIONS /predict HTTP/1.1"), 200),
    "an unknown method": (request("BREW /predict HTTP/1.1"), 405),
    "TRACE": (request("TRACE / HTTP/1.1", f"A: {MARK}"), 405),
    "CONNECT": (request("CONNECT else.where:443 HTTP/1.1"), 404),
    "OPTIONS of everything": (request("OPTIONS * HTTP/1.1"), 404),
    "a double slash": (request("GET //version HTTP/1.1"), 200),
    "dots in the path": (request("GET /docs/../../etc/passwd HTTP/1.1"), 404),
    "encoded dots": (request("GET /docs/%2e%2e/%2e%2e/etc/passwd HTTP/1.1"), 404),
    "a percent sign alone": (request("GET /series/%zz HTTP/1.1"), 404),
    "an id of bytes": (request("GET /series/%ff%fe HTTP/1.1"), 404),
    "a coding nobody knows": (
        request(POST, JSON, "Content-Encoding: br", body=GOOD),
        415,
    ),
    "a bomb": (
        request(
            POST, JSON, "Content-Encoding: gzip", body=gzip.compress(LARGE, mtime=0)
        ),
        413,
    ),
    "half a file of gzip": (
        request(POST, JSON, "Content-Encoding: gzip", body=gzip.compress(GOOD)[:-9]),
        400,
    ),
    "deep nesting": (request(POST, JSON, body=b'{"series":' + b"[" * 100_000), 422),
    "a byte order mark": (request(POST, JSON, body=b"\xef\xbb\xbf" + GOOD), 400),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_is_answered_as_documented(server: Server, case: str) -> None:
    """Whole, once, and the connection closed on wish."""
    sent, status = ODD[case]
    sent = sent.replace(b"Host: x", b"Host: x\r\nConnection: close", 1)
    (answer,) = exchange(server, sent)
    assert answer.status == status, answer
    assert answer.fields["connection"] == "close"
    if status >= 400:
        check(answer, status)
    assert MARK.encode() not in answer.body


@pytest.mark.parametrize(
    "sent", [request(POST, JSON, body=LARGE), chunked(chunks(LARGE, 2**20))]
)
def test_a_hundred_megabytes_are_refused_while_they_come(
    server: Server, sent: bytes
) -> None:
    """The client reads the refusal, although it sends all before it looks."""
    with connect(server.port) as sock:
        with suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(sent)
        check(hear(sock), 413)


def test_a_head_is_answered_without_body(server: Server) -> None:
    """With the length that a GET has."""
    ending = "Connection: close"
    with connect(server.port) as sock:
        sock.sendall(request("HEAD /version HTTP/1.1", ending))
        (answer,) = split(hear_all(sock), bodiless=True)
    assert answer.status == 200
    assert int(answer.fields["content-length"]) > 0


def test_requests_sent_at_once_are_answered_in_turn(server: Server) -> None:
    """Also those whose body the app does not read; the last may close."""
    paths = ["/health/live", "/version", "/nowhere", "/version"]
    sent = [request(f"GET {path} HTTP/1.1", body=b"x" * 99) for path in paths]
    sent += [request(POST, JSON, body=GOOD), chunked(chunks(GOOD, 9))]
    sent += [request("GET /version HTTP/1.0"), request("GET /never HTTP/1.1")]
    answers = exchange(server, b"".join(sent))
    assert [one.status for one in answers] == [200, 200, 404, 200, 200, 200, 200]


def test_a_client_that_waits_for_consent_gets_it(server: Server) -> None:
    """Once, before the body, and no other answer before it."""
    with connect(server.port) as sock:
        sock.sendall(request(POST, JSON, "Expect: 100-continue", length=len(GOOD)))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(GOOD)
        assert hear(sock).status == 200


def test_bytes_may_come_one_by_one(server: Server) -> None:
    """However a request is cut, it is the same."""
    with connect(server.port) as sock:
        for sent in (chunked(chunks(GOOD, 9)), request(POST, JSON, body=GOOD)):
            for i in range(len(sent)):
                sock.sendall(sent[i : i + 1])
            assert hear(sock).status == 200
