"""Laws of `forecaster retrain` that need no training."""

from pathlib import Path

import pytest

from forecaster import registry
from forecaster.cli.retrain import _promote
from forecaster.errors import BusyError
from forecaster.verdict import Verdict
from tests.forecaster.conftest import Shell
from tests.forecaster.versions import A, B, C, made

BAD_LINES = [
    ("retrain", "Missing option '--name'"),
    ("retrain --name nope", "no model 'nope'"),
    ("retrain --name demo --metric coverage-80", "'coverage-80' is not one of 'wql'"),
    ("retrain --name demo --margin 1", "1.0 is not in the range 0<=x<1"),
    ("retrain --name demo --from a.csv --from b.csv", "expected one file at most"),
    ("retrain --name demo --from a.csv", "a.csv"),
    ("retrain --name demo --database sqlite:///none.db", "none.db"),
]


@pytest.fixture
def models(shell: Shell) -> Path:
    """A models folder with a champion and two others."""
    folder = shell.folder / "models"
    for version in (A, B, C):
        made(folder, version)
    registry.set_alias(folder, "demo", "champion", A)
    return folder


@pytest.mark.parametrize(("line", "told"), BAD_LINES)
def test_wrong_usage_is_one_line_and_exit_code_2(
    shell: Shell, models: Path, line: str, told: str
) -> None:
    """Before anything is trained, and nothing is left behind."""
    done = shell(line)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert done.err.count("\n") == 1
    assert not (models / "demo" / "reports").exists()
    assert not (shell.folder / "none.db").exists()


def test_a_champion_chosen_meanwhile_is_not_overruled(models: Path) -> None:
    """The verdict is about another one: an error that names all three, and no change."""
    verdict = Verdict("demo", B, A, True, "better", {}, models / "x.json")
    registry.set_alias(models, "demo", "champion", C)
    with pytest.raises(BusyError, match=f"{B} is better than {A}, but meanwhile {C}"):
        _promote(verdict, models)
    assert registry.aliases(models, "demo") == {"champion": C}
