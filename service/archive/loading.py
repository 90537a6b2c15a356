"""From an archive into a store: all of it in one transaction, or nothing."""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, func, select

from forecaster.errors import ConfigError, DataError
from service import queries
from service.archive.contents import BACKUP, SERIES
from service.archive.reading import Archive, Tell
from service.database import Undone, filling, insert_all, writing_long, written
from service.tables import api_keys, series


def restore(engine: Engine, archive: Archive, tell: Tell) -> None:
    """Fill an empty store with a backup.

    Raises:
        DataError: it is no backup, or damaged.
        ConfigError: the store is not empty.
        StoreFailure: nothing was restored.
    """
    _expect(archive, BACKUP, "forecaster import")
    archive.verify(lambda share, what: tell(share / 2, what))
    with filling(engine) as connection:
        for table in (series, api_keys):
            rows = connection.execute(select(func.count()).select_from(table)).scalar()
            if rows:
                raise ConfigError(
                    f"expected an empty database, got one with {rows} rows in "
                    f"{table.name}; give another one with --database"
                )
        _load(
            connection, archive, None, lambda share, what: tell((1 + share) / 2, what)
        )


def take_in(engine: Engine, archive: Archive, replace: bool, tell: Tell) -> None:
    """Add the series of an archive to a store, also of a service that runs.

    Args:
        engine: the database.
        archive: of series.
        replace: drop what is carried of them; else their being there is an error.
        tell: is told how far it has come.

    Raises:
        DataError: it is no archive of series, or damaged, or a series is there already.
        StoreFailure: nothing was taken in.
    """
    _expect(archive, SERIES, "forecaster restore")
    archive.verify(lambda share, what: tell(share / 2, what))

    def work(connection: Connection) -> None:
        pks = _begin(connection, archive, replace)
        _load(connection, archive, pks, lambda share, what: tell((1 + share) / 2, what))

    written(engine, work, writing_long)


def _begin(connection: Connection, archive: Archive, replace: bool) -> dict[int, int]:
    """Begin the series of an archive; their numbers there and here.

    Those that are there first, then the new ones, each in order of their ids: as whoever
    commits takes them, so that nobody waits in a ring.
    """
    names = [column.name for column in series.columns]
    came = {
        (row["name"], row["unique_id"]): row
        for rows in archive.batches(series)
        for row in (dict(zip(names, values, strict=True)) for values in rows)
    }
    places = sorted(came, key=lambda place: place[1])
    add = queries.upserts(connection.dialect.name).add_series
    if replace:
        for name, unique_id in places:
            connection.execute(queries.DROP_SERIES, {"of": name, "id": unique_id})
    pks: dict[int, int] = {}
    for place in places:
        row = came[place]
        pk = row.pop("pk")
        added = connection.execute(add, [row]).first()
        if added is None and replace:
            raise Undone(f"series {place[1]!r} was begun a moment ago; try again")
        if added is None:
            raise DataError(
                f"expected series that are not carried yet, got {place[1]!r} of model "
                f"{place[0]!r}, which is; say --replace to forget what is carried of it"
            )
        pks[pk] = added.pk
    return pks


def _expect(archive: Archive, kind: str, other: str) -> None:
    if archive.contents.kind != kind:
        raise DataError(
            f"{archive.file}: expected an archive of kind {kind!r}, got "
            f"{archive.contents.kind!r}; use '{other}'"
        )


def _load(
    connection: Connection,
    archive: Archive,
    pks: Mapping[int, int] | None,
    tell: Tell,
) -> None:
    """Insert the rows; ``pks`` None keeps those of the archive."""
    done = 0
    for table in archive.tables:
        if table is series and pks is not None:
            continue  # they are there
        count = 0
        for rows in archive.batches(table):
            if pks is not None:  # stands first in all tables of series
                rows = [(pks[row[0]], *row[1:]) for row in rows]
            insert_all(connection, table, rows)
            count, done = count + len(rows), done + len(rows)
            tell(done / max(1, archive.rows), table.name)
        if count != archive.contents.tables[table.name].rows:
            raise DataError(
                f"{archive.file}: expected {archive.contents.tables[table.name].rows} "
                f"rows in {table.name}, got {count}; nothing was changed"
            )
