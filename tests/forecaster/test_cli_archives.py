"""Laws of `forecaster backup`, `restore`, `export`, `import` and `compact`."""

import json
import os
import sqlite3
from contextlib import closing

import pytest

from tests.forecaster.conftest import Shell
from tests.postgresql import Server, name_in
from tests.service.keeping import VALUES, Bench

HERE, THERE = "sqlite:///here.db", "sqlite:///there.db"


@pytest.fixture
def carried(shell: Shell) -> Shell:
    """A shell beside a database, here.db, that carries the series `a` and `b`."""
    bench = Bench(HERE)
    for unique_id in ("a", "b"):
        bench.send(VALUES, unique_id=unique_id)
    bench.store.close()
    return shell


def test_a_backup_is_written_and_restored(carried: Shell) -> None:
    """stdout stays free; stderr says what; a second backup is of the same rows."""
    done = carried(f"backup x.zip --database {HERE}")
    assert (done.code, done.out) == (0, "")
    assert "wrote x.zip: 2 series, 800 observations, 2 states" in done.err
    assert carried(f"restore x.zip --database {THERE}").code == 0

    again = carried(f"backup y.zip --database {THERE} --json")

    assert (again.code, again.err) == (0, "")
    about = json.loads(again.out)
    assert about["rows"]["observations"] == 800
    assert about["bytes"] == (carried.folder / "y.zip").stat().st_size


def test_series_are_exported_and_imported(carried: Shell) -> None:
    """Into a database that need not be there yet."""
    line = f"export --series a --series b --out x.zip --database {HERE}"
    assert carried(line).code == 0
    assert carried(f"import x.zip --database {THERE} --json").code == 0
    refused = carried(f"import x.zip --database {THERE} --json")
    assert (refused.code, refused.out) == (2, "")
    assert "say --replace" in refused.err
    assert carried(f"import x.zip --database {THERE} --replace").code == 0


@pytest.mark.parametrize("database", [HERE, "sqlite:///file:here.db?mode=ro&uri=true"])
def test_what_only_reads_needs_a_database_that_can_be_read(
    carried: Shell, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """Of files and folders that cannot be written; what writes says so."""
    folder, out = carried.folder / "read-only", carried.folder / "out"
    folder.mkdir()
    out.mkdir()
    (carried.folder / "here.db").rename(folder / "here.db")
    (folder / "here.db").chmod(0o444)
    folder.chmod(0o555)
    monkeypatch.chdir(folder)
    if os.geteuid() == 0 and "mode" not in database:  # who may write nevertheless
        monkeypatch.setattr(os, "access", lambda *_: False)
    for line in ("backup ../out/x.zip", "export --series a --out ../out/a.zip"):
        done = carried(f"{line} --database {database}")
        assert done.code == 0, done.err
    if "mode" in database or os.geteuid():
        done = carried(f"import ../out/a.zip --database {database}")
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert "it cannot be written" in done.err
    left = [one.name for one in folder.iterdir()]
    assert "mode" in database or left == ["here.db"]
    folder.chmod(0o755)


def test_a_user_who_may_only_read_makes_a_backup(
    shell: Shell, postgresql_server: Server
) -> None:
    """Of PostgreSQL; what writes is refused in one line."""
    bench = Bench(url := postgresql_server.fresh())
    bench.send(VALUES)
    bench.store.close()
    name = name_in(url)
    role = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor"
    postgresql_server.run("CREATE ROLE auditor LOGIN")
    postgresql_server.run(role, name)
    reader = postgresql_server.url(name, "auditor")
    done = shell(f"backup x.zip --database {reader}")
    assert done.code == 0, done.err
    done = shell(f"compact --database {reader}")
    assert done.code == 2
    assert "permission denied" in done.err


def test_compact_says_what_it_freed(carried: Shell) -> None:
    """On stdout, for it is the result; what it left alone stands on stderr."""
    done = carried(f"compact --database {HERE}")
    assert done.code == 0
    assert ": 0 states, 0 steps of logs, 0 keys of retries" in done.out
    assert "left alone, for models has no model of that name: demo" in done.err
    freed = json.loads(carried(f"compact --database {HERE} --json").out)
    assert freed["left_alone"] == ["demo"]
    assert freed["bytes_after"] <= freed["bytes_before"]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("backup", "Missing argument 'FILE'"),
        (f"backup x.zip --database {THERE}", "expected one that a service has used"),
        (f"compact --database {THERE}", "expected one that a service has used"),
        (f"backup absent/x.zip --database {HERE}", "No such file or directory"),
        (f"restore absent.zip --database {THERE}", "'absent.zip' does not exist"),
        (f"restore here.db --database {THERE}", "here.db: expected a file that"),
        (f"export --out x.zip --database {HERE}", "Missing option '--series'"),
        (f"export --series c --out x.zip --database {HERE}", "got 1 that are not"),
        (f"import here.db --database {THERE}", "here.db: expected a file that"),
    ],
)
def test_wrong_usage_is_one_line_and_no_traceback(
    carried: Shell, line: str, wanted: str
) -> None:
    """And no database is made where none was."""
    done = carried(line)
    assert done.code in (1, 2)
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert wanted in done.err
    assert not (carried.folder / "there.db").exists()


@pytest.mark.parametrize("verb", ["backup {}", "export --series a --out {}"])
@pytest.mark.parametrize("database", [HERE, "sqlite:///file:here.db?mode=ro&uri=true"])
@pytest.mark.parametrize("file", ["here.db", "../{}/here.db-wal", "link.zip"])
def test_no_archive_is_written_over_the_database(
    carried: Shell, verb: str, database: str, file: str
) -> None:
    """By whatever name; what was carried is there as before."""
    (carried.folder / "link.zip").symlink_to("here.db")
    file = file.format(carried.folder.name)

    done = carried(f"{verb.format(file)} --database {database}")

    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "expected another file than the database" in done.err
    assert carried(f"backup x.zip --database {HERE}").code == 0


DAMAGES = {
    "a page": "database disk image is malformed: restore a backup if it stays so",
    "UPDATE series SET unique_id = x'ff' WHERE pk = 1": "rows of series as this program writes them",
    "UPDATE observations SET value = 'x'": "rows of observations as this program writes th",
    "INSERT INTO covariates VALUES (1, 3, 'x')": "rows of covariates as this program",
    "UPDATE alembic_version SET version_num = '0000'": "the database has schema 0000",
    "DROP TABLE states": "no such table: states",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_told_in_one_line(carried: Shell, damage: str) -> None:
    """Without a traceback, nor an error that nobody thought of; and nothing is written."""
    if damage == "a page":
        with closing(sqlite3.connect("here.db")) as connection:
            root = "SELECT rootpage FROM sqlite_master WHERE name = 'observations'"
            number = connection.execute(root).fetchone()[0]
        with (carried.folder / "here.db").open("r+b") as file:
            file.seek((number - 1) * 4096)
            file.write(b"\xff" * 4096)
    else:
        with closing(sqlite3.connect("here.db")) as connection, connection:
            connection.execute(damage)
    done = carried(f"backup x.zip --database {HERE} --json")
    assert done.code in (1, 2)
    assert (done.err.count("\n"), done.err[:7]) == (1, "Error: ")
    assert DAMAGES[damage] in done.err
    assert not (carried.folder / "x.zip").exists()
    for line in ("compact", "export --series a --out y.zip", "restore none.zip"):
        assert "unexpected" not in carried(f"{line} --database {HERE}").err
