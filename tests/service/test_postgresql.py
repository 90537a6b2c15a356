"""Laws of PostgreSQL alone; what holds for every database is in tests/contracts."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, event, text

from forecaster.errors import ConfigError
from service import database
from service.database import Undone, open_database, reading, writing, written
from service.errors import StoreFailure
from service.records import Change, Grid, Span
from service.store import Store
from tests.postgresql import Server, name_in

BUMP = text("UPDATE numbers SET n = n + 1 WHERE id = :id")

HOLD = text("SELECT * FROM series WHERE unique_id = :id FOR UPDATE")
BEGIN = text(
    "INSERT INTO series (name, unique_id, frequency, start, first_step, end_step, "
    "revision) VALUES ('demo', :id, 'h', 0, 0, 1, 0)"
)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def url(postgresql_server: Server) -> str:
    """An empty database."""
    return postgresql_server.emptied()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A database with a table of two numbers, both zero."""
    made = open_database(url)
    with writing(made) as connection:
        connection.execute(text("CREATE TABLE numbers (id TEXT PRIMARY KEY, n BIGINT)"))
        connection.execute(text("INSERT INTO numbers VALUES ('a', 0), ('b', 0)"))
    yield made
    made.dispose()


def number(engine: Engine) -> int:
    """The first number."""
    with reading(engine) as connection:
        return int(
            connection.execute(text("SELECT n FROM numbers WHERE id = 'a'")).scalar()
        )


def setting(engine: Engine, name: str) -> str:
    """What is in force for a writer."""
    with writing(engine) as connection:
        return str(connection.execute(text(f"SHOW {name}")).scalar())


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_usual_spelling_of_the_url_is_taken(url: str, scheme: str) -> None:
    """Also the one that names no driver."""
    spelled = url.replace("postgresql+psycopg", scheme)
    open_database(spelled).dispose()


