"""What a worker does beside its job: every second whatever wants to know the time."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine

from service.chores import take_turn
from service.errors import StoreFailure
from service.jobs import store

Log = Any  # structlog's loggers gain their methods at run time
Tick = Callable[[float], None]  # seconds since 1970

TICK_S = 1.0
SLICE_S = 0.1
CHORE, CHORE_S = "forget jobs", 600


class Stop:
    """Whether a worker is to end.

    A plain value: a signal may come while a lock is held, and would wait for it for ever.
    """

    def __init__(self, parent: int | None = None) -> None:
        """Go on until asked to stop, or until the parent is another process than this."""
        self._asked = False
        self._parent = parent

    @property
    def asked(self) -> bool:
        """Whether it is time to end."""
        return self._asked or self._parent not in (None, os.getppid())

    def ask(self, *_: object) -> None:
        """Ask to end; may be called by a signal."""
        self._asked = True

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until it is time to end."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_S))


def obeying(stop: Stop) -> Stop:
    """Return what ends with SIGTERM or Ctrl-C from now on, in this process."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.ask)
    return stop


class Ticker:
    """Calls every tick once a second, in a thread of its own."""

    def __init__(self, ticks: Sequence[Tick], stop: Stop, log: Log) -> None:
        self._ticks, self._stop, self._log = ticks, stop, log
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait so long for a tick that has begun, once it is to end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.asked:
            for tick in self._ticks:
                try:
                    tick(time.time())
                except StoreFailure as failure:
                    self._log.warning("tick", problem=str(failure))
                except Exception as error:  # noqa: BLE001 - the others go on
                    self._log.exception("tick", exc_info=error)
            self._stop.wait(TICK_S)


def forgetting(engine: Engine, keep: int) -> Tick:
    """Return the tick that forgets the oldest jobs that have ended, but ``keep``."""

    def forget(now: float) -> None:
        if take_turn(engine, CHORE, int(now), CHORE_S):
            store.forget_old(engine, keep)

    return forget
