"""One line of JSON for each request, on stderr."""

import sys
import time
import uuid
from typing import Any, TextIO

import structlog
from flask import Flask, Response, g, request

Log = Any  # structlog's loggers gain their methods at run time
REQUEST_ID = "X-Request-ID"


def new_log(stream: TextIO | None = None) -> Log:
    """Return a logger of its own, configured without touching any other."""
    return structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.BoundLogger,
    )


def register(app: Flask, log: Log) -> None:
    """Log every request of an app, and give each an id."""

    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()
        g.request_id = uuid.uuid4().hex

    @app.after_request
    def end(answer: Response) -> Response:
        answer.headers[REQUEST_ID] = g.request_id
        caller = {"key": g.key} if "key" in g else {}  # its id, which is no secret
        log.info(
            "request",
            request_id=g.request_id,
            method=request.method,
            route=str(request.url_rule),
            status=answer.status_code,
            ms=round(1000 * (time.monotonic() - g.began), 2),
            **caller,
        )
        return answer
