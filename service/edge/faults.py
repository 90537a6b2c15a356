"""What is said to a client whose request never reaches the app.

Gunicorn's own answers are pages of HTML that repeat what was sent.
"""

from dataclasses import dataclass
from http import HTTPStatus

from gunicorn.http import errors

from service.problems import problem_body

RETRY_AFTER_S = 1


class Unclear(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """Where a request ends cannot be told."""


class Late(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """No thread was free in time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request cannot be answered: the status and what is said."""

    status: int
    detail: str


CUT_OFF = Fault(400, "the request ends before its end: send it whole")
UNCLEAR = Fault(
    400,
    "where the request ends cannot be told: expected one Content-Length in digits, or "
    "Transfer-Encoding: chunked, and not both",
)
SLOW = Fault(
    408,
    "the request did not come within its time (client_timeout_s); nothing was done, "
    "send it again",
)
CROWDED = Fault(
    503,
    "too many large requests and answers are on their way at once; nothing was done, "
    "send it again after a moment",
)
FULL = Fault(
    503,
    "as many requests as there may be are being worked on (max_connections); nothing was "
    "done, send it again after a moment",
)
LATE = Fault(
    503,
    "the time for this request was over before its turn came (deadline_s), and nothing "
    "was done; send it again after a moment",
)
HANGS = Fault(
    503,
    "the thread that answers small requests has not come back for longer than any of "
    "them may take (deadline_s, and a minute): start this process anew",
)
FAILED = Fault(500, "the service failed; the request is safe to send again")

# What gunicorn's parser finds, by the first that fits.
FOUND: tuple[tuple[type[Exception], Fault], ...] = (
    (
        errors.LimitRequestLine,
        Fault(414, "the request line is too long: expected at most 4094 bytes"),
    ),
    (
        errors.LimitRequestHeaders,
        Fault(
            431,
            "the header fields are too large: expected at most 100 of them, of at most "
            "8190 bytes each and 65536 together",
        ),
    ),
    (
        errors.ExpectationFailed,
        Fault(417, "expected no Expect header but 'Expect: 100-continue'"),
    ),
    (errors.InvalidRequestLine, Fault(400, "expected a line METHOD PATH HTTP/1.1")),
    (errors.InvalidRequestMethod, Fault(400, "expected a method such as GET or POST")),
    (errors.InvalidHTTPVersion, Fault(400, "expected HTTP/1.1 or HTTP/1.0")),
    (
        errors.InvalidHeaderName,
        Fault(400, "a header field has a name that HTTP forbids"),
    ),
    (
        errors.ObsoleteFolding,
        Fault(400, "expected each header field on a line of its own"),
    ),
    (Unclear, UNCLEAR),
    (Late, LATE),
    (errors.UnsupportedTransferCoding, UNCLEAR),
    (
        errors.InvalidHeader,
        Fault(
            400,
            "a header field cannot be used: expected lines NAME: VALUE that end with CRLF, "
            "and one Content-Length in digits or Transfer-Encoding: chunked, not both",
        ),
    ),
    (
        errors.InvalidChunkSize,
        Fault(400, "the size of a chunk is no hexadecimal number"),
    ),
    (
        errors.InvalidChunkExtension,
        Fault(400, "a chunk has an extension that HTTP forbids"),
    ),
    (errors.ChunkMissingTerminator, Fault(400, "a chunk does not end where it says")),
    (errors.NoMoreData, CUT_OFF),
    (errors.ParseException, Fault(400, "the request is no HTTP")),
)


def fault_of(error: BaseException) -> Fault:
    """Return what is said of an error.

    >>> fault_of(errors.InvalidRequestLine("…")).status, fault_of(KeyError()).status
    (400, 500)
    """
    return next((said for kind, said in FOUND if isinstance(error, kind)), FAILED)


def answer(fault: Fault) -> bytes:
    """Return a whole answer, after which the connection is closed."""
    body = problem_body(fault.status, fault.detail)
    retry = f"Retry-After: {RETRY_AFTER_S}\r\n" if fault.status == 503 else ""
    head = (
        f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n{retry}"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
