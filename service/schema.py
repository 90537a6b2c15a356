"""Which schema a database has, and how it comes to be the one of this program."""

from sqlalchemy import Connection, insert, inspect, select

from forecaster.errors import ConfigError
from service.errors import StoreFailure
from service.tables import (
    SCHEMA,
    SCHEMA_OF_FIRST_RELEASE,
    alembic_version,
    metadata,
    schema_version,
)

MARK = 2  # in schema_version: programs of the first release, which knew 1, refuse it


VERSION = select(alembic_version.c.version_num)


def is_current(connection: Connection) -> bool:
    """Whether the tables are those of this program.

    Raises:
        ConfigError: they are those of a newer one, or of none.
    """
    found = revision(connection)
    if found is not None and not SCHEMA_OF_FIRST_RELEASE <= found <= SCHEMA:
        raise ConfigError(
            f"the database has schema {found}, this program knows {SCHEMA} and older, "
            f"from {SCHEMA_OF_FIRST_RELEASE} on; use the program that wrote it or a newer "
            "one, or another database"
        )
    return found == SCHEMA


def check_unchanged(connection: Connection) -> None:
    """Refuse to keep what was written, where the tables are another release's by now.

    Raises:
        StoreFailure: they are; a server that runs on beside newer ones is told so.
    """
    found = connection.execute(VERSION).scalar()
    if found != SCHEMA:
        raise StoreFailure(
            f"another release has brought the database to schema {found} while this "
            f"one runs, which knows {SCHEMA}: nothing is written any more; stop it, and "
            "start the newer release"
        )


def revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None when there are none."""
    found = inspect(connection)
    if found.has_table(alembic_version.name):
        return connection.execute(VERSION).scalar()
    if found.has_table(schema_version.name):
        return SCHEMA_OF_FIRST_RELEASE
    return None


def make_current(connection: Connection) -> None:
    """Make the tables, or bring older ones up; all of it or, on failure, nothing.

    The schema must be held, and on SQLite references be left unchecked: see `database`.
    """
    found = revision(connection)
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version=MARK))
        connection.execute(insert(alembic_version).values(version_num=SCHEMA))
        return
    if not inspect(connection).has_table(alembic_version.name):
        alembic_version.create(connection)
        connection.execute(insert(alembic_version).values(version_num=found))
    # Slow to import, and of no use to a worker once the tables are as they should be.
    from service import migrations

    migrations.upgrade(connection, SCHEMA)
