"""Paths as they were sent, so that %2F in the id of a series is no slash.

WSGI servers decode a path before anybody sees it; then ``/series/a%2Fforecast`` cannot
be told from ``/series/a/forecast``. Servers keep the path as it was in RAW_URI.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from werkzeug.routing import BaseConverter

PREFIX = "/series/"


class SeriesId(BaseConverter):
    """An id in a path; a slash in it may also come as it is, as some proxies send it.

    It does not end with the name of what stands below a series: that has its own route.
    """

    regex = ".+(?<!/forecast)"
    part_isolating = False


Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class RawPaths:
    """Hands the paths of series on undecoded; `SeriesPath` decodes the id."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        path = raw_path(environ)
        if path.startswith(PREFIX):
            environ = {**environ, "PATH_INFO": path}
        return self._app(environ, start_response)


def raw_path(environ: dict[str, Any]) -> str:
    """Return the path below SCRIPT_NAME as it was sent.

    >>> raw_path({"RAW_URI": "/series/a%2Fb?h=1", "PATH_INFO": "/series/a/b"})
    '/series/a%2Fb'
    >>> raw_path({"RAW_URI": "http://host/series/a", "PATH_INFO": "/series/a"})
    '/series/a'
    >>> raw_path({"PATH_INFO": "/series/a b"})
    '/series/a%20b'
    """
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if raw is None:
        return quote(environ.get("PATH_INFO", ""), encoding="latin-1")
    path = str(raw).partition("?")[0]
    if "://" in path:  # a proxy may send the whole address
        path = urlsplit(path).path
    return path.removeprefix(environ.get("SCRIPT_NAME", ""))
