"""Laws of archives: what comes back is what was there, at one moment, bit for bit."""

import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from forecaster.errors import ConfigError, DataError
from service import database, keys, store
from service.archive import Archive, restore, save, save_series, take_in, taking
from service.archive.contents import BACKUP, TABLES
from service.database import open_database, reading
from service.exog import Given
from service.records import Span
from service.schedules import store as schedules
from service.schedules.ticking import run_due
from service.schedules.values import Schedule, When
from service.tables import SCHEMA
from service.telemetry import new_log
from tests import postgresql
from tests.service.fakes import states_of
from tests.service.keeping import SHOP, VALUES, Bench

RELEASED = Path(__file__).parent / "released"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def quiet(share: float, what: str) -> None:
    """Whoever need not be told."""
    assert 0 <= share <= 1 + 1e-9


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """A service with three series, a gap, a correction, covariates, keys and schedules."""
    made = Bench(database, SHOP)
    made.send(VALUES[:50], unique_id="gone")
    made.store.drop("demo", "gone")
    given = Given(hist={"promo": [0.1] * 400}, stat={"size": 4.0})
    made.send(VALUES, given=given)
    made.send(np.array([5e-324, -0.5, 1.7e30]), unique_id="ünïcode \u2028 '\"%s")
    made.send(VALUES[:60], unique_id="b")
    made.send(VALUES[:9], first=80, unique_id="b")
    made.send(np.array([3.0]), first=5, unique_id="b", on_conflict="revise")
    keys.create(made.database, "till", ("read",))
    nightly = When("30 2 * * *", "Europe/Berlin", 7, True, 60)
    for name, when in (("nightly", nightly), ("now and then", When(every_points=9))):
        wishes = {"margin": 0.02, "fine_tune": True}
        schedules.put(made.database, Schedule(name, "retrain", "demo", wishes, when))
    yield made
    made.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """An empty service, of each kind in turn."""
    if request.param == "sqlite":
        made = Bench(f"sqlite:///{tmp_path}/other/y.db", SHOP)
    else:
        server: postgresql.Server = request.getfixturevalue("postgresql_server")
        made = Bench(server.fresh(), SHOP)
    yield made
    made.store.close()


def dump(bench: Bench) -> dict[str, list[Any]]:
    """Every row of every table that is saved."""
    with reading(bench.database) as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    select(table).order_by(*table.primary_key)
                )
            ]
            for table in TABLES[BACKUP]
        }


def test_a_backup_comes_back_bit_for_bit(
    bench: Bench, other: Bench, tmp_path: Path
) -> None:
    """Into either kind of database: rows, forecasts, seq, and what comes after."""
    contents = save(bench.database, tmp_path / "x.zip", quiet)
    with Archive(tmp_path / "x.zip") as archive:
        restore(other.database, archive, quiet)

    assert dump(other) == dump(bench)
    assert contents.tables["series"].rows == 3
    for value in (np.empty(0), np.array([2.5])):
        results = [one.send(value, first=400) for one in (bench, other)]
        assert results[0].span == results[1].span
        forecasts = [result.forecast for result in results]
        assert forecasts[0] is not None
        assert forecasts[1] is not None
        assert forecasts[0].values.tobytes() == forecasts[1].values.tobytes()
    assert bench.state().tobytes() == other.state().tobytes()
    other.send(VALUES[:1], unique_id="new")
    bench.send(VALUES[:1], unique_id="new")
    assert other.carried("new").pk == bench.carried("new").pk


def test_schedules_go_on_where_they_stood(
    bench: Bench, other: Bench, tmp_path: Path
) -> None:
    """Whoever follows them in the restored service makes the same jobs at the same time."""
    save(bench.database, tmp_path / "x.zip", quiet)
    with Archive(tmp_path / "x.zip") as archive:
        restore(other.database, archive, quiet)

    stood = [one.kept for one in schedules.look(bench.database)]
    assert [one.kept for one in schedules.look(other.database)] == stood
    due = stood[0].standing.due
    assert due is not None
    for now, count in ((due - 1, 0), (due + 60, 1), (due + 61, 0)):
        made = [run_due(one.database, new_log(), now) for one in (bench, other)]
        assert [len(jobs) for jobs in made] == [count, count]
        assert [job.order for job in made[0]] == [job.order for job in made[1]]


