"""A job is kept while its trainer works: the lease is renewed, what it says written down.

In a thread, since a database may take its time. How long the job is surely still ours is
known without asking: the lease was given for so long, and the clock of this machine has
run since.
"""

import threading
import time
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine

from service.errors import StoreFailure
from service.jobs import leases
from service.jobs.records import Lease, News
from service.jobs.trainer import Trainer

Log = Any  # structlog's loggers gain their methods at run time

BEAT_S = 1.0
RENEWALS = 3  # in the time of a lease, at least
MARGIN = 0.1  # of a lease: a job is let go so long before it is somebody else's


class Keeper:
    """Keeps one job in a thread of its own.

    Attributes:
        until: when the job has to be let go, by the monotonic clock.
        is_lost: whether somebody else has it, or nobody.
        is_cancelled: whether somebody wants it to be given up.
    """

    def __init__(
        self, engine: Engine, lease: Lease, lease_s: float, claimed: float, log: Log
    ) -> None:
        """Begin nothing yet.

        Args:
            engine: the database.
            lease: whose job it is.
            lease_s: for how many seconds a renewal holds.
            claimed: when the job was asked for, by the monotonic clock.
            log: where to log.
        """
        self._engine, self._lease, self._lease_s, self._log = (
            engine,
            lease,
            lease_s,
            log,
        )
        self._renewed = claimed
        self._news: News | None = None
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_lost = False
        self.is_cancelled = False

    @property
    def until(self) -> float:
        """When the job has to be let go, by the monotonic clock."""
        return self._renewed + (1.0 - MARGIN) * self._lease_s

    @property
    def is_ours(self) -> bool:
        """Whether nobody else can have it."""
        return not self.is_lost and time.monotonic() < self.until

    def start(self, trainer: Trainer) -> None:
        """Keep the job from now on, as long as its trainer works."""
        self._thread = threading.Thread(target=self._keep, args=(trainer,), daemon=True)
        self._thread.start()

    def stop(self, trainer: Trainer) -> None:
        """End the thread, and write down the last that the trainer said."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self._gather(trainer)
        if self._news is not None and not self.is_lost:
            self._beat(trainer)

    def _keep(self, trainer: Trainer) -> None:
        while not self._ending.wait(BEAT_S) and not self.is_lost:
            self._gather(trainer)
            self._beat(trainer)

    def _beat(self, trainer: Trainer) -> None:
        began = time.monotonic()
        is_due = began - self._renewed >= self._lease_s / RENEWALS
        try:
            wanted = leases.is_to_end(self._engine, self._lease)
            self.is_cancelled |= bool(wanted)
            kept = wanted is not None
            if kept and (is_due or self._news is not None):
                kept = leases.renew(
                    self._engine, self._lease, self._lease_s, self._news
                )
                self._renewed, self._news = began, None
        except StoreFailure as failure:  # perhaps it answers before the lease is over
            self._log.warning("job", job=self._lease.job, problem=str(failure))
            return
        self.is_lost = not kept
        if kept:
            trainer.live_until(self.until)

    def _gather(self, trainer: Trainer) -> None:
        """Put what is new behind what could not be written down yet."""
        more = trainer.news()
        if more is not None and self._news is not None:
            more = replace(more, lines=self._news.lines + more.lines)
        self._news = more or self._news
