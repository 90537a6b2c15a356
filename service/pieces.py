"""A request in pieces: one for each series, done together with those of other requests."""

import threading
from dataclasses import dataclass

from service.carrying import Live, Wanted
from service.errors import Unacceptable
from service.placing import Points
from service.planning import OnConflict


@dataclass(frozen=True, slots=True)
class Rules:
    """How the points of a request are taken."""

    on_conflict: OnConflict
    key: str | None  # the same for a request and its retries
    max_gap: int  # absent steps that one series may skip at once
    horizon: int  # steps ahead that covariates may be given for


class Allowance:
    """What the series of one request may skip together: absent steps."""

    def __init__(self, steps: int) -> None:
        self._steps = self._left = steps
        self._lock = threading.Lock()
        self._taken: dict[str, int] = {}

    def take(self, unique_id: str, steps: int) -> None:
        """Take what a series needs; once for a series, however often it is planned.

        Raises:
            Unacceptable: all series together need more than there is.
        """
        with self._lock:
            before = self._taken.get(unique_id, 0)
            if self._left + before < steps:  # before they are laid out in memory
                raise Unacceptable(
                    f"this request skips more than {self._steps} absent steps in all "
                    "(max_points); send fewer series or a shorter time at once"
                )
            self._left += before - steps
            if steps or before:
                self._taken[unique_id] = steps


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every series of one request."""

    live: Live
    rules: Rules
    wanted: Wanted | None
    stateless: bool
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Piece:
    """One series of a request: what is done together with those of other requests."""

    points: Points
    terms: Terms
