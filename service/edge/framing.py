"""Where a request ends: the bytes of a connection, cut into whole requests.

Nothing is judged here. Bytes that are cut wherever their end cannot be told go to
gunicorn's parser, which says what is wrong with them.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

MOST_HEAD = 64 * 1024  # bytes of request line and header fields
MOST_LINE = 8 * 1024  # bytes of a request line, of a chunk's size line
MOST_TINY, MEAN_CHUNK = 10_000, 1024  # tiny chunks cost time: so many, then larger ones
END_OF_HEAD = b"\r\n\r\n"
FIELDS = re.compile(
    rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*)", re.IGNORECASE
)
BARE_LF = re.compile(rb"(?<!\r)\n")
NEWER = b" HTTP/1.1\r\n"  # HTTP/1.0 knows no consent
DIGITS = re.compile(rb"[0-9]{1,18}")
HEX_DIGITS = re.compile(rb"[0-9a-fA-F]{1,16}")


class Framing(Enum):
    """How the end of a request was found."""

    LENGTH = auto()  # by Content-Length, or there is no body
    CHUNKED = auto()
    TOO_LONG = auto()  # it says that it is longer than what is taken
    UNCLEAR = auto()  # it cannot be told


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request that is there: its head, and the body as it was sent."""

    framing: Framing
    head: bytes
    body: bytes

    @property
    def size(self) -> int:
        """Bytes of it."""
        return len(self.head) + len(self.body)

    @property
    def path(self) -> bytes:
        """The path that is asked for, without its query; empty in a line of one word.

        >>> Arrived(Framing.LENGTH, b"POST /predict?h=3 HTTP/1.1", b"{}").path
        b'/predict'
        """
        return b"".join(self.head.split(b" ", 2)[1:2]).split(b"?", 1)[0]

    @property
    def is_packed(self) -> bool:
        """Whether the body says to be compressed, so that its size tells nothing."""
        return b"\ncontent-encoding:" in self.head.lower()