@pytest.mark.parametrize(
    ("default", "kept"),
    [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")],
)
def test_a_commit_is_durable_whatever_the_default(
    postgresql_server: Server, default: str, kept: str
) -> None:
    """An answer 200 means stored; only a stronger promise is left as it is."""
    url = postgresql_server.fresh()
    postgresql_server.run(
        f"ALTER DATABASE {name_in(url)} SET synchronous_commit = '{default}'"
    )
    engine = open_database(url)
    assert setting(engine, "synchronous_commit") == kept
    engine.dispose()


def test_no_statement_and_no_lock_is_waited_for_without_end(
    postgresql_server: Server,
) -> None:
    """Where nobody has set limits there are ours; others are left as they are."""
    url = postgresql_server.fresh()
    name = name_in(url)
    postgresql_server.run(f"ALTER DATABASE {name} SET statement_timeout = '7s'")
    engine = open_database(url)
    assert setting(engine, "statement_timeout") == "7s"
    assert setting(engine, "lock_timeout") == "10s"
    assert setting(engine, "idle_in_transaction_session_timeout") == "30s"
    engine.dispose()


def test_a_reader_sees_one_snapshot_and_cannot_write(engine: Engine) -> None:
    """And the connection writes again when it comes back from the pool."""
    assert setting(engine, "transaction_isolation") == "read committed"
    with reading(engine) as connection:
        shown = text("SHOW transaction_isolation")
        assert connection.execute(shown).scalar() == "repeatable read"
    with pytest.raises(StoreFailure, match="read-only"), reading(engine) as connection:
        connection.execute(BUMP, {"id": "a"})
    with writing(engine) as connection:
        connection.execute(BUMP, {"id": "a"})
    assert number(engine) == 1


def test_a_database_that_is_not_there_is_refused(postgresql_server: Server) -> None:
    """With its name and the option that mends it, and without a password."""
    url = postgresql_server.url("absent", "postgres:SECRET")
    with pytest.raises(ConfigError, match=r"absent.* does not exist.*--database") as no:
        open_database(url)
    assert "SECRET" not in str(no.value)


def test_a_user_who_may_make_no_tables_is_refused(
    postgresql_server: Server, url: str
) -> None:
    """No waiting mends that."""
    name = name_in(url)
    postgresql_server.run("DROP ROLE IF EXISTS reader")
    postgresql_server.run("CREATE ROLE reader LOGIN")
    postgresql_server.run("GRANT USAGE ON SCHEMA public TO PUBLIC", name)
    with pytest.raises(ConfigError, match="permission denied for schema public"):
        open_database(postgresql_server.url(name, "reader"))


def test_a_database_that_cannot_hold_every_id_is_refused(
    postgresql_server: Server,
) -> None:
    """The message says how to make one that can."""
    about = "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    with pytest.raises(ConfigError, match="UTF8, got LATIN1; make one with createdb"):
        open_database(postgresql_server.fresh(about))


def test_a_server_that_does_not_answer_may_answer_later() -> None:
    """It is worth another try, no fault of the setting, and no caller learns where."""
    with pytest.raises(StoreFailure, match="no connection to the server") as failure:
        open_database("postgresql://user:SECRET@127.0.0.1:1/db")
    assert "SECRET" not in str(failure.value)
    assert "127.0.0.1" not in str(failure.value)


def test_a_server_that_was_away_is_used_again(
    postgresql_server: Server, engine: Engine
) -> None:
    """Nothing is opened anew; meanwhile every use fails as one that may be repeated."""
    assert number(engine) == 0
    postgresql_server.stop()
    try:
        for use in (reading, writing):
            with pytest.raises(StoreFailure), use(engine):
                pass
    finally:
        postgresql_server.start()
    assert written(engine, bump) == 1
    assert number(engine) == 1


def bump(connection: Connection) -> int:
    """Add one; the rows it was added to."""
    return connection.execute(BUMP, {"id": "a"}).rowcount


def test_connections_that_were_cut_cost_no_request(
    postgresql_server: Server, url: str, engine: Engine
) -> None:
    """Those that wait in the pool are looked at before they are used."""
    assert number(engine) == 0
    assert postgresql_server.cut(url) == 1
    assert number(engine) == 0


def test_what_was_cut_before_the_commit_is_done_again_once(
    postgresql_server: Server, url: str, engine: Engine
) -> None:
    """Nothing of the first time is kept, so that it counts once."""
    tries = []

    def work(connection: Connection) -> None:
        bump(connection)
        tries.append(1)
        if len(tries) == 1:
            postgresql_server.cut(url)
        bump(connection)

    written(engine, work)

    assert len(tries) == 2
    assert number(engine) == 2


def test_what_was_cut_in_the_commit_is_not_done_again(
    postgresql_server: Server, url: str, engine: Engine
) -> None:
    """It may have been kept: only who sent it can know whether to send it again."""
    tries = []

    def work(connection: Connection) -> None:
        tries.append(bump(connection))

    event.listen(engine, "commit", lambda _: postgresql_server.cut(url))
    with pytest.raises(StoreFailure) as failure:
        written(engine, work)

    assert not isinstance(failure.value, Undone)
    assert tries == [1]


def test_of_two_who_wait_for_each_other_both_succeed_in_the_end(
    engine: Engine,
) -> None:
    """The one that the server undoes is done again."""
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def in_order(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            connection.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
            connection.execute(BUMP, {"id": first})
            tries.append(first)
            if tries.count(first) == 1:
                both_hold_one.wait()
            connection.execute(BUMP, {"id": second})

        written(engine, work)

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(in_order, *order) for order in ("ab", "ba")]
    for one in done:
        one.result()

    assert len(tries) > 2
    assert number(engine) == 2


@pytest.mark.parametrize("carried", [False, True])
def test_commits_of_the_same_series_never_wait_in_a_ring(
    postgresql_server: Server,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    carried: bool,
) -> None:
    """Whatever the order they come in, be the series new or not: none is undone."""
    monkeypatch.setattr(database, "PAUSES_S", ())  # who is undone fails
    ids = [f"s{i}" for i in range(9)]
    engine = open_database(url)
    store = Store(engine)
    if carried:
        store.commit("demo", "v1", [new_series(unique_id) for unique_id in ids])
    make = partial(again, store) if carried else new_series
    orders = [[make(i) for i in ids], [make(i) for i in reversed(ids)]]
    with ThreadPoolExecutor(2) as pool:
        with engine.connect() as other:  # holds the one in the middle until both wait
            other.execute(HOLD if carried else BEGIN, {"id": ids[4]})
            done = [pool.submit(store.commit, "demo", "v1", order) for order in orders]
            while postgresql_server.run(WAITING) != [(2,)]:
                time.sleep(0.01)
        lost = [one.result() for one in done]
    store.close()

    assert sorted(lost, key=len) == [set(), set(ids)]


def new_series(unique_id: str) -> Change:
    """A series of one value."""
    one = np.zeros(1)
    state = np.zeros(1, np.float32)
    grid, steps = Grid("h", 0), np.zeros(1, np.int64)
    return Change(unique_id, None, grid, Span(0, 1), steps, one, state)


def again(store: Store, unique_id: str) -> Change:
    """One more value for a series."""
    with store.snapshot() as log:
        before = log.carried("demo", "v1", [unique_id])[unique_id]
    return replace(new_series(unique_id), before=before, span=Span(0, 2))
