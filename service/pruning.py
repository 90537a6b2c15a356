"""Forgetting the oldest steps of the log, beside the requests.

In pieces, each a short transaction, with pauses between them in which others write. The
row of a series moves with its log, so that a request that was planned on what is gone is
planned again; who reads has a snapshot in which nothing is gone.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from forecaster.settings import Retention
from service import queries, upkeep
from service.chores import take_turn
from service.database import reading
from service.errors import StoreFailure
from service.forgetting import Cut, forget
from service.records import Span
from service.retention import (
    Need,
    fewest,
    first_kept,
    is_wanted,
    needs_of,
)

CHORE = "prune"
EVERY_S = 60  # between two beginnings, whoever it is that begins
SPENT_S = 45.0  # then the rest waits for the next turn
LOOK_S = 10.0  # a process looks whether it is its turn
STEPS_AT_ONCE = 5_000
PAUSES = 4.0  # of the time spent, so that others have most of it

Log = Any  # structlog's loggers gain their methods at run time


class Pruner:
    """Prunes in a thread of its own, in turn with the other processes."""

    def __init__(
        self, engine: Engine, keep: Retention, models_dir: Path, log: Log
    ) -> None:
        self._engine = engine
        self._keep = keep
        self._models_dir = models_dir
        self._log = log
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Prune from now on, if anything is ever to be pruned."""
        if is_wanted(self._keep):
            self._thread = threading.Thread(
                target=self._watch, name="pruner", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread, after the piece it is at."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(random.uniform(0, LOOK_S)):
            try:
                if take_turn(self._engine, CHORE, int(time.time()), EVERY_S):
                    self._prune()
            except (StoreFailure, OSError) as failure:
                self._log.warning("prune", problem=str(failure))
            except Exception as error:  # noqa: BLE001 - else the log would grow unseen
                self._log.exception("prune", exc_info=error)

    def _prune(self) -> None:
        deadline = time.monotonic() + SPENT_S
        steps = 0
        for done in prune(self._engine, self._keep, needs_of(self._models_dir)):
            steps += done.steps
            pause = self._stopping.wait(PAUSES * done.seconds)
            if pause or time.monotonic() > deadline:
                break
        if steps:
            self._log.info("prune", steps=steps)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one transaction did."""

    steps: int
    seconds: float


def prune(
    engine: Engine,
    keep: Retention,
    needs: dict[str, Need],
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Piece]:
    """Forget what is too old of all series, a piece each time the next one is asked for.

    Series of a model whose needs are not known are left as they are.

    Raises:
        StoreFailure: the database does not answer.
    """
    for name, need in needs.items() if is_wanted(keep) else ():
        for found in _candidates(engine, name, keep, need):
            for cuts in _pieces(_cuts(found, keep, need), STEPS_AT_ONCE):
                began = clock()
                steps = forget(engine, need, cuts)
                yield Piece(steps, clock() - began)


def _candidates(
    engine: Engine, name: str, keep: Retention, need: Need
) -> Iterator[Sequence[Any]]:
    """Give the series of a model whose logs may be too long, a page after the other."""
    with reading(engine) as connection:
        frequencies = connection.execute(upkeep.FREQUENCIES, {"of": name}).scalars()
        least = min((fewest(one, keep, need) for one in frequencies), default=0.0)
    wanted = {"of": name, "after": "", "least": int(min(least, upkeep.ENDLESS))}
    while True:
        with reading(engine) as connection:
            page = connection.execute(upkeep.LONG_LOGS, wanted).all()
        yield page
        if len(page) < queries.IDS_PER_QUERY:
            return
        wanted["after"] = page[-1].unique_id


def _cuts(
    found: Sequence[Any], keep: Retention, need: Need
) -> Iterator[tuple[int, Span, int]]:
    for row in found:
        span = queries.span_of(row)
        yield row.pk, span, first_kept(queries.grid_of(row), span, keep, need)


def _pieces(
    cuts: Iterator[tuple[int, Span, int]], steps_at_once: int
) -> Iterator[list[Cut]]:
    """Give cuts that forget at most so many steps together; each series once in each.

    >>> cuts = [(1, Span(0, 99), 5), (2, Span(0, 99), 0), (3, Span(0, 99, pruned=2), 4)]
    >>> list(_pieces(iter(cuts), 3))
    [[(1, 3)], [(1, 5), (3, 3)], [(3, 4)]]
    """
    piece: list[Cut] = []
    room = steps_at_once
    for pk, span, cut in cuts:
        kept = span.kept
        while kept < cut:
            taken = min(room, cut - kept)
            kept, room = kept + taken, room - taken
            piece.append((pk, kept))
            if not room:
                yield piece
                piece, room = [], steps_at_once
    if piece:
        yield piece
