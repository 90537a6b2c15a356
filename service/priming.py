"""A new version is told what came before it: its states are made from the log.

Before it answers, so that the first request for each series finds a state. In slices of
many series at once, with pauses between them in which requests go on, and for a limited
time: what is left is done series by series, as requests come. Letters: N series, S state.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from forecaster.canary import answers_for
from service.backlog import (
    FROM_THE_FIRST,
    Owner,
    count_behind,
    is_behind,
    keep,
    next_page,
)
from service.carrying import Journey, Live, carry
from service.database import reading
from service.errors import StoreFailure
from service.records import Carried, Kept
from service.store import Snapshot

PRIME_S = 30.0  # what is not primed by then is left to requests
WIDE = 64  # series at a time
DEEP = 256  # steps at a time
PAUSES = 1.0  # of the time spent, so that others have half of it at least

Wait = Callable[[float], bool]  # for so many seconds; whether to stop


@dataclass(frozen=True, slots=True)
class Primed:
    """How many series got a state of the newest step, how many did not, and why not."""

    series: int = 0
    left: int = 0
    problem: str | None = None


class _Turn:
    """How long there is time, and the pauses in it."""

    def __init__(self, wait: Wait, clock: Callable[[], float]) -> None:
        self._wait = wait
        self._clock = clock
        self._deadline = clock() + PRIME_S
        self._began = clock()
        self._stopped = False

    @property
    def is_over(self) -> bool:
        """Whether it is time to stop."""
        return self._stopped or self._clock() >= self._deadline

    def begin(self) -> None:
        """Some work begins."""
        self._began = self._clock()

    def rest(self) -> None:
        """Let others work, as long as this did."""
        self._stopped = self._wait(PAUSES * (self._clock() - self._began))
        self.begin()


class Primer:
    """Makes the states of new versions in one database."""

    def __init__(
        self, database: Engine, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._clock = clock

    def __call__(self, live: Live, wait: Wait, share: float = 1.0) -> Primed:
        """Bring the states of a version up to the newest steps, as far as time allows.

        Args:
            live: the version.
            wait: lets others work for some seconds, and says whether to stop.
            share: of the series that it answers for (`forecaster.canary`).
        """
        owner = Owner(live.name, live.version, live.frequency.alias)
        turn = _Turn(wait, self._clock)
        after, done, left = FROM_THE_FIRST, 0, 0
        try:
            while not turn.is_over:
                turn.begin()
                page = next_page(self._database, owner, after, WIDE)
                if page is None:
                    break
                mine = [
                    one
                    for one in page.behind
                    if answers_for(live.name, one.unique_id, share)
                ]
                fit = self._prime(live, mine, turn)
                done, left = done + fit, left + len(mine) - fit
                after = page.last
            left += count_behind(self._database, owner, after, share)
        except StoreFailure as failure:  # requests are told so; a swap can do without
            return Primed(done, left, str(failure))
        return Primed(done, left)

    def _prime(self, live: Live, page: Sequence[Carried], turn: _Turn) -> int:
        """Bring some series forward; how many came to the newest step."""
        seen = {one.pk: one.kept for one in page}
        going = page
        while going and not turn.is_over:
            found = self._walked(live, going, seen)
            seen |= found
            going = [
                one
                for one in going
                if one.pk in found and is_behind(one, found[one.pk])
            ]
            turn.rest()
        made = [(one, kept) for one in page if (kept := seen[one.pk]) is not None]
        stored = keep(self._database, live.version, made) if made else set()
        return sum(one.pk in stored and kept.end == one.span.end for one, kept in made)

    def _walked(
        self,
        live: Live,
        going: Sequence[Carried],
        seen: Mapping[int, Kept | None],
    ) -> dict[int, Kept]:
        """Return the states one slice further; not of series whose numbers overflow."""
        with reading(self._database) as connection:
            log = Snapshot(connection)
            ways = [_slice(live, one, seen[one.pk], log) for one in going]
        states, _ = carry(live, ways)
        return {
            one.pk: Kept(state, way.begin + len(way.values))
            for one, way, state in zip(going, ways, states, strict=True)
            if np.isfinite(state).all()
        }


def _slice(live: Live, one: Carried, kept: Kept | None, log: Snapshot) -> Journey:
    """Return the way from a state over the next steps of the log."""
    begin = one.span.kept if kept is None else kept.end
    end = min(one.span.end, begin + DEEP)
    exog = log.exog(one.pk, begin, end) if live.covariates.columns else {}
    state = None if kept is None else kept.state
    return Journey(one.grid, state, begin, log.values(one.pk, begin, end), exog)
