"""A worker as a process: from its settings to its end by a signal."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine

from forecaster.settings import Settings
from service.database import open_database
from service.errors import StoreFailure
from service.jobs.ticking import Stop, Tick, Ticker, forgetting, obeying
from service.jobs.worker import RETRY_S, Worker
from service.telemetry import new_log

CONNECTIONS = 4  # of the worker, of who keeps its job, of ticks
LAST_TICK_S = 2.0

MakeTick = Callable[[Engine, Settings, Any], Tick]


def run(
    settings: Settings, more: Sequence[MakeTick] = (), parent: int | None = None
) -> None:
    """Do jobs until SIGTERM or SIGINT.

    Args:
        settings: where, and how much a job may take.
        more: make what is called every second beside, of database, settings and log.
        parent: the process with which this one ends; None means none.

    Raises:
        ConfigError: the database cannot be used.
    """
    log, stop = new_log(), obeying(Stop(parent))
    engine = _opened(settings, stop, log)
    if engine is None:
        return
    ticks = [make(engine, settings, log) for make in more]
    ticks.append(forgetting(engine, settings.jobs.keep_jobs))
    ticker = Ticker(ticks, stop, log)
    ticker.start()
    try:
        Worker(engine, settings, stop, log).run()
    finally:
        stop.ask()
        ticker.join(LAST_TICK_S)
        engine.dispose()


def _opened(settings: Settings, stop: Stop, log: Any) -> Engine | None:
    """Return the database, once it answers; None when it is time to end."""
    while not stop.asked:
        try:
            return open_database(settings.server.database, CONNECTIONS)
        except StoreFailure as failure:
            log.warning("worker", problem=str(failure))
        time.sleep(RETRY_S)
    return None
