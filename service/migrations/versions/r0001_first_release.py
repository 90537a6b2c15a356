"""The tables of the first release."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Counter = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make them all."""
    op.create_table("schema_version", sa.Column("version", sa.Integer, nullable=False))
    op.bulk_insert(
        sa.table("schema_version", sa.column("version", sa.Integer)), [{"version": 1}]
    )
    op.create_table(
        "series",
        sa.Column("pk", Counter, primary_key=True),
        sa.Column("name", Word, nullable=False),
        sa.Column("unique_id", Word, nullable=False),
        sa.Column("frequency", Word, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("first_step", sa.BigInteger, nullable=False),
        sa.Column("end_step", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name", "unique_id"),
        sqlite_autoincrement=True,
    )
    _of_series(
        "observations",
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("y", sa.Float(53), nullable=False),
    )
    _of_series(
        "covariates",
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("known", sa.JSON, nullable=False),
    )
    _of_series(
        "appends",
        sa.Column("key", Word, primary_key=True),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_index("appends_by_step", "appends", ["series_pk", "step"])
    _of_series(
        "states",
        sa.Column("version", Word, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("end_step", sa.BigInteger, nullable=False),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("crc32", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", Word, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )


def _of_series(table: str, *columns: sa.Column[Any]) -> None:
    """Make a table whose rows go with their series."""
    owner = sa.ForeignKey("series.pk", ondelete="CASCADE")
    pk = sa.Column("series_pk", Counter, owner, primary_key=True)
    op.create_table(table, pk, *columns, sqlite_with_rowid=False)
