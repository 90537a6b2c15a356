"""Laws of the schema: made anew or brought up, it is the same, and nothing is lost."""

import multiprocessing
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from forecaster.errors import ConfigError
from service import database as databases
from service import keys, migrations, schema
from service.database import open_database, reading, writing
from service.errors import StoreFailure
from service.jobs import store as jobs
from service.kinds import KINDS
from service.store import Store
from service.tables import SCHEMA
from service.urls import checked
from tests.postgresql import Server
from tests.service.keeping import VALUES, Bench

RELEASED = Path(__file__).parent / "released"
STATE = np.array([1.5, -2.0], dtype=np.float32)


def released(url: str) -> str:
    """A database as the first release made it, with a series in it; its URL."""
    open_database(url).dispose()  # the folder of a file, and how it is written
    engine = plain(url)
    kind = engine.dialect.name
    tables = inspect(engine).get_table_names()
    with engine.begin() as connection:
        for table in sorted(tables, key=("series", "jobs").__contains__):
            connection.execute(text(f'DROP TABLE "{table}"'))
        script = (RELEASED / f"schema_1_{kind}.sql").read_text()
        for statement in script.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        for statement in (
            "INSERT INTO schema_version VALUES (1)",
            "INSERT INTO series (name, unique_id, frequency, start, first_step,"
            " end_step, revision) VALUES ('demo', 'gone', 'h', 0, 0, 1, 0),"
            " ('demo', 'a', 'h', 5, -1, 2, 3)",
            "DELETE FROM series WHERE unique_id = 'gone'",
            "INSERT INTO observations VALUES (2, -1, 0.1), (2, 1, 3.5)",
            "INSERT INTO covariates VALUES (2, 1, '{\"promo\": 1.0}')",
            "INSERT INTO appends VALUES (2, 'key', 1, 1)",
            "INSERT INTO api_keys VALUES ('id', 'till', 'read', 'hash', 1, NULL)",
        ):
            connection.exec_driver_sql(statement)
        connection.execute(
            text("INSERT INTO states VALUES (2, 'v1', 3, 2, :format, :crc32, :state)"),
            {
                "format": 1,
                "crc32": zlib.crc32(STATE.tobytes()),
                "state": STATE.tobytes(),
            },
        )
    engine.dispose()
    return url


def plain(url: str) -> Engine:
    """The database, and nothing done to it."""
    kind = KINDS[url.partition("+")[0].partition(":")[0]]
    return kind.create(checked(url), 1)


def described(url: str) -> dict[str, Any]:
    """All that the database says of its tables."""
    engine = plain(url)
    found: dict[str, Any] = {}
    about = inspect(engine)
    for table in about.get_table_names():
        found[table] = {
            "columns": [
                {key: str(value) for key, value in column.items()}
                for column in about.get_columns(table)
            ],
            "key": about.get_pk_constraint(table)["constrained_columns"],
            "references": about.get_foreign_keys(table),
            "unique": about.get_unique_constraints(table),
            "indexes": about.get_indexes(table),
        }
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            rows = connection.exec_driver_sql("PRAGMA table_list").all()
            found["rowid"] = sorted(
                (row[1], row[4]) for row in rows if row[0] == "main"
            )
            made = "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"
            found["counts"] = connection.exec_driver_sql(made).all()
        else:
            sorted_by = (
                "SELECT table_name, column_name, collation_name FROM"
                " information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
            )
            found["collations"] = connection.exec_driver_sql(sorted_by).all()
    engine.dispose()
    return found


def test_migrated_or_made_anew_the_tables_are_the_same(database: str) -> None:
    """Columns, types, orders, keys, references, indexes; also what only SQLite has."""
    open_database(database).dispose()
    anew = described(database)

    open_database(released(database)).dispose()

    assert described(database) == anew
    assert {"series", "jobs", "chores", "alembic_version"} <= anew.keys()


