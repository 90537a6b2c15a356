"""Values of the log under another name, by which older programs cannot find them.

Since 0002 a log may be shortened. A server of the first release that has the database open
still would take what is left for the whole: it would make states of it, and take points
that were forgotten as new. Without its column it can neither read nor write the log, says
503, and goes on forecasting from states, which are right.
"""

from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Rename the column; both kinds of database do so in place."""
    op.execute("ALTER TABLE observations RENAME COLUMN y TO value")
