"""Every way the service says no, in one tree. HTTP is told by ``problems.py`` alone.

    ServiceError
    ├── Malformed             the body is not JSON
    ├── Unauthorized          no API key, or none that is known
    ├── Forbidden             the API key has not the scope
    ├── Unacceptable          the request has the wrong shape or a value of no use
    ├── UnknownModel          no model of that name
    ├── UnknownSeries         nothing is carried for that series
    ├── UnknownJob            no job of that id, or no report of it
    ├── UnknownSchedule       no schedule of that name
    ├── Conflict              what is there says otherwise: a carried value, an ended job
    ├── Busy                  too much waits already
    ├── TooManyRequests       more than the rate limit; worth trying again later
    └── Unavailable           not now, worth trying again
        ├── NoModel           no model is loaded and warm
        ├── StoreFailure      the store cannot be read or written
        ├── Expired           its turn did not come in time
        └── Contended         other writers moved the series first, every time

Messages are for the caller: they say what was expected and what to do, and never repeat
more of the request than the place where it went wrong.
"""

# ruff: noqa: N818 - refusals read as sentences where they are raised

from dataclasses import dataclass


class ServiceError(Exception):
    """Base of every refusal; ``loc`` is the place in the request, where there is one."""

    def __init__(self, detail: str, loc: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.loc = loc


class Malformed(ServiceError):
    """The body cannot be read as JSON."""


class Unauthorized(ServiceError):
    """No API key came, or none that is known."""


class Forbidden(ServiceError):
    """The API key is known, but has not the scope."""


class Unacceptable(ServiceError):
    """The request can be read, but has the wrong shape or a value of no use."""


class UnknownModel(ServiceError):
    """No model of that name."""


class UnknownSeries(ServiceError):
    """Nothing is carried for that series."""


class UnknownJob(ServiceError):
    """No job of that id, or no report of it."""


class UnknownSchedule(ServiceError):
    """No schedule of that name."""


class Conflict(ServiceError):
    """What is there already says otherwise: a carried value, a job that has ended."""


class Busy(ServiceError):
    """Too much waits already; worth trying again after a moment."""


class TooManyRequests(ServiceError):
    """More requests than the rate limit; ``retry_after_s`` is when to try again."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(ServiceError):
    """Cannot be done now; worth trying again after a moment."""


class NoModel(Unavailable):
    """No model is loaded and warm."""


class StoreFailure(Unavailable):
    """The store cannot be read or written."""


class Expired(Unavailable):
    """Its turn did not come in time; nothing was done."""


class Contended(Unavailable):
    """Other writers moved the series first, every time."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One series of a request that was refused, and why."""

    unique_id: str | None
    error: ServiceError


class AllRefused(ServiceError):
    """Not one series of the request could be served."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(refusals[0].error.detail, refusals[0].error.loc)
        self.refusals = refusals
