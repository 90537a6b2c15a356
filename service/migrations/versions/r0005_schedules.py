"""Schedules: which jobs are made again and again, and how far each has come."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"

Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """There is none yet."""
    op.create_table(
        "schedules",
        sa.Column("name", Word, primary_key=True),
        sa.Column("kind", Word, nullable=False),
        sa.Column("model", Word, nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("cron", Word),
        sa.Column("timezone", Word, nullable=False),
        sa.Column("every_points", sa.BigInteger),
        sa.Column("on_drift", sa.Boolean, nullable=False),
        sa.Column("jitter_s", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("points", sa.BigInteger),
        sa.Column("job", Word),
        sa.Column("reason", sa.Text),
        sa.Column("mark", Word, nullable=False),
        sqlite_with_rowid=False,
    )
