"""The short form of `benchmarks.chaos`: processes are killed while clients send."""

from pathlib import Path

import pytest

from benchmarks.chaos import Plan, run
from benchmarks.served import Served
from forecaster.artifact import Artifact

pytestmark = pytest.mark.tf


def test_nothing_is_lost_or_applied_twice_through_kills(
    database: str, tmp_path: Path, tiny_models: Path, tiny_artifact: Artifact
) -> None:
    """A worker, the master alone, all at once; states are those of one pass."""
    served = Served(tiny_models, tmp_path, database=database, workers=2)
    try:
        found = run(served, tiny_artifact, Plan(("worker", "master", "all"), 6, 1.0))
    finally:
        served.kill()

    assert found.good, found
    assert found.answers["200"] > 10
    assert found.points > 10
