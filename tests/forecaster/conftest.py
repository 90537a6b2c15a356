"""What tests of the library share: a shell."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from forecaster import cli


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command line left behind."""

    code: int
    out: str
    err: str


class Shell:
    """Runs command lines in an empty folder, with nothing in the environment."""

    def __init__(self, capfd: pytest.CaptureFixture[str], folder: Path) -> None:
        """Keep where the output is caught and which folder is the current one."""
        self.capfd = capfd
        self.folder = folder

    def __call__(self, line: str | Sequence[str]) -> Outcome:
        """Run one line, split at spaces, or the words of one."""
        code = cli.run(line.split() if isinstance(line, str) else line)
        return Outcome(code, *self.capfd.readouterr())


@pytest.fixture
def shell(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """A shell in an empty folder."""
    for name in [name for name in os.environ if name.startswith("FORECASTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Shell(capfd, tmp_path)
