"""Laws of opening the database."""

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event, text

from forecaster.errors import ConfigError
from service.database import open_database, reading, writing, written
from service.errors import StoreFailure
from service.sqlite import refuse_unsafe_sqlite
from service.sqlite_driver import sqlite
from service.store import Store

NOTHING = text("DELETE FROM series")


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 51, 2)])
def test_a_sqlite_that_may_damage_files_is_refused(
    version: tuple[int, int, int],
) -> None:
    """The message names the wheel that brings a better one."""
    with pytest.raises(ConfigError, match="pip install pysqlite3"):
        refuse_unsafe_sqlite(version)


@pytest.mark.parametrize("version", [(3, 6, 23), (3, 51, 3), (3, 53, 4)])
def test_other_versions_of_sqlite_are_taken(version: tuple[int, int, int]) -> None:
    """Before write-ahead logging, and since it was mended."""
    refuse_unsafe_sqlite(version)


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "mysql://h/x"])
def test_a_database_that_cannot_be_used_is_refused(url: str) -> None:
    """The message shows what one looks like."""
    with pytest.raises(ConfigError, match="expected sqlite:///FILE or postgresql"):
        open_database(url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:SECRET@h/db",
        "mysql://user:a@SECRET@h/db",
        "mysql://user:SECRET@h:port/db",
        "mysql://h/db?password=SECRET",
        "sqlite://user:SECRET@h/db",
        "user:SECRET@h/db",
    ],
)
def test_a_refused_url_keeps_its_password(url: str) -> None:
    """What is printed names the scheme at most, never the password."""
    with pytest.raises(
        ConfigError, match="expected sqlite:///FILE or postgresql"
    ) as refusal:
        open_database(url)
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize("place", [":memory:", "file::memory:?uri=true"])
def test_a_database_in_memory_is_refused(place: str) -> None:
    """What is carried must survive a restart, so the message asks for a file."""
    with pytest.raises(ConfigError, match=r"survive a restart.*Give a file"):
        open_database(f"sqlite:///{place}")


def test_a_commit_is_on_disk_before_it_returns(tmp_path: Path) -> None:
    """Write-ahead log, synchronous FULL, and waiting for other writers."""
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    with reading(engine) as connection:
        found = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in (
                "journal_mode",
                "synchronous",
                "busy_timeout",
                "foreign_keys",
            )
        }
    engine.dispose()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 10_000,
        "foreign_keys": 1,
    }


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """No waiting mends it, so the message names the file and the option."""
    file = tmp_path / "x.db"
    file.write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(ConfigError, match=rf"{file}: it is not a data.*--database"):
        open_database(f"sqlite:///{file}")


@pytest.mark.parametrize("place", [".", "/proc/x.db"])
def test_a_place_where_no_database_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A folder, or a folder that takes no files: named, with the option that mends it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"got {place}: it cannot be .*--database"):
        open_database(f"sqlite:///{place}")


def test_a_database_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens it does not wait as for another writer."""
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///file:{tmp_path}/x.db"
    open_database(f"{url}?uri=true").dispose()
    started = time.monotonic()
    with pytest.raises(ConfigError, match=r"cannot be written.*--database"):
        open_database(f"{url}?mode=ro&uri=true")
    assert time.monotonic() - started < 5


def test_a_connection_of_a_time_when_nothing_could_be_written_is_given_up(
    tmp_path: Path,
) -> None:
    """SQLite opens a file for reading where it cannot for writing, and stays with that."""
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    engine.dispose()
    once = iter([f"file:{tmp_path}/x.db?mode=ro"])

    def connect(*_: object) -> object:
        place = next(once, None)
        # None: as ever.
        return place and sqlite.connect(place, uri=True, check_same_thread=False)

    event.listen(engine, "do_connect", connect)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM series")).scalar() == 0
    assert written(engine, lambda found: found.execute(NOTHING).rowcount) == 0
    engine.dispose()


def test_a_database_that_another_one_holds_may_answer_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is worth another try, and no fault of the setting."""
    monkeypatch.setattr("service.sqlite.BUSY_TIMEOUT_MS", 50)
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    with writing(engine), pytest.raises(StoreFailure, match="locked"):
        open_database(f"sqlite:///{tmp_path}/x.db")
    engine.dispose()


def test_a_failure_of_the_database_is_one_kind_of_error(database: str) -> None:
    """And nothing that was begun is kept."""
    engine = open_database(database)
    store = Store(engine)
    store.check_writable()

    def fail_half_way() -> None:
        with writing(engine) as connection:
            connection.execute(text("UPDATE schema_version SET version = 99"))
            connection.execute(text("SELECT * FROM absent"))

    with pytest.raises(StoreFailure, match=r"no such table|does not exist"):
        fail_half_way()
    store.close()

    open_database(database).dispose()


def _open_at_once(url: str, gate: object) -> None:
    gate.wait()  # type: ignore[attr-defined]
    open_database(url).dispose()


def test_workers_that_start_together_all_open_it(database: str) -> None:
    """The first one makes the tables, the others wait for it."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    workers = [
        context.Process(target=_open_at_once, args=(database, gate)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]


def test_the_sqlite_is_ours_also_behind_tensorflow() -> None:
    """TensorFlow brings an older one; a program may import either first."""
    script = (
        "import tensorflow; from service.sqlite_driver import sqlite; "
        "print(sqlite.connect(':memory:').execute('SELECT sqlite_version()').fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == sqlite.sqlite_version
    refuse_unsafe_sqlite(sqlite.sqlite_version_info)
