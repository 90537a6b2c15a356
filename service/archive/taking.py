"""From an archive of series into a store that serves: a few series at a time.

Each transaction is short, so that no writer waits long, and takes series in whole. How far
an import has come is kept with them: given again after it was cut off, it goes on.
"""

import hashlib
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select

from forecaster.errors import DataError
from service import queries
from service.archive.contents import SERIES
from service.archive.reading import Archive, Tell
from service.database import Undone, insert_all, reading, writing_long, written
from service.tables import chores, series

STEPS_AT_ONCE = 20_000  # unless a single series has more
SERIES_AT_ONCE = 500
PAUSE_S = 0.1  # and as long as a piece took: within that all who wait look again

Came = dict[str, Any]  # a row of the table `series`, as it stands in the archive


@dataclass(frozen=True, slots=True)
class Piece:
    """Some series of an archive, and all that belongs to them."""

    series: Sequence[Came]
    rows: dict[Table, list[tuple[Any, ...]]]
    share: float  # of all series, with these


def take_in(engine: Engine, archive: Archive, replace: bool, tell: Tell) -> None:
    """Add the series of an archive to a store, also of a service that runs.

    Args:
        engine: the database.
        archive: of series.
        replace: drop what is carried of them; else their being there is an error, but
            where an import of this archive that was cut off has taken them in.
        tell: is told how far it has come.

    Raises:
        DataError: it is no archive of series, or damaged, or a series is there already.
        StoreFailure: all of a series was taken in or nothing; to be given again.
    """
    archive.expect(SERIES, "forecaster restore")
    archive.verify(lambda share, what: tell(share / 2, what))
    came = _came(archive)
    absent = came if replace else _absent(engine, archive, came)
    wanted = {row["pk"] for row in absent}
    mark = None if replace else _mark(archive)
    for piece in _pieces(archive, came):
        began = time.monotonic()
        take = partial(_take, piece=piece, wanted=wanted, mark=mark)
        written(engine, take, writing_long)
        tell((1 + piece.share) / 2, "series")
        if piece.share < 1:
            time.sleep(PAUSE_S + time.monotonic() - began)


def _came(archive: Archive) -> list[Came]:
    names = [column.name for column in series.columns]
    rows = chain.from_iterable(archive.batches(series))
    came = (dict(zip(names, row, strict=True)) for row in rows)
    return sorted(came, key=lambda row: int(row["pk"]))


def _mark(archive: Archive) -> str:
    """Return under which name it is kept how far an import of this archive has come."""
    about = archive.contents.to_json().encode()
    return f"import {hashlib.sha256(about).hexdigest()}"


def _absent(engine: Engine, archive: Archive, came: Sequence[Came]) -> list[Came]:
    """Return the series that are to be taken in.

    Raises:
        DataError: one is there, and did not come with this archive.
    """
    there: set[tuple[str, str]] = set()
    place = select(series.c.name, series.c.unique_id)
    with reading(engine) as connection:
        done = connection.execute(
            select(chores.c.due).where(chores.c.name == _mark(archive))
        ).scalar()
        for ids in queries.portions([row["unique_id"] for row in came]):
            found = connection.execute(place.where(series.c.unique_id.in_(ids)))
            there |= {(row.name, row.unique_id) for row in found}
    absent = [row for row in came if (row["name"], row["unique_id"]) not in there]
    if len(absent) < len(came):
        wanted = {row["pk"] for row in absent}
        for row in came:
            if row["pk"] not in wanted and (done is None or row["pk"] > done):
                raise _carried(row)
    return absent


def _carried(row: Came) -> DataError:
    return DataError(
        f"expected series that are not carried yet, got {row['unique_id']!r} of model "
        f"{row['name']!r}, which is; say --replace to forget what is carried of it"
    )


def _pieces(archive: Archive, came: Sequence[Came]) -> Iterator[Piece]:
    tables = [_Rows(archive, table) for table in archive.tables if table is not series]
    begin = 0
    while begin < len(came):
        end = _end(came, begin)
        some, begin = came[begin:end], end
        pks = {row["pk"] for row in some}
        rows = {one.table: one.take(pks, some[-1]["pk"]) for one in tables}
        yield Piece(some, rows, end / len(came))


def _end(came: Sequence[Came], begin: int) -> int:
    """Return where a piece ends: at least one series, and not too many steps."""
    room = STEPS_AT_ONCE
    most = min(len(came), begin + SERIES_AT_ONCE)
    for end in range(begin, most):
        room -= came[end]["end_step"] - came[end]["first_step"] - came[end]["pruned"]
        if room < 0 and end > begin:
            return end
    return most


class _Rows:
    """The rows of a table, which stand in order of their series."""

    def __init__(self, archive: Archive, table: Table) -> None:
        self.table = table
        self._archive = archive
        self._rows = chain.from_iterable(archive.batches(table))
        self._ahead = next(self._rows, None)

    def take(self, pks: Collection[int], last: int) -> list[tuple[Any, ...]]:
        """Return the rows of the next series, up to that of the number ``last``."""
        taken = []
        while self._ahead is not None and self._ahead[0] <= last:
            if self._ahead[0] not in pks:
                raise self._archive.damaged(self.table)
            taken.append(self._ahead)
            self._ahead = next(self._rows, None)
        return taken


def _take(
    connection: Connection, piece: Piece, wanted: Collection[int], mark: str | None
) -> None:
    """Take in what is wanted of a piece, and note that; without a mark in place of others.

    An import that replaces keeps no mark, for given again it replaces again.
    """
    new = [row for row in piece.series if row["pk"] in wanted]
    pks = _begin(connection, new, replace=mark is None)
    for table, rows in piece.rows.items():  # the series stands first in each
        here = [(pks[row[0]], *row[1:]) for row in rows if row[0] in pks]
        if here:
            insert_all(connection, table, here)
    if mark is not None and piece.share < 1:
        keep = queries.upserts(connection.dialect.name).keep_chore
        connection.execute(keep, {"name": mark, "due": piece.series[-1]["pk"]})
    elif mark is not None:
        connection.execute(delete(chores).where(chores.c.name == mark))


def _begin(
    connection: Connection, came: Sequence[Came], replace: bool
) -> dict[int, int]:
    """Begin series of an archive; their numbers there and here.

    Those that are there first, then the new ones, each in order of their ids: as whoever
    commits takes them, so that nobody waits in a ring.
    """
    in_order = sorted(came, key=lambda row: str(row["unique_id"]))
    for row in in_order if replace else ():
        of = {"of": row["name"], "id": row["unique_id"]}
        connection.execute(queries.DROP_SERIES, of)
    add = queries.upserts(connection.dialect.name).add_series
    pks: dict[int, int] = {}
    for row in in_order:
        about = {name: value for name, value in row.items() if name != "pk"}
        added = connection.execute(add, [about]).first()
        if added is None and replace:
            begun = row["unique_id"]
            raise Undone(f"series {begun!r} was begun a moment ago; try again")
        if added is None:
            raise _carried(row)
        pks[row["pk"]] = added.pk
    return pks
