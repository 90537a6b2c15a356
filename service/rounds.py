"""One batch of pieces: planned, walked through the model, committed.

Planned against one snapshot of the store, walked with no lock held, and committed by
compare-and-swap: a series that another process moved in the meantime comes back, to be
planned again.
"""

import random
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from service.carrying import Live
from service.errors import ServiceError, StoreFailure
from service.pieces import Piece
from service.planned import Planned
from service.store import Store
from service.work import Result, plan_all, walk

Outcome = Result | ServiceError


class Watch(Protocol):
    """Who wants to know how the work goes."""

    def stage(self, name: str, seconds: float) -> None:
        """A stage took so long: queue, plan, compute or commit."""

    def batch(self, series: int) -> None:
        """So many series were done together."""

    def points(self, applied: int, duplicates: int, ignored: int) -> None:
        """So much became of points, and is durable."""


PAUSE_S = 0.01  # at most, after a batch in which others moved every series


class Rounds:
    """Does batches on one store."""

    def __init__(
        self, store: Store, watch: Watch, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._store = store
        self._watch = watch
        self._pause = pause

    def do(self, pieces: Sequence[Piece]) -> list[Outcome | None]:
        """Return what became of each piece; None of one that others moved first."""
        self._watch.batch(len(pieces))
        outcomes: list[Outcome | None] = [None] * len(pieces)
        for alike in _alike(pieces):
            found = self._of_one_kind([pieces[place] for place in alike])
            for place, outcome in zip(alike, found, strict=True):
                outcomes[place] = outcome
        if not any(outcomes):
            self._pause(random.uniform(0, PAUSE_S))
        return outcomes

    def _of_one_kind(self, pieces: Sequence[Piece]) -> Sequence[Outcome | None]:
        """Do pieces of one model that are all kept, or all not."""
        terms = pieces[0].terms
        try:
            with self._timed("plan"):
                planned = self._planned(pieces)
        except StoreFailure as failure:
            return [failure] * len(pieces)
        with self._timed("compute"):
            outcomes = _walked(terms.live, planned)
        if terms.stateless:
            return outcomes
        with self._timed("commit"):
            done = self._commit(terms.live, outcomes)
        self._count(done)
        return done

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._watch.stage(stage, time.perf_counter() - began)

    def _count(self, done: Sequence[Outcome | None]) -> None:
        counts = [one.counts for one in done if isinstance(one, Result)]
        self._watch.points(
            sum(one.applied for one in counts),
            sum(one.duplicates for one in counts),
            sum(one.ignored for one in counts),
        )

    def _planned(self, pieces: Sequence[Piece]) -> list[Planned | ServiceError]:
        if pieces[0].terms.stateless:
            return plan_all(pieces, None)
        with self._store.snapshot() as log:
            return plan_all(pieces, log)

    def _commit(
        self, live: Live, outcomes: Sequence[Outcome]
    ) -> Sequence[Outcome | None]:
        results = [one for one in outcomes if isinstance(one, Result)]
        changes = [made for one in results if (made := one.change) is not None]
        if not changes:
            return outcomes
        try:
            lost = self._store.commit(live.name, live.version, changes)
        except StoreFailure as failure:
            return [_unless_only_read(one, failure) for one in outcomes]
        return [
            None if isinstance(one, Result) and one.unique_id in lost else one
            for one in outcomes
        ]


def series_of(piece: Piece) -> Hashable | None:
    """Return what pieces must not be done at the same time for; None for any."""
    terms = piece.terms
    return None if terms.stateless else (terms.live.name, piece.points.unique_id)


def _alike(pieces: Sequence[Piece]) -> list[list[int]]:
    """Return the places of pieces that one call of a model and one commit may do."""
    places: dict[Hashable, list[int]] = {}
    for place, piece in enumerate(pieces):
        terms = piece.terms
        # Of a stateless request every id may stand in another one too.
        one = id(terms) if terms.stateless else None
        places.setdefault((id(terms.live), one), []).append(place)
    return list(places.values())


def _walked(live: Live, planned: Sequence[Planned | ServiceError]) -> list[Outcome]:
    """Return the results of the jobs among what was planned, in their places."""
    results = iter(walk(live, [job for job in planned if isinstance(job, Planned)]))
    return [next(results) if isinstance(job, Planned) else job for job in planned]


def _unless_only_read(outcome: Outcome, failure: StoreFailure) -> Outcome:
    """Return the failure, but for a result that brought no points: nothing is lost.

    Its state could not be kept, and the log can give it again.
    """
    change = outcome.change if isinstance(outcome, Result) else None
    return failure if change is not None and len(change.steps) else outcome
