"""Laws of versions in a registry of MLflow: registered once, found by alias, forecasting alike."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import registry
from tests.forecaster.conftest import Shell

pytestmark = [
    pytest.mark.tf,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what MLflow calls
]

SCRIPT = """
import sys, mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
frame = pandas.read_csv("data.csv", parse_dates=["ds"])
params = {"horizon": 3, "level": [80]}
model.predict(frame, params=params).to_csv("theirs.csv", index=False)
"""


@dataclass(frozen=True)
class Export:
    """An export into a database of its own."""

    shell: Shell
    uri: str

    def __call__(self, version: str = "") -> dict[str, Any]:
        line = f"models export tiny {version} --mlflow --tracking-uri {self.uri} --json"
        outcome = self.shell(line)
        assert outcome.code == 0, outcome.err
        return dict(json.loads(outcome.out))


@pytest.fixture
def export(tiny_models: Path, shell: Shell) -> Export:
    """Exports the versions of `tiny`, in the folder of the shell."""
    shutil.copytree(tiny_models / "tiny", shell.folder / "models" / "tiny")
    return Export(shell, f"sqlite:///{shell.folder}/mlflow.db")


def test_what_mlflow_loads_forecasts_as_the_version_does(
    export: Export, shell: Shell
) -> None:
    """By its alias, in a process of its own, the forecasts are those of `predict`."""
    made = export()
    times = pd.date_range("2000-01-01", periods=50, freq="MS")
    waves = [
        pd.DataFrame(
            {"unique_id": name, "ds": times, "y": np.sin(np.arange(50)) + level}
        )
        for name, level in (("a", 2.0), ("b", 300.0))
    ]
    pd.concat(waves).to_csv(shell.folder / "data.csv", index=False)

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, export.uri, "models:/tiny@champion"],
        cwd=shell.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert made["added"]
    assert made["aliases"] == ["champion"]
    theirs = pd.read_csv(shell.folder / "theirs.csv")
    assert (
        shell("predict data.csv --name tiny --horizon 3 --level 80 --out o.csv").code
        == 0
    )
    ours = pd.read_csv(shell.folder / "o.csv")
    pd.testing.assert_frame_equal(theirs, ours, rtol=1e-4)


def test_a_version_is_registered_once_and_its_aliases_follow(
    export: Export, shell: Shell
) -> None:
    """Another export of it only moves aliases to where they are in the models folder."""
    first = export()
    registry.set_alias(shell.folder / "models", "tiny", "challenger", first["version"])
    again = export("challenger")

    assert not again["added"]
    assert (again["registered"], again["uri"]) == (first["registered"], first["uri"])
    assert again["aliases"] == ["champion", "challenger"]


def test_a_version_that_is_not_whole_is_not_registered(
    export: Export, shell: Shell
) -> None:
    """A file that is not what it was is named, and nothing is written anywhere."""
    folder = registry.resolve(shell.folder / "models", "tiny")
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"?")
    outcome = shell(f"models export tiny --mlflow --tracking-uri {export.uri}")

    assert outcome.code != 0
    assert "saved_model.pb" in outcome.err
    assert not (shell.folder / "mlflow.db").exists()


def test_an_mlflow_that_cannot_be_used_is_told_in_a_line(
    export: Export, shell: Shell
) -> None:
    """The message shows what a tracking URI looks like."""
    outcome = shell("models export tiny --mlflow --tracking-uri nonsense://x")

    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "sqlite:///mlflow.db" in outcome.err


def test_without_mlflow_the_message_says_how_to_install_it(
    export: Export, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra, asked for before anything else is done."""
    monkeypatch.setattr("forecaster.mlflow_registry.find_spec", lambda name: None)
    outcome = shell("models export tiny --mlflow")

    assert outcome.code == 2
    assert "forecaster[mlflow]" in outcome.err
