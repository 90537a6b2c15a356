"""The store of the service, for the verbs that work on it: a door to `service`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forecaster.cli.common import database_option
from forecaster.errors import ForecasterError
from forecaster.settings import Server
from service import exposure
from service import keys as api_keys
from service.database import open_database
from service.errors import StoreFailure
from service.history import panel_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from forecaster.exog import Columns
    from forecaster.panel import Panel

__all__ = [
    "api_keys",
    "check_exposure",
    "database_option",
    "log_of",
    "opened",
]


@contextmanager
def opened(
    database: str, anew: bool = True, reads_only: bool = False
) -> Iterator[Engine]:
    """Give the store at a URL, with its tables in place, and close it again.

    Args:
        database: its URL.
        anew: whether it may be made where there is none.
        reads_only: whether it need not be one that can be written.

    Raises:
        ConfigError: it cannot be used.
        ForecasterError: it does not answer now.
    """
    with _told():
        engine = open_database(database, 1, anew, reads_only)
        try:
            yield engine
        finally:
            engine.dispose()


def log_of(database: str, name: str, columns: Columns) -> Panel:
    """Return what the service has observed of the series of a model.

    Raises:
        ConfigError: the database cannot be used, or there is none.
        DataError: nothing was observed.
        ForecasterError: the store does not answer now.
    """
    with opened(database, anew=False, reads_only=True) as engine, _told():
        return panel_of(engine, name, columns)


def check_exposure(server: Server) -> None:
    """Refuse to serve other machines unless there is a key to ask them for.

    Raises:
        ConfigError: there is none, or the store cannot be used.
        ForecasterError: the store does not answer now.
    """
    with _told():
        exposure.check_exposure(server)


@contextmanager
def _told() -> Iterator[None]:
    """Turn a failure of the store into an error that a user reads."""
    try:
        yield
    except StoreFailure as failure:
        raise ForecasterError(str(failure)) from failure
