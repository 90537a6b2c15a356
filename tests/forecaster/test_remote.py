"""Laws of asking a service: what may pass is tried again, what does not is told."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from forecaster import cli
from forecaster.cli.remote import PATIENCE, Refused, Service, ServiceFailed


class Moody(BaseHTTPRequestHandler):
    """A server that answers what it is told to, one after the other."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    asked: ClassVar[list[Any]] = []
    retry_after: ClassVar[str] = "0"

    def do_POST(self) -> None:
        """Answer the next of the list; the last one for ever."""
        length = int(self.headers["Content-Length"])
        self.asked.append((self.path, dict(self.headers), self.rfile.read(length)))
        status, data = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status in (429, 503):
            self.send_header("Retry-After", self.retry_after)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        """Answer the first of the list."""
        status, data = self.answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """Where the moody server listens."""
    server = HTTPServer(("127.0.0.1", 0), Moody)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Moody.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def problem(status: int, **more: Any) -> tuple[int, bytes]:
    """An answer as the service refuses."""
    return status, json.dumps({"detail": "so it is", **more}).encode()


def test_what_may_pass_is_asked_again(url: str) -> None:
    """429 and 503, with the same body and key, until there is an answer."""
    Moody.answers = [problem(429), problem(503), (200, b"done")]
    service = Service(url, key="secret")

    assert service.post("/predict", b"body", {"h": 3, "level": None}) == b"done"
    assert [(path, body) for path, _, body in Moody.asked] == [
        ("/predict?h=3", b"body")
    ] * 3
    assert {headers["Authorization"] for _, headers, _ in Moody.asked} == {
        "Bearer secret"
    }


def test_it_waits_as_long_as_it_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After goes before a shorter pause of its own."""
    monkeypatch.setattr(Moody, "retry_after", "2")
    Moody.answers = [problem(429), (200, b"done")]
    began = time.monotonic()
    assert Service(url).post("/predict", b"", {}) == b"done"
    assert time.monotonic() - began >= 2


def test_patience_ends(url: str) -> None:
    """After so many tries, with what the service said last."""
    Moody.answers = [problem(503)]
    with pytest.raises(ServiceFailed, match="answers 503: so it is"):
        Service(url).post("/predict", b"", {})
    assert len(Moody.asked) == 1 + int(PATIENCE.total or 0)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_a_refusal_is_not_asked_again(url: str, status: int) -> None:
    """It tells the errors of single series."""
    Moody.answers = [problem(status, errors=[{"unique_id": "a"}])]
    with pytest.raises(Refused, match=f"{status}: so it is") as caught:
        Service(url).post("/predict", b"", {})
    assert caught.value.errors == [{"unique_id": "a"}]
    assert len(Moody.asked) == 1


@pytest.mark.parametrize("answer", [(401, b"{}"), (500, b"<html>"), (403, b"[]")])
def test_an_answer_of_something_else_is_a_failure(
    url: str, answer: tuple[int, bytes]
) -> None:
    """Told with its status."""
    Moody.answers = [answer]
    with pytest.raises(ServiceFailed, match=f"answers {answer[0]}: "):
        Service(url).post("/predict", b"", {})


@pytest.mark.parametrize("data", [b"<html>", b"[]", b"{}", b'{"manifest": 1}', b"\xff"])
def test_something_else_that_answers_200_is_a_failure(url: str, data: bytes) -> None:
    """A page at the URL is told as what it is."""
    Moody.answers = [(200, data)]
    with pytest.raises(ServiceFailed, match="but not as this service does"):
        Service(url).manifest("m")


@pytest.mark.parametrize(
    ("more", "fragment"),
    [
        (["--url", "localhost:8080"], "--url: expected http://HOST:PORT"),
        (["--url", "http://x", "--version", "v1"], "leave out --url or this"),
        (["--url", "http://x", "--insample"], "leave out --url or this"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], more: list[str], fragment: str
) -> None:
    """Exit code 2 and one line."""
    assert cli.run(["predict", "data.csv", "--name", "m", *more]) == 2
    assert fragment in capsys.readouterr().err


@pytest.mark.parametrize("key", ["fc_1\nX: y", "fc_\x07", "schl\u00fcssel"])
def test_what_is_no_key_is_told_without_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Before anything is sent; logs are no place for what may be a key after all."""
    monkeypatch.setenv("TILL", key)
    line = "predict data.csv --name m --url http://x --api-key-env TILL"

    assert cli.run(line.split()) == 2

    error = capsys.readouterr().err
    assert "TILL: expected an API key" in error
    assert key[3:] not in error


def test_a_line_feed_behind_a_key_is_none_of_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it comes of a file; and who has no key that works is told where it is read."""
    monkeypatch.setenv("FORECASTER_API_KEY", "fc_1\n")
    Moody.answers = [(401, b"{}")]

    with pytest.raises(ServiceFailed, match="read from FORECASTER_API_KEY"):
        Service.at(url, "FORECASTER_API_KEY", False).post("/predict", b"", {})

    assert Moody.asked[0][1]["Authorization"] == "Bearer fc_1"
