"""Bytes on a connection: what no client library would send, and what comes back."""

import socket
from dataclasses import dataclass

PATIENCE_S = 120.0  # beyond this a server hangs, however busy the machine is


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer: its status, its header fields by lower-case name, its body."""

    status: int
    fields: dict[str, str]
    body: bytes


def connect(port: int) -> socket.socket:
    """A connection to a server of this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def request(
    line: str, *fields: str, body: bytes = b"", length: int | None = None
) -> bytes:
    """A request as it is sent; the body's length is told unless another is."""
    told = len(body) if length is None else length
    sized = [f"Content-Length: {told}"] if body or length is not None else []
    head = "\r\n".join([line, "Host: x", *fields, *sized, "", ""])
    return head.encode("latin-1") + body


def hear_all(sock: socket.socket) -> bytes:
    """What comes until the server closes."""
    heard = b""
    while piece := sock.recv(65536):
        heard += piece
    return heard


def hear(sock: socket.socket) -> Heard:
    """The first answer on a connection that stays open; interim ones are passed over."""
    heard = b""
    while True:
        while b"\r\n\r\n" not in heard:
            heard += _more(sock)
        head, _, rest = heard.partition(b"\r\n\r\n")
        status, fields = _read_head(head)
        if status >= 200:
            break
        heard = rest
    length = int(fields.get("content-length", 0))
    while len(rest) < length:
        rest += _more(sock)
    return Heard(status, fields, rest[:length])


def split(heard: bytes, bodiless: bool = False) -> list[Heard]:
    """The answers of a connection that has closed, each whole."""
    answers = []
    while heard:
        head, end, heard = heard.partition(b"\r\n\r\n")
        assert end, f"cut off in a head: {head!r}"
        status, fields = _read_head(head)
        has_body = status >= 200 and status not in (204, 304) and not bodiless
        length = int(fields.get("content-length", 0)) if has_body else 0
        assert len(heard) >= length, "cut off in a body"
        if status >= 200:
            answers.append(Heard(status, fields, heard[:length]))
        heard = heard[length:]
    return answers


def _more(sock: socket.socket) -> bytes:
    piece = sock.recv(65536)
    assert piece, "closed in mid-answer"
    return piece


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    return int(first.split(" ")[1]), fields