class Incoming:
    """What came on a connection and is no request yet.

    >>> incoming = Incoming(most=100)
    >>> incoming.feed(b"POST / HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\n4")
    >>> incoming.take()
    >>> incoming.feed(b"2GET / HTTP/1.1")
    >>> incoming.take().body, incoming.take(), len(incoming)
    (b'42', None, 14)
    """

    def __init__(self, most: int) -> None:
        """Begin a connection; a body of more than ``most`` bytes is not waited for."""
        self._most = most
        self._data = bytearray()
        self._searched = 0  # up to here there is no end of the head
        self._head: Head | None = None
        self._chunks: Chunks | None = None

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Take in what came."""
        self._data += data

    def take(self) -> Arrived | None:
        """Cut off the next request; None while it is not whole.

        One that is too long or unclear is cut off as far as it came: nothing behind it
        on the connection can be trusted.
        """
        if self._head is None:
            self._find_head()
        head = self._head
        if head is None:
            return None
        end: int | None = len(self._data)
        if head.framing is Framing.LENGTH:
            end = head.end + head.length
        elif self._chunks is not None:
            end, head.framing = self._chunks.walk(self._data)
        if end is None or end > len(self._data):
            return None
        return self._cut(head, end)

    def awaits_consent(self) -> bool:
        """Whether the client waits to be told to send the body; true once."""
        head = self._head
        if head is None or not head.expects:
            return False
        head.expects = False
        return len(self._data) == head.end

    def _find_head(self) -> None:
        at = self._data.find(END_OF_HEAD, max(0, self._searched - 3))
        if 0 <= at <= MOST_HEAD:
            self._head = read_head(bytes(self._data[: at + 4]), self._most)
            if self._head.framing is Framing.CHUNKED:
                self._chunks = Chunks(self._head.end, self._most)
        elif self._is_hopeless():
            self._head = Head(len(self._data), Framing.UNCLEAR)
        self._searched = len(self._data)

    def _is_hopeless(self) -> bool:
        """Whether what came is no head, nor the beginning of one."""
        return (
            len(self._data) > MOST_HEAD
            or BARE_LF.search(self._data, self._searched) is not None
            or (len(self._data) > MOST_LINE and b"\r\n" not in self._data[:MOST_LINE])
        )

    def _cut(self, head: "Head", end: int) -> Arrived:
        began = bytes(self._data[: head.end]), bytes(self._data[head.end : end])
        del self._data[:end]
        self._searched, self._head, self._chunks = 0, None, None
        return Arrived(head.framing, *began)


@dataclass(slots=True)
class Head:
    """What the head of a request says about where its body ends."""

    end: int  # of the head itself
    framing: Framing = Framing.LENGTH
    length: int = 0
    expects: bool = False


def read_head(head: bytes, most: int) -> Head:
    """Read a head that is whole; a body of more than ``most`` bytes is too long."""
    found = Head(len(head))
    fields = [(name.lower(), value.strip()) for name, value in FIELDS.findall(head)]
    clear = sum(name != b"expect" for name, _ in fields) <= 1
    for name, value in fields:
        if name == b"content-length" and DIGITS.fullmatch(value):
            found.length = int(value)
        elif name == b"transfer-encoding" and value.lower() == b"chunked":
            found.framing = Framing.CHUNKED
        elif name == b"expect" and value.lower() == b"100-continue":
            found.expects = NEWER in head[: head.find(b"\r\n", 2) + 2]
        else:
            clear = False
    if not clear:
        found.framing = Framing.UNCLEAR
    elif found.length > most:
        found.framing = Framing.TOO_LONG
    return found


class Chunks:
    """How far a chunked body has come."""

    def __init__(self, begin: int, most: int) -> None:
        """Begin at the first size line; more than ``most`` bytes are too long."""
        self._begin = self._at = begin  # at: of the next size line, or of the trailers
        self._left = most
        self._left_chunks = MOST_TINY + most // MEAN_CHUNK
        self._left_raw = most + most // 8 + MOST_HEAD  # with size lines and extensions
        self._is_last = False

    def walk(self, data: bytearray) -> tuple[int | None, Framing]:
        """Return where the body ends, None while that did not come, and how it is known."""
        while not self._is_last:
            if not self._is_ended(data):
                return self._so_far(data, Framing.UNCLEAR)
            end = data.find(b"\r\n", self._at, self._at + MOST_LINE)
            if end < 0:
                unclear = len(data) - self._at >= MOST_LINE
                return self._so_far(data, Framing.UNCLEAR if unclear else None)
            digits = bytes(data[self._at : end]).partition(b";")[0].strip(b" \t")
            if not HEX_DIGITS.fullmatch(digits):
                return self._so_far(data, Framing.UNCLEAR)
            size = int(digits, 16)
            self._left -= size
            self._left_chunks -= 1
            if min(self._left, self._left_chunks, self._left_raw - self._at) < 0:
                return self._so_far(data, Framing.TOO_LONG)
            self._is_last = size == 0
            self._at = end + 2 + (size + 2 if size else 0)
        return self._walk_trailers(data)

    def _is_ended(self, data: bytearray) -> bool:
        """Whether the chunk before ends as it should, as far as it came."""
        if self._at == self._begin or self._at > len(data):
            return True
        return data.endswith(b"\r\n", self._at - 2, self._at)

    def _walk_trailers(self, data: bytearray) -> tuple[int | None, Framing]:
        if data[self._at : self._at + 2] == b"\r\n":
            return self._at + 2, Framing.CHUNKED
        end = data.find(END_OF_HEAD, self._at)
        if end < 0:
            unclear = len(data) - self._at > MOST_HEAD
            return self._so_far(data, Framing.UNCLEAR if unclear else None)
        return end + 4, Framing.CHUNKED

    def _so_far(
        self, data: bytearray, verdict: Framing | None
    ) -> tuple[int | None, Framing]:
        return (None, Framing.CHUNKED) if verdict is None else (len(data), verdict)