@pytest.mark.parametrize("schema", ["0003", "0006"])
def test_a_backup_of_an_older_release_comes_back(
    other: Bench, tmp_path: Path, schema: str
) -> None:
    """It was made when there were no schedules, or none were kept; all else is there."""
    old = tmp_path / "old.zip"
    old.write_bytes((RELEASED / "backup_1.zip").read_bytes())
    aged = spoiled(old, lambda n, d: d.replace(b"0006", schema.encode()))
    with Archive(aged) as archive:
        restore(other.database, archive, quiet)

    found = dump(other)
    counts = {name: len(rows) for name, rows in found.items() if rows}
    known = {"series": 2, "observations": 39, "covariates": 30, "states": 2}
    assert counts == {**known, "api_keys": 1}
    np.testing.assert_array_equal(other.log(), VALUES[:30])
    assert other.send(VALUES[30:31], first=30).span.length == 31


def test_a_backup_under_load_is_one_moment(bench: Bench, tmp_path: Path) -> None:
    """Every state belongs to its log, while writers append, begin and drop series."""
    writing_on = threading.Event()
    writing_on.set()
    ids = ["w0", "w1"]

    def write(unique_id: str) -> None:
        hour = 0
        while writing_on.is_set():
            bench.send(VALUES[hour : hour + 3], hour, unique_id)
            bench.send(VALUES[: hour % 7 + 1], unique_id=f"{unique_id}-{hour}")
            if hour % 4 == 0:
                bench.store.drop("demo", f"{unique_id}-{hour}")
            hour = (hour + 3) % 390

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, unique_id) for unique_id in ids]
        for number in range(3):
            save(bench.database, tmp_path / f"{number}.zip", quiet)
        writing_on.clear()
        for writer in writers:
            writer.result()

    for number in range(3):
        found = Bench(f"sqlite:///{tmp_path}/{number}/y.db", SHOP)
        with Archive(tmp_path / f"{number}.zip") as archive:
            restore(found.database, archive, quiet)
        with found.store.snapshot() as log:
            listed = log.page("demo", "w", ("", ""), 1_000)
        for one in listed:
            values = found.log(one.unique_id)
            assert len(values) == one.span.end
            np.testing.assert_array_equal(values, VALUES[: one.span.end])
            np.testing.assert_allclose(
                found.state(one.unique_id), states_of(found.model, list(values))
            )
        found.store.close()


def test_only_an_empty_database_is_filled(bench: Bench, tmp_path: Path) -> None:
    """One with a series, or with a key or a schedule alone, is left as it is."""
    save(bench.database, tmp_path / "x.zip", quiet)
    keyed = open_database(f"sqlite:///{tmp_path}/keyed.db")
    keys.create(keyed, "till", ("read",))
    planned = open_database(f"sqlite:///{tmp_path}/planned.db")
    schedules.put(planned, Schedule("n", "watch", "demo", {}, When("0 * * * *")))
    for engine, table in (
        (bench.database, "series"),
        (keyed, "api_keys"),
        (planned, "schedules"),
    ):
        with (
            Archive(tmp_path / "x.zip") as archive,
            pytest.raises(ConfigError, match=f"empty database, got .* in {table}"),
        ):
            restore(engine, archive, quiet)
    keyed.dispose()
    planned.dispose()


