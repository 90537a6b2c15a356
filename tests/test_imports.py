"""Laws of importing: it is quick, it does nothing, and it goes one way."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SLOW = {"tensorflow", "keras", "pandas", "sklearn", "matplotlib", "pyarrow"}


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level packages that a run of Python loads."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = done.stderr.splitlines()
    return {
        line.rsplit("|", 1)[1].strip().partition(".")[0]
        for line in lines
        if "|" in line
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import forecaster"),
        ("-c", "import forecaster.registry, forecaster.settings, forecaster.streaming"),
        ("-c", "import service"),
        ("-m", "forecaster", "--help"),
        ("-m", "forecaster", "train", "--help"),
        ("-m", "forecaster", "config"),
        ("-m", "forecaster", "models"),
    ],
)
def test_what_is_slow_is_not_loaded_unasked(arguments: tuple[str, ...]) -> None:
    """Neither importing the package nor asking for help loads a slow library."""
    loaded = loaded_by(*arguments)

    assert "json" in loaded or "forecaster" in loaded or "service" in loaded
    assert loaded.isdisjoint(SLOW)


def test_keras_is_never_reached_through_tensorflow() -> None:
    """`tf.keras` is another name for the same library, with traps of its own."""
    offenders = [
        path.relative_to(ROOT)
        for folder in ("forecaster", "service", "scripts", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(
            r"\btf\.keras\b|tensorflow\.keras|import tf_keras", path.read_text()
        )
    ]

    assert offenders == []
