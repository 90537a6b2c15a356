"""How the service says no over HTTP: RFC 9457 problems, by one table.

A problem is at most 4 KiB, names the mend, and repeats nothing of the request but ids
and places.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from service.errors import (
    AllRefused,
    Busy,
    Conflict,
    Forbidden,
    Malformed,
    Refusal,
    ServiceError,
    TooManyRequests,
    Unacceptable,
    Unauthorized,
    Unavailable,
    UnknownJob,
    UnknownModel,
    UnknownSchedule,
    UnknownSeries,
)
from service.telemetry import Log

MAX_BYTES = 4096
ROOM_FOR_ERRORS = 3000  # of a problem's bytes
RETRY_AFTER_S = 1

STATUS: dict[type[ServiceError], int] = {
    Malformed: 400,
    Unauthorized: 401,
    Forbidden: 403,
    UnknownModel: 404,
    UnknownSeries: 404,
    UnknownJob: 404,
    UnknownSchedule: 404,
    Conflict: 409,
    Unacceptable: 422,
    Busy: 429,
    TooManyRequests: 429,
    Unavailable: 503,
}
MENDS = {
    404: "there is nothing at this path; /docs tells what there is",
    405: "this path takes another method, see the Allow header and /docs",
    413: "the body is larger than this service takes (max_body_bytes); send it in parts",
    415: "expected a body of Content-Type: application/json or "
    "application/vnd.apache.arrow.stream, plain or with Content-Encoding: gzip",
    500: "the service failed; the request is safe to send again",
}


def status_of(error: ServiceError) -> int:
    """Return the HTTP status of a refusal.

    >>> status_of(Conflict("…"))
    409
    """
    if isinstance(error, AllRefused):
        statuses = {status_of(refusal.error) for refusal in error.refusals}
        return statuses.pop() if len(statuses) == 1 else 422
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def refusal(given: Refusal) -> dict[str, Any]:
    """Return what is told of one series that was refused."""
    told = {
        "unique_id": given.unique_id,
        "status": status_of(given.error),
        "loc": given.error.loc,
        "detail": given.error.detail,
    }
    return {key: value for key, value in told.items() if value is not None}


def problem(error: ServiceError) -> Response:
    """Return the answer to a request that is refused as a whole."""
    refusals: tuple[Refusal, ...] = ()
    if isinstance(error, AllRefused):
        refusals = error.refusals
    elif error.loc is not None:
        refusals = (Refusal(None, error),)
    errors = _that_fit([refusal(one) for one in refusals])
    detail = error.detail
    if len(errors) < len(refusals):
        detail += f" ({len(refusals) - len(errors)} more series refused, not listed)"
    answer = _response(status_of(error), detail, errors)
    if isinstance(error, Unauthorized):  # HTTP wants to be told how one is authorised
        answer.headers["WWW-Authenticate"] = 'Bearer realm="forecaster"'
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def register(app: Flask, log: Log) -> None:
    """Answer every error of an app with a problem."""

    @app.errorhandler(ServiceError)
    def refused(error: ServiceError) -> Response:
        return problem(error)

    @app.errorhandler(HTTPException)
    def refused_by_flask(error: HTTPException) -> Response | HTTPException:
        status = error.code or 500
        if status < 400:  # a redirect is no error
            return error
        answer = _response(status, MENDS.get(status) or str(error.description), [])
        if status == 405:
            answer.headers["Allow"] = error.get_response().headers["Allow"]
        if status == 415:
            answer.headers["Accept-Encoding"] = "gzip"
        return answer

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.exception("failed", exc_info=error)
        return _response(500, MENDS[500], [])


def problem_body(
    status: int, detail: str, errors: Sequence[dict[str, Any]] = ()
) -> bytes:
    """Return a problem as it is sent; ``errors`` must fit already."""
    title = HTTPStatus(status).phrase
    body = {
        "type": f"urn:forecaster:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail[: MAX_BYTES // 8],
    }
    return orjson.dumps(body | ({"errors": errors} if errors else {}))


def _response(status: int, detail: str, errors: list[dict[str, Any]]) -> Response:
    answer = Response(
        problem_body(status, detail, errors),
        status=status,
        content_type="application/problem+json",
    )
    if status in (429, 503):
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _that_fit(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    room, fitting = ROOM_FOR_ERRORS, []
    for error in errors:
        room -= len(orjson.dumps(error)) + 1
        if room < 0:
            break
        fitting.append(error)
    return fitting