def spoiled(file: Path, spoil: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of an archive, sound as a zip, whose members were changed."""
    copy = file.with_name("spoiled.zip")
    with zipfile.ZipFile(file) as sound, zipfile.ZipFile(copy, "w") as made:
        for name in sound.namelist():
            data = spoil(name, sound.read(name))
            if data is not None:
                made.writestr(name, data)
    return copy


def flipped(data: bytes) -> bytes:
    """The same with one bit changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda n, d: flipped(d) if "states" in n else d, "states.arrow is damaged"),
        (lambda n, d: None if "obs" in n else d, "observations.arrow is damaged"),
        (lambda n, d: None if "manifest" in n else d, "expected a file that"),
        (lambda n, d: b"{}" if "manifest" in n else d, "expected the manifest"),
        (
            lambda n, d: d.replace(b'"schema": "0', b'"schema": "8'),
            f"to {SCHEMA}, got 2 and 8{SCHEMA[1:]}; restore it with release",
        ),
    ],
)
def test_a_damaged_archive_is_refused_and_nothing_changed(
    bench: Bench,
    tmp_path: Path,
    spoil: Callable[[str, bytes], bytes | None],
    complaint: str,
) -> None:
    """The message names the file and what is wrong with it."""
    save(bench.database, tmp_path / "x.zip", quiet)
    other = Bench(f"sqlite:///{tmp_path}/y.db")

    def fill() -> None:
        with Archive(spoiled(tmp_path / "x.zip", spoil)) as archive:
            restore(other.database, archive, quiet)

    with pytest.raises(DataError, match=rf"spoiled\.zip: .*{complaint}"):
        fill()
    assert dump(other)["series"] == []
    other.store.close()


def test_a_file_that_is_refused_is_closed(bench: Bench, tmp_path: Path) -> None:
    """At once, whatever is wrong with it: one without a manifest, one that is no JSON."""
    save(bench.database, tmp_path / "x.zip", quiet)
    manifests = iter([None, b"{"])
    for _ in range(2):
        wrong = spoiled(
            tmp_path / "x.zip", lambda n, d: next(manifests) if "man" in n else d
        )
        with pytest.raises(DataError) as caught:  # keeps what was refused alive
            Archive(wrong)
        files = Path("/proc/self/fd").iterdir()
        assert wrong not in [one.readlink() for one in files if one.exists()]
        assert caught


def test_a_file_that_is_cut_off_is_refused(bench: Bench, tmp_path: Path) -> None:
    """As is one that never was an archive."""
    save(bench.database, tmp_path / "x.zip", quiet)
    for size in (0, 10, 3000):
        cut = tmp_path / "cut.zip"
        cut.write_bytes((tmp_path / "x.zip").read_bytes()[:size])
        with pytest.raises(DataError, match=r"cut\.zip: expected a file that"):
            Archive(cut)


def test_an_archive_that_fails_leaves_the_one_before(
    bench: Bench, tmp_path: Path
) -> None:
    """And nothing beside it."""
    file = tmp_path / "archives" / "x.zip"
    file.parent.mkdir()
    file.write_bytes(b"the one before")

    def fail(share: float, what: str) -> None:
        if what == "states":
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        save(bench.database, file, fail)
    assert [path.name for path in file.parent.iterdir()] == ["x.zip"]
    assert file.read_bytes() == b"the one before"


def test_what_a_killed_one_left_is_in_nobodys_way(bench: Bench, tmp_path: Path) -> None:
    """Neither one of the same number: in a container every process may have it."""
    for name in (f".x.zip.{os.getpid()}.part", ".x.zip.part"):
        (tmp_path / name).write_bytes(b"half of it")
    save(bench.database, tmp_path / "x.zip", quiet)
    with Archive(tmp_path / "x.zip") as archive:
        archive.verify(quiet)


def test_what_fails_half_way_changes_nothing(
    bench: Bench, other: Bench, tmp_path: Path
) -> None:
    """As when the process is killed: all of a backup is restored, or nothing."""
    save(bench.database, tmp_path / "all.zip", quiet)
    before = dump(other)

    def fail(share: float, what: str) -> None:
        if what == "states":
            raise KeyboardInterrupt

    with Archive(tmp_path / "all.zip") as archive, pytest.raises(KeyboardInterrupt):
        restore(other.database, archive, fail)
    assert dump(other) == before
    with Archive(tmp_path / "all.zip") as archive:
        restore(other.database, archive, quiet)
    assert dump(other) == dump(bench)


