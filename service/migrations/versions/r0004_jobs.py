"""Jobs: what is asked for, whose it is just now, and what came of it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"

Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """There is none yet."""
    op.create_table(
        "jobs",
        sa.Column("id", Word, primary_key=True),
        sa.Column("kind", Word, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("origin", Word, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("started_at", sa.Float(53)),
        sa.Column("finished_at", sa.Float(53)),
        sa.Column(
            "cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()
        ),
        sa.Column("worker", Word),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("cut_off", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.Float(53)),
        sa.Column("verdict", sa.JSON),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("jobs_by_state", "jobs", ["state", "id"])
    owner = sa.ForeignKey("jobs.id", ondelete="CASCADE")
    op.create_table(
        "job_lines",
        sa.Column("job", Word, owner, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
