"""Laws of what is read of requests, and of what is refused."""

import gc
import io

import pytest
from gunicorn.config import Config

from service.edge.faults import UNCLEAR, Unclear, fault_of
from service.edge.framing import Arrived, Framing
from service.edge.requests import parse

HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_request_whose_end_is_unclear_is_not_kept() -> None:
    """Who refuses it holds it no longer than the error lives: it is nobody's memory."""
    body = b"no size\r\n" + bytes(1000)
    for _ in range(3):
        with pytest.raises(Unclear) as refused:
            parse(Config(), Arrived(Framing.UNCLEAR, HEAD, body), ("::1", 1))
        assert fault_of(refused.value) is UNCLEAR
        del refused
    gc.collect()
    kept = [one for one in gc.get_objects() if isinstance(one, Arrived)]
    assert not [one for one in kept if one.body is body]


def test_a_body_is_read_whole_however_it_was_framed() -> None:
    """And nothing of the chunks is left in it."""
    chunks = b"2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n"
    sized = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
    for arrived in (
        Arrived(Framing.CHUNKED, HEAD, chunks),
        Arrived(Framing.LENGTH, sized, b"hi"),
    ):
        body = parse(Config(), arrived, ("::1", 1)).body
        assert isinstance(body, io.BytesIO)
        assert body.read() == b"hi"