def test_the_migrations_alone_make_the_tables(database: str) -> None:
    """From nothing to the newest, as a fresh database has them."""
    open_database(database).dispose()
    anew = described(database)
    engine = plain(database)
    with engine.begin() as connection:
        for table in sorted(
            inspect(engine).get_table_names(), key=("series", "jobs").__contains__
        ):
            connection.execute(text(f'DROP TABLE "{table}"'))
    with engine.begin() as connection:
        migrations.upgrade(connection, SCHEMA)
    engine.dispose()

    assert described(database) == anew


def test_the_last_migration_leads_to_the_schema_of_this_program() -> None:
    """Whoever adds one has to say so in `tables`, and the other way round."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    heads = ScriptDirectory.from_config(config).get_heads()

    assert heads == [SCHEMA]


def test_a_database_of_the_first_release_is_adopted_without_loss(
    database: str,
) -> None:
    """Every row stays as it was, the state counts, and an id that is gone stays gone."""
    store = Store(open_database(released(database)))

    with store.snapshot() as log:
        carried = log.carried("demo", "v1", ["a"])["a"]
        values = log.values(carried.pk, -1, 2)
        exog = log.exog(carried.pk, -1, 2)
        append = log.appends("key", [carried.pk])[carried.pk]
    assert (carried.span.first, carried.span.end, carried.span.revision) == (-1, 2, 3)
    assert carried.kept is not None
    assert carried.kept.state.tobytes() == STATE.tobytes()
    np.testing.assert_array_equal(values, [0.1, np.nan, 3.5])
    assert exog == {1: {"promo": 1.0}}
    assert (append.step, append.count) == (1, 1)
    with writing(store._engine) as connection:
        keys = connection.execute(text("SELECT id, revoked_at FROM api_keys")).all()
        connection.execute(text("DELETE FROM series"))
        added = connection.execute(
            text(
                "INSERT INTO series (name, unique_id, frequency, start, first_step,"
                " end_step, revision) VALUES ('demo', 'b', 'h', 0, 0, 1, 0) RETURNING pk"
            )
        ).scalar()
    assert keys == [("id", None)]
    assert added == 3
    store.close()


def test_a_program_of_the_first_release_refuses_the_newer_schema(
    database: str,
) -> None:
    """It looks for a 1, and finds another number."""
    for url in (database, released(database)):
        engine = open_database(url)
        with reading(engine) as connection:
            marks = connection.execute(text("SELECT version FROM schema_version")).all()
        engine.dispose()
        assert marks == [(schema.MARK,)]


# As the first release sends them: of a repeat or a correction, of a state that is made
# anew, of a point, and of one that follows a state.
READS = "SELECT observations.step, observations.y FROM observations"
WRITES = (
    "INSERT INTO observations (series_pk, step, y) VALUES (2, 0, 1.5)"
    " ON CONFLICT (series_pk, step) DO UPDATE SET y = excluded.y"
)
CARRIED = (
    "SELECT series.end_step, states.end_step, states.state FROM series"
    " LEFT OUTER JOIN states ON states.series_pk = series.pk AND states.version = 'v1'"
    " WHERE series.name = 'demo' AND series.unique_id IN ('a')"
)


def test_a_server_of_the_first_release_that_still_runs_cannot_misread_a_log(
    database: str,
) -> None:
    """It can neither read nor write values, which may be pruned; states it finds as ever."""
    running = plain(released(database))
    with running.begin() as connection:
        for statement in (READS, WRITES):
            connection.exec_driver_sql(statement)
        carried = connection.exec_driver_sql(CARRIED).all()
    open_database(database).dispose()

    for statement in (READS, WRITES):
        with pytest.raises(DBAPIError, match="column"), running.begin() as connection:
            connection.exec_driver_sql(statement)
    with running.begin() as connection:
        assert connection.exec_driver_sql(CARRIED).all() == carried
        (kept,) = connection.exec_driver_sql("SELECT count(*) FROM observations").one()
    running.dispose()
    assert kept == 3


def migrate(url: str, revision: str) -> None:
    """What a newer release does first to a database, as far as an older one sees it."""
    engine = plain(url)
    with engine.begin() as connection:
        wanted = text("UPDATE alembic_version SET version_num = :revision")
        connection.execute(wanted, {"revision": revision})
    engine.dispose()


def test_who_runs_on_beside_a_newer_release_writes_nothing_any_more(
    database: str,
) -> None:
    """Whatever writes is refused with the reason, and what is carried is still there."""
    bench = Bench(database)
    bench.send(VALUES[:5])
    bench.store.check_writable()
    before = bench.log().tobytes()

    migrate(database, "9999")
    refused: list[Callable[[], object]] = [
        lambda: bench.send(VALUES[5:6], first=5),
        lambda: bench.store.drop("demo", "a"),
        lambda: keys.create(bench.database, "till", ("read",)),
        lambda: jobs.submit(
            bench.database, jobs.Order("retrain", "demo", {}, "cli"), 9
        ),
        bench.store.check_writable,
    ]
    for write in refused:
        with pytest.raises(StoreFailure, match=rf"schema 9999 .* knows {SCHEMA}"):
            write()
    assert bench.log().tobytes() == before
    assert keys.every(bench.database) == jobs.page(bench.database, 9) == []

    migrate(database, SCHEMA)
    bench.send(VALUES[5:6], first=5)
    bench.store.close()


def test_a_migration_in_the_midst_of_a_write_is_noticed(
    postgresql_server: Server,
) -> None:
    """On PostgreSQL, where a writer is not alone: what it began before is not kept."""
    url = postgresql_server.emptied()
    engine = open_database(url)

    def write() -> None:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO chores VALUES ('late', 1)"))
            migrate(url, "9999")

    with pytest.raises(StoreFailure, match="schema 9999"):
        write()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT * FROM chores")).all() == []
    engine.dispose()


def test_a_newer_schema_is_refused_and_left_alone(database: str) -> None:
    """The message says which it is, and which this program knows."""
    open_database(database).dispose()
    migrate(database, "9999")
    before = described(database)

    with pytest.raises(ConfigError, match=f"schema 9999, this program knows {SCHEMA}"):
        open_database(database)
    assert described(database) == before


def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables and rows; and once nothing stands in its way it succeeds."""
    before = described(released(database))
    good = migrations.upgrade

    def fail(connection: Any, revision: str) -> None:
        good(connection, revision)
        connection.execute(text("SELECT * FROM absent"))

    monkeypatch.setattr(migrations, "upgrade", fail)
    with pytest.raises(StoreFailure, match="absent"):
        open_database(database)
    assert described(database) == before

    monkeypatch.setattr(migrations, "upgrade", good)
    open_database(database).dispose()


