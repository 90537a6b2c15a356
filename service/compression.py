"""Compressed bodies: what comes is unpacked within a bound, what goes is packed on wish."""

import gzip
import io
import zlib

from flask import Flask, Response, request

from service.errors import Malformed

TAKEN = "gzip"  # the one coding of bodies, both ways
NAMES = {TAKEN, "x-gzip"}
SMALLEST = 4096  # bytes of an answer that are worth packing
LEVEL = 1  # higher ones take several times as long for a tenth less


class TooMuch(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A body unpacks to more than is taken."""


def unpack(data: bytes, most: int) -> bytes:
    """Return what a gzip file holds, if it is no more than ``most`` bytes.

    It is unpacked piece by piece, so that a bomb costs no more memory than that.

    >>> unpack(gzip.compress(b"1" * 99), most=99) == b"1" * 99
    True

    Raises:
        Malformed: it is no gzip file, or not a whole one.
        TooMuch: it holds more.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(most + 1)
    except (OSError, EOFError, zlib.error):
        raise Malformed(
            "expected a body in gzip, as Content-Encoding says; it is damaged or cut off"
        ) from None
    if len(unpacked) > most:
        raise TooMuch
    return unpacked


def register(app: Flask) -> None:
    """Pack the large answers of an app for callers that take gzip."""

    @app.after_request
    def pack(answer: Response) -> Response:
        if answer.direct_passthrough or answer.content_encoding:
            return answer  # files of the page, as they are
        answer.vary.add("Accept-Encoding")
        if request.accept_encodings[TAKEN] <= 0:
            return answer
        data = answer.get_data()
        if len(data) >= SMALLEST:
            answer.set_data(gzip.compress(data, LEVEL, mtime=0))
            answer.content_encoding = TAKEN
        return answer
