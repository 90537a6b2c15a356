"""Laws of framing: where a request ends does not depend on how its bytes come."""

from hypothesis import given
from hypothesis import strategies as st

from service.edge.framing import MOST_HEAD, MOST_TINY, Arrived, Framing, Incoming

LIMIT = 2000
BODIES = st.binary(max_size=300)


def sized(body: bytes) -> bytes:
    """A request that tells its length."""
    head = b"POST /a HTTP/1.1\r\ncontent-LENGTH:  %d \r\nA: b\r\n\r\n"
    return head % len(body) + body


def chunked(pieces: list[bytes]) -> bytes:
    """A request in chunks, with an extension and a trailer."""
    body = b"".join(b"%x;n=v\r\n%b\r\n" % (len(one), one) for one in pieces if one)
    head = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + body + b"0\r\nTrailer: x\r\n\r\n"


REQUESTS = st.lists(
    st.one_of(
        BODIES.map(sized),
        st.lists(BODIES, max_size=4).map(chunked),
        st.just(b"GET / HTTP/1.0\r\n\r\n"),
    ),
    max_size=5,
)


def cut(data: bytes, sizes: list[int], most: int = LIMIT) -> list[Arrived]:
    """The requests in bytes that come in pieces of these sizes, the last ones as rest."""
    incoming, found, begin = Incoming(most), [], 0
    for size in [*sizes, len(data)]:
        incoming.feed(data[begin : begin + size])
        begin += size
        while (arrived := incoming.take()) is not None:
            found.append(arrived)
    return found


@given(requests=REQUESTS, sizes=st.lists(st.integers(1, 90), max_size=40))
def test_however_the_bytes_come_the_requests_are_the_same(
    requests: list[bytes], sizes: list[int]
) -> None:
    """Cut anywhere, pipelined or not, each is whole and nothing is left."""
    found = cut(b"".join(requests), sizes)
    assert [one.head + one.body for one in found] == requests
    assert {one.framing for one in found} <= {Framing.LENGTH, Framing.CHUNKED}


@given(data=st.binary(max_size=400), sizes=st.lists(st.integers(1, 90), max_size=9))
def test_no_bytes_break_it(data: bytes, sizes: list[int]) -> None:
    """What it makes of them is theirs, in their order."""
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    for sent in (data, head + data):
        found = b"".join(one.head + one.body for one in cut(sent, sizes))
        assert sent.startswith(found)


def test_what_is_too_long_is_not_waited_for() -> None:
    """A length is believed; chunks are counted, and tiny ones have a number."""
    by_length = b"POST / HTTP/1.1\r\nContent-Length: 2001\r\n\r\n"
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    by_chunks = head + b"400\r\n" + bytes(1024) + b"\r\n400\r\n"
    tiny = head + b"1\r\n1\r\n" * (MOST_TINY + 10_001)
    for sent, most in ((by_length, LIMIT), (by_chunks, LIMIT), (tiny, 10**6)):
        (found,) = cut(sent, [], most)
        assert found.framing is Framing.TOO_LONG


def test_a_head_without_end_is_not_waited_for() -> None:
    """It is given to the parser as it is, which says what is wrong."""
    for sent in (
        b"GET /" + b"a" * 9000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * MOST_HEAD,
    ):
        (found,) = cut(sent[: 2 * MOST_HEAD], [])
        assert found.framing is Framing.UNCLEAR


def test_consent_is_awaited_once_and_only_while_no_body_came() -> None:
    """By those who speak HTTP/1.1."""
    head = b"POST / HTTP/1.%d\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
    for sent, awaits in ((head % 1, True), (head % 1 + b"4", False), (head % 0, False)):
        incoming = Incoming(LIMIT)
        incoming.feed(sent)
        assert incoming.take() is None
        assert [incoming.awaits_consent() for _ in range(2)] == [awaits, False]