def _open_at_once(url: str, gate: Any) -> None:
    gate.wait()
    open_database(url).dispose()


def test_workers_that_start_together_upgrade_once(database: str) -> None:
    """A second time would fail: the columns are there already."""
    released(database)
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(3)
    workers = [
        context.Process(target=_open_at_once, args=(database, gate)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    engine = open_database(database)
    with reading(engine) as connection:
        assert schema.revision(connection) == SCHEMA
    engine.dispose()


def test_a_table_made_anew_keeps_what_refers_to_it(tmp_path: Path) -> None:
    """SQLite changes a column by copying its table, with nothing of the series lost."""
    url = f"sqlite:///{tmp_path}/x.db"
    engine = open_database(released(url))
    before = described(url)
    autoincrement = {"sqlite_autoincrement": True}  # the one thing alembic cannot see
    with databases._migrating(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table(
            "series", recreate="always", table_kwargs=autoincrement
        ) as batch:
            batch.alter_column("revision", nullable=False)
        with operations.batch_alter_table("states", recreate="always") as batch:
            batch.alter_column("format", nullable=False)
    with writing(engine) as connection:
        left = {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()
            for table in ("series", "observations", "states", "appends")
        }
        checked = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
    engine.dispose()
    assert described(url) == before
    assert left == {"series": 1, "observations": 2, "states": 1, "appends": 1}
    assert checked == 1


def test_a_current_database_is_opened_without_alembic(tmp_path: Path) -> None:
    """Nor is a fresh one: it would cost every worker memory and time."""
    program = (
        "import sys; from service.database import open_database\n"
        f"for _ in range(2): open_database('sqlite:///{tmp_path}/x.db').dispose()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
