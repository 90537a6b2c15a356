"""Laws of starting the service: what cannot work ends at once, with one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forecaster.cli.serve import gunicorn_command

ROOT = Path(__file__).parents[2]
SERVE = [sys.executable, "-m", "forecaster", "serve"]


def run(
    command: list[str], folder: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that should end by itself, in a folder."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--database", "mysql://here"], "expected sqlite:///FILE, got 'mysql://here'"),
        (["--database", "sqlite:////dev/null/x.db"], "/dev/null/x.db"),
    ],
)
def test_a_database_that_cannot_be_used_ends_the_service(
    tmp_path: Path, arguments: list[str], wanted: str
) -> None:
    """No worker is started; the last line says what was expected; exit code 2."""
    done = run([*SERVE, "--port", "0", *arguments], tmp_path)

    assert done.returncode == 2
    assert wanted in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "Booting worker" not in done.stderr


def test_gunicorn_by_hand_is_as_careful_as_serve(tmp_path: Path) -> None:
    """Listening beyond this machine needs to be asked for however it is started."""
    done = run(gunicorn_command(), tmp_path, FORECASTER_HOST="0.0.0.0")

    assert done.returncode == 2
    assert "--insecure" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
