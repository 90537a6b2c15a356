"""How well versions forecast what came since their training, day by day."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"

Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Nobody has looked yet."""
    op.create_table(
        "live_scores",
        sa.Column("name", Word, primary_key=True),
        sa.Column("version", Word, primary_key=True),
        sa.Column("day", Word, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("scores", sa.JSON, nullable=False),
        sa.Column("noticed_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
