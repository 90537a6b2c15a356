"""How many of its oldest steps a series has forgotten; when a chore is due again."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Nothing is forgotten yet, and nothing due."""
    # No batch: what SQLite can add in place costs nothing, however many series.
    op.add_column(
        "series",
        sa.Column("pruned", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "chores",
        sa.Column("name", Word, primary_key=True),
        sa.Column("due", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    # Programs of the first release look here, and refuse.
    op.execute("UPDATE schema_version SET version = 2")
