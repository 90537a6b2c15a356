"""What every store must do, whichever database stands behind it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from service.database import open_database, writing
from service.records import Append, Carried, Change, Grid, Span
from service.store import Store

NAME, VERSION = "demo", "v1"
MISSING = float("nan")
Opener = Callable[[], Store]


@pytest.fixture
def open_store(database: str) -> Iterator[Opener]:
    """Open the same database again and again, as other processes would."""
    opened: list[Store] = []

    def opener() -> Store:
        opened.append(Store(open_database(database)))
        return opened[-1]

    yield opener
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Opener) -> Store:
    """An empty store."""
    return open_store()


def change(
    before: Carried | None,
    values: list[float],
    first: int | None = None,
    unique_id: str = "a",
) -> Change:
    """Values from ``first`` on; by default they follow what is carried."""
    span = Span(0, 0) if before is None else before.span
    first = span.end if first is None else first
    steps = np.arange(first, first + len(values))
    after = Span(
        min(span.first, first),
        max(span.end, first + len(values)),
        span.revision + (first < span.end),
    )
    state = np.array([after.end, 0.1], dtype=np.float32)
    return Change(
        unique_id, before, Grid("h", 5), after, steps, np.array(values, float), state
    )


def read(store: Store, unique_id: str = "a", version: str = VERSION) -> Carried:
    """What is carried of a series."""
    with store.snapshot() as log:
        return log.carried(NAME, version, [unique_id])[unique_id]


def values(store: Store, first: int, end: int) -> list[float]:
    """The log of series `a`."""
    with store.snapshot() as log:
        return log.values(read(store).pk, first, end).tolist()


def in_threads(work: Callable[[Store, float], None], stores: list[Store]) -> None:
    """Do the work on each store, with a number of its own; errors are raised."""
    with ThreadPoolExecutor(len(stores)) as pool:
        done = [pool.submit(work, s, float(i)) for i, s in enumerate(stores, start=1)]
    for one in done:
        one.result()


def test_what_is_committed_is_read_back_bit_for_bit(
    store: Store, open_store: Opener
) -> None:
    """Also by somebody who opens the database afterwards."""
    assert store.commit(NAME, VERSION, [change(None, [0.1, MISSING, -1e30])]) == set()

    for reader in (store, open_store()):
        found = read(reader)
        assert (found.grid, found.span) == (Grid("h", 5), Span(0, 3, 0))
        assert found.kept is not None
        assert found.kept.end == 3
        assert found.kept.state.tobytes() == np.float32([3, 0.1]).tobytes()
        np.testing.assert_array_equal(values(reader, 0, 3), [0.1, MISSING, -1e30])


def test_every_number_is_kept_bit_for_bit(store: Store) -> None:
    """The smallest and the largest, the last digit."""
    numbers = [5e-324, -5e-324, 0.0, 0.1 + 0.2, 2.0**53 + 2, 1.7976931348623157e308]
    store.commit(NAME, VERSION, [change(None, numbers)])

    assert np.array(values(store, 0, 6)).tobytes() == np.array(numbers).tobytes()


def test_an_id_of_any_size_and_spelling_is_kept(store: Store) -> None:
    """As many characters as may be sent, each of the widest, none like another."""
    wide = "".join(chr(0x1F300 + 97 * i % 0x2000) for i in range(256))
    ids = [wide, "%s", "%(name)s", ":ids", "a'b\"c\\", " ", "e\u0301", "é"]
    long_key = Append(wide[:255], 0, 1)
    first = replace(change(None, [1.0], unique_id=wide), append=long_key)
    others = [change(None, [1.0], unique_id=unique_id) for unique_id in ids[1:]]

    assert store.commit("n" * 64, VERSION, [first, *others]) == set()

    with store.snapshot() as log:
        carried = log.carried("n" * 64, VERSION, ids)
        assert carried.keys() == set(ids)
        assert list(log.appends(wide[:255], [carried[wide].pk])) == [carried[wide].pk]


def test_a_step_without_a_row_is_missing(store: Store) -> None:
    """Whether it was skipped, said to be null, or lies outside what is carried."""
    store.commit(NAME, VERSION, [change(None, [1.0])])
    store.commit(NAME, VERSION, [change(read(store), [2.0], first=3)])

    np.testing.assert_array_equal(
        values(store, -1, 5), [MISSING, 1.0, MISSING, MISSING, 2.0, MISSING]
    )


@pytest.mark.parametrize("rival", ["append", "revise", "drop", "drop and begin anew"])
def test_a_stale_change_is_refused_and_changes_nothing(
    store: Store, rival: str
) -> None:
    """Whatever somebody else did to the series since it was read."""
    store.commit(NAME, VERSION, [change(None, [1.0, 2.0])])
    stale = change(read(store), [3.0])
    if rival == "append":
        store.commit(NAME, VERSION, [change(read(store), [9.0])])
    elif rival == "revise":
        store.commit(NAME, VERSION, [change(read(store), [9.0], first=1)])
    else:
        assert store.drop(NAME, "a")
        if "anew" in rival:
            store.commit(NAME, VERSION, [change(None, [1.0, 2.0])])
    before = dump(store)

    assert store.commit(NAME, VERSION, [stale]) == {"a"}

    assert dump(store) == before


def test_two_who_begin_a_series_do_not_both_succeed(store: Store) -> None:
    """The second one learns that the series exists."""
    assert store.commit(NAME, VERSION, [change(None, [1.0])]) == set()
    assert store.commit(NAME, VERSION, [change(None, [2.0])]) == {"a"}
    assert values(store, 0, 1) == [1.0]


def test_the_losers_of_a_commit_do_not_harm_the_winners(store: Store) -> None:
    """Each series of a commit stands alone."""
    store.commit(NAME, VERSION, [change(None, [1.0])])

    lost = store.commit(
        NAME,
        VERSION,
        [change(None, [5.0]), change(None, [6.0], unique_id="b")],
    )

    assert lost == {"a"}
    assert read(store, "b").span == Span(0, 1)


def test_history_can_be_rewritten_and_extended_backwards(store: Store) -> None:
    """Values are replaced, NaN takes one away, earlier steps are added."""
    store.commit(NAME, VERSION, [change(None, [1.0, 2.0, 3.0])])
    store.commit(NAME, VERSION, [change(read(store), [9.0, MISSING], first=1)])
    store.commit(NAME, VERSION, [change(read(store), [7.0], first=-2)])

    assert read(store).span == Span(-2, 3, 2)
    np.testing.assert_array_equal(
        values(store, -2, 3), [7.0, MISSING, 1.0, 9.0, MISSING]
    )


def test_a_state_of_another_version_is_not_given(store: Store) -> None:
    """Versions keep their own states; each comes back with how far it has seen."""
    store.commit(NAME, VERSION, [change(None, [1.0])])
    store.commit(NAME, "v2", [change(read(store), [2.0])])

    older, newer = read(store), read(store, version="v2")
    assert older.kept is not None
    assert older.kept.end == 1
    assert newer.kept is not None
    assert newer.kept.end == 2
    assert read(store, version="v3").kept is None


@pytest.mark.parametrize(
    "damage",
    [
        "state = CAST('12345678' AS {blob})",
        "crc32 = crc32 + 1",
        "format = 99",
        "revision = 5",
        "end_step = 9",
    ],
)
def test_a_damaged_state_is_not_given(store: Store, damage: str) -> None:
    """The log is the truth: a state that disagrees with it is as good as none."""
    store.commit(NAME, VERSION, [change(None, [1.0])])
    assert read(store).kept is not None

    with writing(store._engine) as connection:
        blob = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
        connection.execute(text(f"UPDATE states SET {damage.format(blob=blob)}"))

    assert read(store).kept is None


@pytest.mark.parametrize(
    ("place", "misplaced"), [(0, "revision = 1"), (2, "end_step = 3")]
)
def test_a_state_that_tells_a_wrong_place_is_not_given(
    store: Store, place: int, misplaced: str
) -> None:
    """Though that place is in the log, and the state itself is whole."""
    store.commit(NAME, VERSION, [change(None, [1.0, 2.0])])
    store.commit(NAME, "v2", [change(read(store), [9.0], first=place)])
    with writing(store._engine) as connection:
        mine = f"UPDATE states SET {misplaced} WHERE version = '{VERSION}'"
        connection.execute(text(mine))

    assert read(store).kept is None


def test_a_state_of_an_older_history_is_not_given(store: Store) -> None:
    """A rewrite under one version makes the states of all others stale."""
    store.commit(NAME, "v2", [change(None, [1.0, 2.0])])
    store.commit(NAME, VERSION, [change(read(store), [9.0], first=0)])

    assert read(store, version="v2").kept is None


def test_dropping_forgets_log_and_states(store: Store) -> None:
    """Nothing of the series is left, and dropping it again says so."""
    store.commit(NAME, VERSION, [change(None, [1.0]), change(None, [1.0], None, "b")])

    assert store.drop(NAME, "a")
    assert not store.drop(NAME, "a")
    assert not store.drop("another", "b")

    assert {table: len(rows) for table, rows in dump(store).items()} == {
        "series": 1,
        "observations": 1,
        "states": 1,
    }


def test_models_do_not_see_each_others_series(store: Store) -> None:
    """The same id under another name is another series."""
    store.commit(NAME, VERSION, [change(None, [1.0])])
    with store.snapshot() as log:
        assert log.carried("other", VERSION, ["a"]) == {}


def test_pages_cover_every_series_once(store: Store) -> None:
    """In order, by prefix, by name; quotes, slashes and other scripts are plain text."""
    ids = ["a", "a/1", "a%", "b", "B", "ä", "日本", "x'; DROP TABLE series; --", "a_"]
    ids += ["\U0010ffff", "a\U0010ffff", "a\U0010ffff\U0010ffff1", "\ud7ff", "\ud7ff1"]
    for name in ("one", "two"):
        store.commit(
            name,
            VERSION,
            [change(None, [1.0], unique_id=unique_id) for unique_id in ids],
        )

    def listed(name: str | None, prefix: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        with store.snapshot() as log:
            while True:
                after = found[-1] if found else ("", "")
                page = log.page(name, prefix, after, 2)
                found += [(one.name, one.unique_id) for one in page]
                if len(page) < 2:
                    return found

    everything = [(name, i) for name in ("one", "two") for i in sorted(ids)]
    assert listed(None, "") == everything
    assert listed("two", "") == [pair for pair in everything if pair[0] == "two"]
    for prefix in ("a", "a\U0010ffff", "\U0010ffff", "\ud7ff", "none"):
        expected = [pair for pair in everything if pair[1].startswith(prefix)]
        assert listed(None, prefix) == expected


def test_a_snapshot_does_not_move(store: Store) -> None:
    """What is committed meanwhile is seen by the next one."""
    store.commit(NAME, VERSION, [change(None, [1.0])])
    with store.snapshot() as log:
        before = log.carried(NAME, VERSION, ["a"])["a"]
        store.commit(NAME, VERSION, [change(before, [2.0])])
        assert log.carried(NAME, VERSION, ["a"])["a"].span == before.span
    assert read(store).span.end == 2


def test_concurrent_writers_lose_nothing(open_store: Opener) -> None:
    """Each of four writers appends its values, however often it has to try again."""
    stores = [open_store() for _ in range(4)]
    stores[0].commit(NAME, VERSION, [change(None, [0.0])])

    def append(store: Store, mark: float) -> None:
        for _ in range(15):
            while store.commit(NAME, VERSION, [change(read(store), [mark])]):
                pass

    in_threads(append, stores)

    assert read(stores[0]).span.end == 61
    assert sorted(values(stores[0], 1, 61)) == sorted([1.0, 2.0, 3.0, 4.0] * 15)


def test_of_those_who_begin_a_series_at_once_one_succeeds(open_store: Opener) -> None:
    """For each series exactly one, and its value is what is kept."""
    stores = [open_store() for _ in range(4)]
    ids = [f"s{i}" for i in range(20)]
    gate = threading.Barrier(4)
    won: list[tuple[str, float]] = []

    def begin(store: Store, mark: float) -> None:
        order = ids if mark % 2 else ids[::-1]
        changes = [change(None, [mark], unique_id=unique_id) for unique_id in order]
        gate.wait()
        lost = store.commit(NAME, VERSION, changes)
        won.extend((unique_id, mark) for unique_id in ids if unique_id not in lost)

    in_threads(begin, stores)

    assert sorted(unique_id for unique_id, _ in won) == sorted(ids)
    for unique_id, mark in won:
        with stores[0].snapshot() as log:
            assert log.values(read(stores[0], unique_id).pk, 0, 1) == [mark]


def test_writers_of_the_same_series_in_any_order_all_finish(
    open_store: Opener,
) -> None:
    """None waits for one that waits for it, and nothing is lost."""
    stores = [open_store() for _ in range(4)]
    ids = [f"s{i}" for i in range(10)]
    stores[0].commit(NAME, VERSION, [change(None, [0.0], unique_id=i) for i in ids])

    def append(store: Store, mark: float) -> None:
        for _ in range(5):
            todo = ids if mark % 2 else ids[::-1]
            while todo:
                changes = [change(read(store, i), [mark], unique_id=i) for i in todo]
                lost = store.commit(NAME, VERSION, changes)
                todo = [unique_id for unique_id in todo if unique_id in lost]

    in_threads(append, stores)

    assert {read(stores[0], unique_id).span.end for unique_id in ids} == {21}


def test_a_thousand_series_are_one_commit(store: Store) -> None:
    """More than fit into one statement."""
    many = [change(None, [1.0], unique_id=f"s{i}") for i in range(1200)]
    assert store.commit(NAME, VERSION, many) == set()
    with store.snapshot() as log:
        ids = [f"s{i}" for i in range(1300)]
        assert len(log.carried(NAME, VERSION, ids)) == 1200


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is stored."""
    with writing(store._engine) as connection:
        return {
            table: [
                tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))
            ]
            for table in ("series", "observations", "states")
        }


def test_every_key_of_an_append_is_remembered_with_its_values(store: Store) -> None:
    """From the same commit on, per series, and until the series is dropped."""
    first = replace(change(None, [1.0]), append=Append("k1", 0, 1))
    store.commit(NAME, VERSION, [first, change(None, [1.0], unique_id="b")])
    second = replace(change(read(store), [2.0, 3.0]), append=Append("k2", 1, 2))
    store.commit(NAME, VERSION, [second])
    pks = [read(store, unique_id).pk for unique_id in ("a", "b")]

    with store.snapshot() as log:
        assert log.appends("k1", pks) == {pks[0]: first.append}
        assert log.appends("k2", pks) == {pks[0]: second.append}
        assert log.appends("k3", pks) == {}
    store.drop(NAME, "a")
    with store.snapshot() as log:
        assert log.appends("k1", pks) == {}
