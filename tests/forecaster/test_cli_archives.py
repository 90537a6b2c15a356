"""Laws of `forecaster backup`, `restore`, `export`, `import` and `compact`."""

import json

import pytest

from tests.forecaster.conftest import Shell
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
