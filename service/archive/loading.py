"""From a backup into an empty store: all of it in one transaction, or nothing."""

from sqlalchemy import Connection, Engine, func, select

from forecaster.errors import ConfigError, DataError
from service.archive.contents import BACKUP
from service.archive.reading import Archive, Tell
from service.database import filling, insert_all
from service.tables import api_keys, schedules, series


def restore(engine: Engine, archive: Archive, tell: Tell) -> None:
    """Fill an empty store with a backup.

    Raises:
        DataError: it is no backup, or damaged.
        ConfigError: the store is not empty.
        StoreFailure: nothing was restored.
    """
    archive.expect(BACKUP, "forecaster import")
    archive.verify(lambda share, what: tell(share / 2, what))
    with filling(engine) as connection:
        for table in (series, api_keys, schedules):
            rows = connection.execute(select(func.count()).select_from(table)).scalar()
            if rows:
                raise ConfigError(
                    f"expected an empty database, got one with {rows} rows in "
                    f"{table.name}; give another one with --database"
                )
        _load(connection, archive, lambda share, what: tell((1 + share) / 2, what))


def _load(connection: Connection, archive: Archive, tell: Tell) -> None:
    done = 0
    for table in archive.tables:
        count = 0
        for rows in archive.batches(table):
            insert_all(connection, table, rows)
            count, done = count + len(rows), done + len(rows)
            tell(done / max(1, archive.rows), table.name)
        if count != archive.contents.tables[table.name].rows:
            raise DataError(
                f"{archive.file}: expected {archive.contents.tables[table.name].rows} "
                f"rows in {table.name}, got {count}; nothing was changed"
            )
