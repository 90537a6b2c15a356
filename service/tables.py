"""The tables: the observation log is the truth, the states are a cache of it.

A *step* counts along the grid of a series; step 0 is the first timestamp it was given.
The log covers every step from ``first_step`` up to, not including, ``end_step``; a step
in between without a row in ``observations`` is a missing value; of the oldest ``pruned``
steps nothing is left but the state they led to. API keys and jobs stand beside.

A database that stands is brought to these tables by `migrations`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

SCHEMA = "0007"  # the last of `migrations`; later ones sort behind
SCHEMA_OF_FIRST_RELEASE = "0001"

# What is the same on SQLite and PostgreSQL: texts in order of their code points, whatever
# the language of the server, and numbers that do not end with 32 bits.
Word = Text().with_variant(Text(collation="C"), "postgresql")
Counter = BigInteger().with_variant(
    Integer, "sqlite"
)  # there a primary key counts alone

metadata = MetaData()

schema_version = Table(  # what programs of the first release look at, see `schema`
    "schema_version", metadata, Column("version", Integer, nullable=False)
)

alembic_version = Table(  # as alembic makes it
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

series = Table(
    "series",
    metadata,
    Column("pk", Counter, primary_key=True),
    Column("name", Word, nullable=False),  # of the model it belongs to
    Column("unique_id", Word, nullable=False),
    Column("frequency", Word, nullable=False),
    Column("start", BigInteger, nullable=False),  # of step 0: microseconds, or a step
    Column("first_step", BigInteger, nullable=False),
    Column("end_step", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),  # how often history was rewritten
    Column("pruned", BigInteger, nullable=False, server_default="0"),  # see above
    UniqueConstraint("name", "unique_id"),
    sqlite_autoincrement=True,  # a pk never comes back: a stale write cannot hit it
)

observations = Table(
    "observations",
    metadata,
    Column("series_pk", ForeignKey("series.pk", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

covariates = Table(  # what is known of a step beside its value, whether that is or not
    "covariates",
    metadata,
    Column("series_pk", ForeignKey("series.pk", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("known", JSON, nullable=False),  # {name: number or text}
    sqlite_with_rowid=False,
)

appends = Table(  # where the values of requests without times went, by their key
    "appends",
    metadata,
    Column("series_pk", ForeignKey("series.pk", ondelete="CASCADE"), primary_key=True),
    Column("key", Word, primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Index("appends_by_step", "series_pk", "step"),  # finds the oldest
    sqlite_with_rowid=False,
)

states = Table(
    "states",
    metadata,
    Column("series_pk", ForeignKey("series.pk", ondelete="CASCADE"), primary_key=True),
    Column("version", Word, primary_key=True),  # of the model that made the state
    Column("revision", BigInteger, nullable=False),
    Column("end_step", BigInteger, nullable=False),  # the state has seen steps below
    Column("format", Integer, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),  # float32, little-endian
    sqlite_with_rowid=False,
)

milestones = Table(  # states to go back to when what came after them is corrected
    "milestones",
    metadata,
    Column("series_pk", ForeignKey("series.pk", ondelete="CASCADE"), primary_key=True),
    Column("version", Word, primary_key=True),
    Column("end_step", BigInteger, primary_key=True),  # the state has seen steps below
    Column("until", BigInteger, nullable=False),  # of no more use from there on
    Column("revision", BigInteger, nullable=False),  # the series has, or it is not one
    Column("format", Integer, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

api_keys = Table(  # what is kept of a key opens nothing
    "api_keys",
    metadata,
    Column("id", Word, primary_key=True),  # a part of the key that is no secret
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # separated by spaces
    Column("sha256", Text, nullable=False),  # of the whole key
    Column("created_at", BigInteger, nullable=False),  # seconds since 1970
    Column("revoked_at", BigInteger),  # null while it works
    sqlite_with_rowid=False,
)

chores = Table(  # what is done now and then, by whichever process comes first
    "chores",
    metadata,
    Column("name", Word, primary_key=True),
    Column("due", BigInteger, nullable=False),  # seconds since 1970
    sqlite_with_rowid=False,
)

Maybe = JSON(none_as_null=True)

jobs = Table(  # the queue: times are seconds since 1970, by the clock of the database
    "jobs",
    metadata,
    Column("id", Word, primary_key=True),  # sorts by creation
    Column("kind", Word, nullable=False),
    Column("name", Word, nullable=False),  # of the model it works on
    Column("spec", JSON, nullable=False),  # what was asked for beside
    Column("origin", Word, nullable=False),  # http, cli, schedule:NAME
    Column("state", Word, nullable=False),  # see `service.jobs.records`
    Column("progress", Float(53), nullable=False),  # 0 to 1
    Column("message", Text, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("finished_at", Float(53)),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("worker", Word),  # the last that took it
    Column("attempt", BigInteger, nullable=False),  # how often it was taken
    Column("cut_off", BigInteger, nullable=False),  # how often its end never came
    Column("lease_until", Float(53)),  # a running job is whose worker's until then
    Column("verdict", Maybe),  # what came of it, before anything is done about it
    Column("result", Maybe),
    Column("error", Text),
    Index("jobs_by_state", "state", "id"),
    sqlite_with_rowid=False,
)

job_lines = Table(  # what a job says while it runs; the newest of them
    "job_lines",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)

schedules = Table(  # which jobs are made again and again; times are seconds since 1970
    "schedules",
    metadata,
    Column("name", Word, primary_key=True),
    Column("kind", Word, nullable=False),  # of the job
    Column("model", Word, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("cron", Word),
    Column("timezone", Word, nullable=False),
    Column("every_points", BigInteger),
    Column("on_drift", Boolean, nullable=False),
    Column("jitter_s", BigInteger, nullable=False),
    Column("due", BigInteger),  # by the clock, without jitter
    Column("since", BigInteger, nullable=False),  # when it last made a job, or was made
    Column("points", BigInteger),  # of the model, then
    Column("job", Word),  # the last; it may be forgotten by now
    Column("reason", Text),  # of that one
    Column("mark", Word, nullable=False),  # another one after each change
    sqlite_with_rowid=False,
)

live_scores = Table(  # how well a version forecast what came since its training
    "live_scores",
    metadata,
    Column("name", Word, primary_key=True),  # of the model
    Column("version", Word, primary_key=True),
    Column("day", Word, primary_key=True),  # that the forecasts begin with
    Column("count", BigInteger, nullable=False),  # forecasts
    Column("scores", JSON, nullable=False),  # {measure: number or null}
    Column("noticed_at", BigInteger),  # when errors up to that day were found to drift
    sqlite_with_rowid=False,
)
