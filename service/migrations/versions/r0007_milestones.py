"""States to go back to, so that a correction is not a walk over all of history."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"

Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """There are none yet; each series leaves its own as it goes on."""
    op.create_table(
        "milestones",
        sa.Column(
            "series_pk",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey("series.pk", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("version", Word, primary_key=True),
        sa.Column("end_step", sa.BigInteger, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("crc32", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
