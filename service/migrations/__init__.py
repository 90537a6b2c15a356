"""From the schema of an older release to the one of this program, by alembic.

A change of `tables` needs a new file in `versions/`, named and numbered after the last,
and its number in `tables.SCHEMA`. What has been released is never changed again.

Servers of the last release may still have the database open, and look at its schema when
they start, not later. Where they would misread what a new one writes, the migration takes
away what they would read, so that they fail instead (`r0003_value`).

On SQLite what cannot be added in place needs `op.batch_alter_table`, which copies the
table. It finds out by itself that a table has no rowid, but not that ids of `series`
never come back: `table_kwargs={"sqlite_autoincrement": True}`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection, revision: str) -> None:
    """Bring the tables to a revision, in the transaction of the connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    command.upgrade(config, revision)
