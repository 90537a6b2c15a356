"""The two kinds of database, and what differs from one to the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.engine import URL

from service import postgresql, sqlite


class Kind(Protocol):
    """What differs from one database to the other."""

    READS: dict[str, Any]  # options of a connection that reads
    WRITES: dict[str, Any]  # and of one that writes
    MIGRATES: dict[str, Any]  # and of one that changes the tables

    def may_be_there(self, url: URL) -> bool:
        """Whether there may be a database, as far as that is known unasked."""

    def to_read(self, url: URL) -> URL:
        """Return the URL by which it can be read where it cannot be written."""

    def is_part(self, url: URL, file: Path) -> bool:
        """Whether the database keeps its own data in a file."""

    def create(self, url: URL, connections: int) -> Engine:
        """Return an engine with so many connections, one for each thread."""

    def make_ready(self, engine: Engine) -> None:
        """Do what has to be done once, or refuse what can never be used."""

    def hold_schema(self, connection: Connection) -> None:
        """Keep others from changing the tables until the commit."""

    def be_patient(self, connection: Connection) -> None:
        """Let this transaction take as long as it takes."""

    def hold_series(self, connection: Connection) -> None:
        """Keep others from writing series until the commit."""

    def go_on_counting(self, connection: Connection) -> None:
        """Let the next series get a number behind those that were inserted."""

    def now(self, connection: Connection) -> float:
        """Return seconds since 1970, by the clock of all who work on it."""

    def hold_jobs(self, connection: Connection) -> None:
        """Keep others from taking up jobs until the commit."""

    def insert_all(
        self, connection: Connection, table: Table, rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert many rows the quickest way; columns in order, JSON as text."""

    def vacuum(self, engine: Engine) -> None:
        """Give free pages back, and count what planners of queries want to know."""

    def size_of(self, engine: Engine) -> int:
        """Return the bytes that the database takes."""

    def reason(self, error: BaseException) -> str:
        """Return what went wrong, as a caller may read it."""

    def unusable(self, error: BaseException | None, url: URL) -> str | None:
        """Return what is wrong with the setting when no waiting mends a failure."""


KINDS: dict[str, Kind] = {"sqlite": sqlite, "postgresql": postgresql}


def kind_of(engine: Engine) -> Kind:
    """Return which kind an open database is."""
    return KINDS[engine.dialect.name]
