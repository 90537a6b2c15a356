"""Laws of all verbs that work on the store of a service."""

import pytest

from tests.forecaster.conftest import Shell

ON_WHAT_IS_THERE = (
    "keys list",
    "keys list --json",
    "keys revoke 1a2b",
    "jobs list",
    "jobs list --json",
    "jobs show 1a2b",
    "jobs cancel 1a2b",
    "schedules list",
    "schedules list --json",
    "schedules delete nightly",
    "backup out.zip",
    "export --series a --out out.zip",
    "compact",
)


@pytest.mark.parametrize("line", ON_WHAT_IS_THERE)
def test_a_mistyped_database_is_refused_by_name_and_not_made(
    shell: Shell, line: str
) -> None:
    """By whatever reads or changes what is there: one line, and nothing appears."""
    done = shell(f"{line} --database sqlite:///stat/forecaster.db")
    assert (done.code, done.out) == (2, "")
    assert (done.err.count("\n"), done.err[:7]) == (1, "Error: ")
    assert "a service has used, got sqlite:///stat/forecaster.db" in done.err
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["keys", "jobs", "schedules"])
@pytest.mark.parametrize("place", ["x.db", "file:x.db?mode=ro&uri=true"])
def test_where_a_service_was_there_may_be_nothing_to_list(
    shell: Shell, kind: str, place: str
) -> None:
    """That is no error, and told; also where nothing can be written."""
    made = shell("keys create --name till --scope read --database sqlite:///x.db")
    assert made.code == 0
    done = shell(f"{kind} list --database sqlite:///{place}")
    assert done.code == 0
    assert ("till" if kind == "keys" else "No ") in done.out
