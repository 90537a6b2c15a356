"""Concurrent requests meet: what waits is done together, in one call and one commit.

Nobody waits for company. While a batch is being done, requests gather; whoever comes to
its turn takes a share of every request that waits and does it for all (a combining
queue: Hendler et al., 2010). Of pieces with the same key one is done at a time, so that
two requests of one series never race within a process. A large
request gives a share of itself to each batch, and small ones ride along: a post of one
series waits for a batch, not for the ten thousand series of somebody else.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.turns import pause

Piece = TypeVar("Piece")
Outcome = TypeVar("Outcome")


class QueueFull(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """More waits already than the queue has room for."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a piece that was not done in time comes back as."""

    tries: int  # how often it was tried, and something else was in the way


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done together."""

    batch: int = 1024  # pieces at most
    share: int = 256  # of them of one request
    parallel: int = 1  # batches at a time: with two, each has half of what waits
    room: int = 20_000  # pieces that may wait


@dataclass(eq=False)
class _Ticket(Generic[Piece, Outcome]):
    """One request in the queue."""

    pieces: Sequence[Piece]
    entered: float
    deadline: float
    turn: threading.Condition
    waiting: deque[int] = field(default_factory=deque)
    running: int = 0
    asleep: bool = False  # its thread does nothing but wait for it
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    begun: bool = False
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Batch(Generic[Piece, Outcome]):
    """Pieces that are done together: of which request, and which of it."""

    entries: tuple[tuple[_Ticket[Piece, Outcome], int], ...]

    @property
    def pieces(self) -> list[Piece]:
        """The pieces themselves."""
        return [ticket.pieces[index] for ticket, index in self.entries]


class Batcher(Generic[Piece, Outcome]):
    """Does the pieces of many threads together."""

    def __init__(
        self,
        do: Callable[[Sequence[Piece]], Sequence[Outcome | None]],
        key: Callable[[Piece], Hashable | None],
        sizes: Sizes = Sizes(),
        now: Callable[[], float] = time.monotonic,
        waited: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """Make one.

        Args:
            do: gives an outcome for each piece; None means that it is to be tried again.
            key: pieces with the same are done one after the other; None is like no other.
            sizes: how much is done together.
            now: seconds.
            waited: is told how long each request waited for its first turn.
        """
        self._do = do
        self._key = key
        self._sizes = sizes
        self._now = now
        self._waited = waited
        self._lock = threading.Lock()
        self._queue: list[_Ticket[Piece, Outcome]] = []
        self._busy: set[Hashable] = set()
        self._running = 0

    def run(
        self, pieces: Sequence[Piece], deadline: float
    ) -> list[Outcome | Unfinished]:
        """Return what became of each piece, once all are done or the time is over.

        A piece that is being done when the time is over is waited for: it may be stored.

        Raises:
            QueueFull: the pieces find no room.
        """
        ticket = self._enter(pieces, deadline)
        pause()  # until those of other requests that this thread works on have come in
        while (batch := self._next(ticket)) is not None:
            self._lead(batch)
            pause()  # who is done goes on, however much of this request is left
        if ticket.error is not None:
            raise ticket.error
        return [
            ticket.outcomes.get(index, Unfinished(ticket.tries.get(index, 0)))
            for index in range(len(pieces))
        ]

    def _enter(
        self, pieces: Sequence[Piece], deadline: float
    ) -> _Ticket[Piece, Outcome]:
        ticket: _Ticket[Piece, Outcome] = _Ticket(
            pieces, self._now(), deadline, threading.Condition(self._lock)
        )
        ticket.waiting.extend(range(len(pieces)))
        with self._lock:
            waiting = sum(len(other.waiting) for other in self._queue)
            if waiting and waiting + len(pieces) > self._sizes.room:
                raise QueueFull
            self._queue.append(ticket)
        return ticket

    def _next(self, ticket: _Ticket[Piece, Outcome]) -> _Batch[Piece, Outcome] | None:
        """Wait for a batch to lead; None once the ticket has all it will get."""
        with self._lock:
            while True:
                left = ticket.deadline - self._now()
                if left <= 0 or ticket.error is not None:
                    ticket.waiting.clear()
                if not ticket.waiting and not ticket.running:
                    self._queue.remove(ticket)
                    self._wake_one()  # the turn may have been meant for another
                    return None
                if self._running < self._sizes.parallel and (batch := self._take()):
                    self._running += 1
                    return batch
                ticket.asleep = True
                ticket.turn.wait(left if ticket.waiting else None)
                ticket.asleep = False

    def _take(self) -> _Batch[Piece, Outcome] | None:
        """Take a share of every request that waits, of small ones first."""
        entries: list[tuple[_Ticket[Piece, Outcome], int]] = []
        now = self._now()
        for ticket in sorted(self._queue, key=lambda one: len(one.waiting)):
            room = min(self._sizes.share, self._sizes.batch - len(entries))
            if ticket.deadline > now:
                entries += [(ticket, index) for index in self._free(ticket, room)]
        return _Batch(tuple(entries)) if entries else None

    def _free(self, ticket: _Ticket[Piece, Outcome], room: int) -> list[int]:
        """Take up to so many pieces of a request whose keys nobody is busy with."""
        taken: list[int] = []
        held: list[int] = []
        while ticket.waiting and len(taken) < room:
            index = ticket.waiting.popleft()
            key = self._key(ticket.pieces[index])
            if key is not None and key in self._busy:
                held.append(index)
                continue
            if key is not None:
                self._busy.add(key)
            taken.append(index)
        ticket.waiting.extendleft(reversed(held))
        ticket.running += len(taken)
        if taken and not ticket.begun:
            ticket.begun = True
            self._waited(self._now() - ticket.entered)
        return taken

    def _lead(self, batch: _Batch[Piece, Outcome]) -> None:
        """Do a batch, and hand out what came of it."""
        errors: dict[_Ticket[Piece, Outcome], BaseException] = {}
        outcomes: list[Outcome | None] = []
        try:
            outcomes = list(self._do(batch.pieces))
        except BaseException as error:  # noqa: BLE001 - raised again by the requests it is of
            outcomes, errors = self._apart(batch, error)
        with self._lock:
            for (ticket, index), outcome in zip(batch.entries, outcomes, strict=True):
                self._hand_out(ticket, index, outcome)
            for ticket, failure in errors.items():
                ticket.error = failure
            self._running -= 1
            for ticket in {ticket for ticket, _ in batch.entries}:
                ticket.turn.notify()
            self._wake_one()

    def _apart(
        self, batch: _Batch[Piece, Outcome], error: BaseException
    ) -> tuple[list[Outcome | None], dict[_Ticket[Piece, Outcome], BaseException]]:
        """What becomes of each request by itself, after all together have failed."""
        pieces = batch.pieces
        requests: dict[_Ticket[Piece, Outcome], list[int]] = {}
        for place, (ticket, _) in enumerate(batch.entries):
            requests.setdefault(ticket, []).append(place)
        outcomes: list[Outcome | None] = [None] * len(batch.entries)
        if len(requests) == 1 or not isinstance(error, Exception):
            return outcomes, dict.fromkeys(requests, error)
        errors: dict[_Ticket[Piece, Outcome], BaseException] = {}
        for ticket, places in requests.items():
            try:
                found = self._do([pieces[place] for place in places])
            except BaseException as own:  # noqa: BLE001 - raised again by its request
                errors[ticket] = own
                continue
            for place, outcome in zip(places, found, strict=True):
                outcomes[place] = outcome
        return outcomes, errors

    def _hand_out(
        self, ticket: _Ticket[Piece, Outcome], index: int, outcome: Outcome | None
    ) -> None:
        ticket.running -= 1
        self._busy.discard(self._key(ticket.pieces[index]))
        if outcome is not None:
            ticket.outcomes[index] = outcome
            return
        ticket.tries[index] = ticket.tries.get(index, 0) + 1
        ticket.waiting.append(index)

    def _wake_one(self) -> None:
        """Wake a request that waits, so that it leads the next batch."""
        for ticket in self._queue:
            if ticket.waiting and ticket.asleep:
                ticket.turn.notify()
                return
