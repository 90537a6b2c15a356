"""What /openapi.json says, held against a real server by schemathesis."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.served import ROOT
from tests.journeys.conftest import Server

pytestmark = pytest.mark.tf
CONFIG = Path(__file__).parent / "schemathesis.toml"
EXAMPLES = 10  # of each route and phase; there are some thousand beside


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A key that may do everything."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "forecaster", "keys", "create", "--json"),
            *("--name", "everything", "--scope", "admin"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FORECASTER_DATABASE": f"sqlite:///{tmp_path}/service.db",
        },
        capture_output=True,
        check=True,
    )
    made: str = json.loads(done.stdout)["key"]
    return made


def test_the_service_is_as_documented(
    start_server: Callable[..., Server], key: str, tmp_path: Path
) -> None:
    """Every check of schemathesis, in all its phases, always with the same requests."""
    server = start_server(require_key=1)
    server.wait_for("/health/ready", 200)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", f"http://127.0.0.1:{server.port}/openapi.json"),
            *("--header", f"Authorization: Bearer {key}", "--checks", "all"),
            *("--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", str(EXAMPLES), "--generation-deterministic"),
            *("--no-shrink", "--no-color", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert "Tested: " in done.stdout
    assert server.call("GET", "/health/ready")[0] == 200
