"""PostgreSQL: how connections are made, how durable, what its failures mean.

Here many write at once, where a writer on SQLite is alone. What keeps their commits apart
are the locks of the rows they are about, see ``store``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from forecaster.errors import ConfigError
from service.tables import metadata

SCHEMES = ("postgresql+psycopg", "postgresql", "postgres")
READS: dict[str, Any] = {  # all queries of a request see one snapshot
    "isolation_level": "REPEATABLE READ",
    "postgresql_readonly": True,
}
# Each statement sees what others have committed, so that a row whose lock was awaited
# is read as it is then.
WRITES: dict[str, Any] = {"isolation_level": "READ COMMITTED"}
MIGRATES = WRITES

# A server, or the way to it, that goes away is noticed within some 15 seconds; the URL
# may say otherwise. Local sockets do without the last four.
CONNECTING = {
    "connect_timeout": "5",
    "fallback_application_name": "forecaster",
    "client_encoding": "utf8",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",
}
# 200 means durable, whatever the server's default is; remote_apply promises still more.
# Limits that the server, the user or the URL has set stay as they are.
SESSION = """
SELECT set_config('synchronous_commit', 'on', false)
 WHERE current_setting('synchronous_commit') <> 'remote_apply'
UNION ALL
SELECT set_config(name, value, false)
  FROM (VALUES ('statement_timeout', '30s'),
               ('lock_timeout', '10s'),
               ('idle_in_transaction_session_timeout', '30s')) AS limits (name, value)
 WHERE current_setting(name) = '0'
"""
# Never back: what was dropped must not come again under its number.
GO_ON_COUNTING = """
SELECT setval(counter, greatest(nextval(counter), (SELECT max(pk) FROM series)))
  FROM pg_get_serial_sequence('series', 'pk') AS counter
"""
# Any numbers, as long as nobody else takes them.
SCHEMA_LOCK = 0x666F7265
JOBS_LOCK = 0x6A6F6273

# What waiting does not mend. A refusal to connect comes without a code, so it is known
# by its words, where the server speaks English.
NOT_ALLOWED, NO_SCHEMA = "42501", "3F000"
REFUSALS = ("authentication failed", "does not exist", "no pg_hba.conf entry")


def may_be_there(url: URL) -> bool:
    """Whether there is one, which the server alone knows."""
    return True


def to_read(url: URL) -> URL:
    """Return the URL by which it can be read: the same, the server knows who may what."""
    return url


def is_part(url: URL, file: Path) -> bool:
    """Whether it keeps its own data in a file, which is the server's business."""
    return False


def create(url: URL, connections: int) -> Engine:
    """Return an engine that connects when it is used; may be made before a fork."""
    engine = create_engine(
        url,
        isolation_level=WRITES["isolation_level"],
        pool_size=connections,
        max_overflow=-1,
        pool_pre_ping=True,  # a server that was restarted costs no request
        connect_args={k: v for k, v in CONNECTING.items() if k not in url.query},
    )
    event.listen(engine, "connect", _configure)
    return engine


def make_ready(engine: Engine) -> None:
    """Refuse a database that cannot hold every id."""
    with engine.connect() as connection:
        encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise ConfigError(
            f"database: expected one with encoding UTF8, got {encoding}; make one with "
            "createdb --encoding UTF8 --template template0 NAME"
        )


def hold_schema(connection: Connection) -> None:
    """Keep others from changing the tables until the commit."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})


def be_patient(connection: Connection) -> None:
    """Let this transaction take as long as it takes."""
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(text(f"SET LOCAL {limit} = 0"))


def hold_series(connection: Connection) -> None:
    """Keep others from writing series until the commit."""
    connection.execute(text("LOCK TABLE series IN SHARE ROW EXCLUSIVE MODE"))


def go_on_counting(connection: Connection) -> None:
    """Let the next series get a number behind those that were inserted."""
    connection.execute(text(GO_ON_COUNTING))


def now(connection: Connection) -> float:
    """Return seconds since 1970, by the server's clock."""
    now = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
    return float(connection.execute(now).scalar_one())


def hold_jobs(connection: Connection) -> None:
    """Keep others from taking up jobs until the commit; who has one is not kept up."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": JOBS_LOCK})


def insert_all(
    connection: Connection, table: Table, rows: Sequence[Sequence[Any]]
) -> None:
    """Insert many rows as COPY does; columns in order, JSON as text."""
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def vacuum(engine: Engine) -> None:
    """Let the room of what is gone be used again; nobody waits."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("SET statement_timeout = 0"))
        for table in metadata.sorted_tables:
            connection.execute(text(f"VACUUM (ANALYZE) {table.name}"))
    engine.dispose()  # no other connection is to wait for ever


def size_of(engine: Engine) -> int:
    """Return the bytes of all tables with their indexes."""
    size = text(
        "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(CAST(:names AS text[]))"
        " AS names (name)"
    )
    names = [table.name for table in metadata.sorted_tables]
    with engine.connect() as connection:
        return int(connection.execute(size, {"names": names}).scalar_one())


def reason(error: BaseException) -> str:
    """Return what the server says of a failure, without details of rows or hosts."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    diagnosis = getattr(cause, "diag", None)
    return getattr(diagnosis, "message_primary", None) or "no connection to the server"


def unusable(error: BaseException | None, url: URL) -> str | None:
    """Return what is wrong with the setting when no waiting mends a failure."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = str(cause).strip().splitlines() or [""]
    code = getattr(cause, "sqlstate", None)
    refused = code is None and any(words in said[-1] for words in REFUSALS)
    if not refused and code not in (NOT_ALLOWED, NO_SCHEMA):
        return None
    shown = url.set(query={}).render_as_string()  # the password is hidden
    told = said[-1] if refused else said[0]
    return (
        f"expected one where this user may make tables, got {shown}: {told}; grant "
        "that, or give another one with --database"
    )


def _configure(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SESSION)
    connection.commit()  # what is set in a transaction goes with it