def test_a_series_moves_with_its_log_and_state(
    bench: Bench, other: Bench, tmp_path: Path
) -> None:
    """Among others that stay as they are; it goes on there as it would here."""
    other.send(VALUES[:7], unique_id="already there")
    before = dump(other)
    save_series(bench.database, tmp_path / "x.zip", ["a", "b"], None, quiet)

    with Archive(tmp_path / "x.zip") as archive:
        take_in(other.database, archive, False, quiet)

    for unique_id in ("a", "b"):
        assert other.carried(unique_id).span == bench.carried(unique_id).span
        assert other.state(unique_id).tobytes() == bench.state(unique_id).tobytes()
        assert other.log(unique_id).tobytes() == bench.log(unique_id).tobytes()
    results = [one.send(np.array([1.0]), first=400) for one in (bench, other)]
    assert other.state().tobytes() == bench.state().tobytes()
    assert results[0].span.length == results[1].span.length == 401
    after = dump(other)
    assert all(row in after[table] for table in before for row in before[table])
    assert len(after["series"]) == 3
    assert after["api_keys"] == []


@pytest.mark.parametrize("replace", [False, True])
def test_an_import_that_was_killed_goes_on(
    bench: Bench, other: Bench, tmp_path: Path, short_pieces: None, replace: bool
) -> None:
    """Each series is there whole or not at all; given again, the others come too.

    Writers are not held up in between, and what they add to a series stays, unless it is
    to be replaced.
    """
    ids = ["a", "b", "ünïcode \u2028 '\"%s"]
    save_series(bench.database, tmp_path / "x.zip", ids, None, quiet)
    later = np.array([7.0])

    def die(share: float, what: str) -> None:
        if what == "series" and share < 1:
            other.send(later, first=400)
            raise KeyboardInterrupt

    with Archive(tmp_path / "x.zip") as archive, pytest.raises(KeyboardInterrupt):
        take_in(other.database, archive, replace, die)

    assert [row[2] for row in dump(other)["series"]] == ["a"]
    assert other.log().tobytes() == np.r_[bench.log(), later].tobytes()
    with Archive(tmp_path / "x.zip") as archive:
        take_in(other.database, archive, replace, quiet)
    if not replace:
        bench.send(later, first=400)
    for unique_id in ids:
        assert other.carried(unique_id).span == bench.carried(unique_id).span
        assert other.state(unique_id).tobytes() == bench.state(unique_id).tobytes()
        assert other.log(unique_id).tobytes() == bench.log(unique_id).tobytes()
    for table in ("covariates", "appends"):
        rows = [[row[1:] for row in dump(one)[table]] for one in (bench, other)]
        assert rows[0] == rows[1]
    if not replace:  # what is over is forgotten: it is an error again
        with Archive(tmp_path / "x.zip") as archive, pytest.raises(DataError):
            take_in(other.database, archive, False, quiet)


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series at a time, and no pause between them."""
    monkeypatch.setattr(taking, "STEPS_AT_ONCE", 1)
    monkeypatch.setattr(taking, "PAUSE_S", 0)


def test_pieces_have_so_many_steps_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or one series that has more, and so many series at most."""
    monkeypatch.setattr(taking, "STEPS_AT_ONCE", 10)
    monkeypatch.setattr(taking, "SERIES_AT_ONCE", 3)
    lengths = [4, 6, 5, 30, 5, 1, 1, 1, 1]
    came = [{"first_step": 2, "end_step": 3 + n, "pruned": 1} for n in lengths]
    ends, begin = [], 0
    while begin < len(came):
        begin = taking._end(came, begin)
        ends.append(begin)
    assert ends == [2, 3, 4, 7, 9]


