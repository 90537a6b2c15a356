"""A service as seen from the command line: asked patiently, answers read, nothing lost.

What is asked is safe to ask again, so whatever may pass is tried once more: no
connection, 429, 503, after as long as Retry-After says.
"""

import json
import os
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from forecaster.errors import ConfigError, ForecasterError, InputError
from forecaster.manifest import Manifest, parse

ARROW = "application/vnd.apache.arrow.stream"


class Patience(urllib3.Retry):
    """Waits as long as Retry-After says, and never shorter than it would without."""

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        """Wait before the next try."""
        told = self.get_retry_after(response) if response is not None else None
        time.sleep(max(told or 0.0, self.get_backoff_time()))


PATIENCE = Patience(
    total=6,
    backoff_factor=0.5,  # seconds, doubled each time: half a minute in all
    backoff_jitter=0.5,
    status_forcelist=(429, 503),
    allowed_methods=None,  # POST too: a retry of the same request changes nothing
    raise_on_status=False,
    redirect=0,
)
TIMEOUT_S = 300.0


class ServiceFailed(ForecasterError):  # noqa: N818 - reads as a sentence where it is raised
    """The service does not answer, or not with what it should."""


class Refused(InputError):  # noqa: N818 - reads as a sentence where it is raised
    """The service refuses a request; `errors` are those of single series."""

    def __init__(self, message: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service is, and how it is spoken to."""

    url: str
    key: str | None = None
    packed: bool = False  # bodies in gzip, both ways

    @classmethod
    def at(cls, url: str, key_variable: str, packed: bool) -> "Service":
        """The service at a URL, with the key that a variable of the environment holds.

        >>> Service.at("localhost:8080", "NO_SUCH_VARIABLE", False)
        Traceback (most recent call last):
        forecaster.errors.ConfigError: --url: expected http://HOST:PORT, got ...
        """
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"--url: expected http://HOST:PORT, got {url!r}")
        key = os.environ.get(key_variable, "").strip()  # files end in a line feed
        if not (key.isprintable() and key.isascii()):
            raise ConfigError(
                f"{key_variable}: expected an API key, got what none looks like. Give "
                "what 'forecaster keys create' printed"
            )
        return cls(url.rstrip("/"), key or None, packed)

    def manifest(self, name: str) -> Manifest:
        """The manifest of the version of a model that the service forecasts with."""
        data = self._ask("GET", f"/models/{quote(name, safe='')}").data
        try:
            answer = json.loads(data)
            # The service keeps to itself which files a version has.
            manifest = {"files": {}, **(answer["manifest"] or {})}
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceFailed(
                f"{self.url} answers 200, but not as this service does. Is the URL right?"
            ) from error
        if answer["manifest"] is None:
            reason = answer.get("problem") or "it is not loaded"
            raise ServiceFailed(f"{self.url}: model {name!r} does not serve: {reason}")
        return parse(manifest, f"{self.url}/models/{name}")

    def post(self, path: str, body: bytes, wishes: Mapping[str, object]) -> bytes:
        """What the service answers to an Arrow stream, in the same format."""
        fields = {key: str(value) for key, value in wishes.items() if value is not None}
        target = f"{path}?{urlencode(fields)}"
        data: bytes = self._ask("POST", target, body).data
        return data

    def _ask(self, method: str, target: str, body: bytes | None = None) -> Any:
        headers = {"Accept": "application/json" if body is None else ARROW}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if body is not None:
            headers["Content-Type"] = ARROW
        if self.packed:
            headers["Accept-Encoding"] = "gzip"
        if self.packed and body is not None:
            headers["Content-Encoding"] = "gzip"
            packer = zlib.compressobj(1, wbits=31)
            body = packer.compress(body) + packer.flush()
        try:
            answer = urllib3.request(
                method,
                self.url + target,
                body=body,
                headers=headers,
                retries=PATIENCE,
                timeout=TIMEOUT_S,
            )
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            raise ServiceFailed(
                f"{self.url} does not answer ({reason}). Is the service running there?"
            ) from error
        if answer.status != 200:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: Any) -> ForecasterError:
        try:
            problem = json.loads(answer.data)
            detail, errors = str(problem["detail"]), list(problem.get("errors", []))
        except (ValueError, KeyError, TypeError):
            detail, errors = "the answer is none of this service", []
        message = f"{self.url} answers {answer.status}: {detail}"
        if answer.status == 401:
            message += ". Here it is read from FORECASTER_API_KEY, or see --api-key-env"
        if answer.status in (400, 404, 409, 413, 415, 422):
            return Refused(message, errors)
        return ServiceFailed(message)
