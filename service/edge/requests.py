"""Requests as gunicorn's parser reads them, of bytes that are all there."""

import io
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from werkzeug.exceptions import RequestEntityTooLarge

from service.edge.faults import Unclear
from service.edge.framing import MOST_HEAD, Arrived, Framing


class TooLong(io.RawIOBase):
    """A body that nobody waited for: who reads it is told that it is too long."""

    def readable(self) -> bool:
        """It may be tried."""
        return True

    def read(self, _size: int = -1) -> bytes:
        """Refuse, in the words of the app."""
        raise RequestEntityTooLarge

    readline = readinto = read  # type: ignore[assignment]


def parse(cfg: Any, arrived: Arrived, client: Any) -> Request:
    """Return a request of gunicorn with its body read.

    Args:
        cfg: gunicorn's settings.
        arrived: the request as it was sent.
        client: its address.

    Raises:
        ParseException: it is no HTTP.
        NoMoreData: it ends before its end.
        Unclear: where it ends cannot be told.
    """
    is_framed = arrived.framing in (Framing.LENGTH, Framing.TOO_LONG)
    sent = arrived.head if is_framed else arrived.head + arrived.body
    try:
        request = next(RequestParser(cfg, iter([sent]), client))
    except NoMoreData:
        if arrived.size > MOST_HEAD:
            raise LimitRequestHeaders("max buffer headers") from None
        raise
    request._expected_100_continue = False  # it was told, or came without
    if arrived.framing is Framing.UNCLEAR:
        raise Unclear
    if arrived.framing is Framing.TOO_LONG:
        request.body = TooLong()
        request.force_close()
    elif arrived.framing is Framing.CHUNKED:
        request.body = io.BytesIO(request.body.read())
    else:
        request.body = io.BytesIO(arrived.body)
    return request