def test_a_series_that_is_there_is_replaced_on_request_only(
    bench: Bench, tmp_path: Path, short_pieces: None
) -> None:
    """Of all in the file, none is touched otherwise; a writer who saw the old one loses."""
    file = tmp_path / "x.zip"
    save_series(bench.database, file, ["a", "b"], "demo", quiet)
    then = dump(bench)
    assert bench.store.drop("demo", "a")
    stale = bench.send(np.array([9.0]), first=90, unique_id="b")
    seen = bench.send(np.array([8.0]), first=91, unique_id="b").change
    now = dump(bench)

    with (
        Archive(file) as archive,
        pytest.raises(DataError, match="got 'b' of model 'demo', which is; say --rep"),
    ):
        take_in(bench.database, archive, False, quiet)
    assert dump(bench) == now
    with Archive(file) as archive:
        take_in(bench.database, archive, True, quiet)

    assert stale.change is not None
    assert seen is not None
    assert bench.store.commit("demo", "v1", [seen]) == {"b"}
    found = dump(bench)
    assert [row[1:] for row in found["series"]] != [row[1:] for row in now["series"]]
    assert sorted(row[1:] for row in found["series"]) == sorted(
        row[1:] for row in then["series"]
    )
    assert sorted(row[1:] for row in found["observations"]) == sorted(
        row[1:] for row in then["observations"]
    )


def test_replacing_beside_a_writer_takes_turns(
    postgresql_server: postgresql.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever holds a series and begins another one waits in no ring with an import."""
    made = Bench(postgresql_server.emptied())
    for unique_id in "az":
        made.send(VALUES[:9], unique_id=unique_id)
    save_series(made.database, tmp_path / "x.zip", ["a", "z"], None, quiet)
    begun = made.send(VALUES[:5], unique_id="b").change
    assert begun is not None
    goes_on = replace(
        begun,
        unique_id="z",
        before=made.carried("z"),
        span=Span(0, 10),
        steps=np.array([9]),
        values=np.ones(1),
    )
    made.store.drop("demo", "a")
    held, waits = threading.Event(), threading.Event()
    begin = store._begin

    def begin_later(*about: Any) -> dict[str, int]:
        held.set()
        assert waits.wait(100)
        return begin(*about)

    monkeypatch.setattr(store, "_begin", begin_later)
    # Who is undone by the server fails; one whose series was begun meanwhile does not.
    monkeypatch.setattr(database, "UNDONE", ())
    with ThreadPoolExecutor(2) as pool, Archive(tmp_path / "x.zip") as archive:
        changes = [goes_on, replace(begun, unique_id="a")]
        commit = pool.submit(made.store.commit, "demo", "v1", changes)
        assert held.wait(100)
        taken = pool.submit(take_in, made.database, archive, True, quiet)
        while postgresql_server.run(WAITING) == [(0,)]:
            time.sleep(0.01)
        waits.set()
        assert commit.result() == set()
        taken.result()
    for unique_id in "az":
        np.testing.assert_array_equal(made.log(unique_id), VALUES[:9])
    made.store.close()


def test_an_unknown_series_is_not_exported(bench: Bench, tmp_path: Path) -> None:
    """Neither one that another model carries."""
    for ids, name in ((["a", "absent"], None), (["a"], "other")):
        with pytest.raises(DataError, match="got 1 that are not, the first 'a"):
            save_series(bench.database, tmp_path / "x.zip", ids, name, quiet)
    assert list(tmp_path.glob("*.zip")) == []


def test_the_two_kinds_of_archive_are_told_apart(bench: Bench, tmp_path: Path) -> None:
    """The message names the verb that takes the file."""
    save(bench.database, tmp_path / "all.zip", quiet)
    save_series(bench.database, tmp_path / "some.zip", ["a"], None, quiet)
    with (
        Archive(tmp_path / "all.zip") as archive,
        pytest.raises(DataError, match="use 'forecaster restore'"),
    ):
        take_in(bench.database, archive, False, quiet)
    with (
        Archive(tmp_path / "some.zip") as archive,
        pytest.raises(DataError, match="use 'forecaster import'"),
    ):
        restore(bench.database, archive, quiet)
