"""The SavedModel: pure functions that need no GPU and no chance."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster.config import Architecture, Task

pytestmark = pytest.mark.tf

TASK = Task(horizon=2, season_length=1, ring=4, calendar=1)
SIZE = Architecture(units=3, patch_units=4, head_units=4, dropout=0.5)


@pytest.fixture(scope="module")
def network() -> Any:
    """A network whose every weight says something."""
    from forecaster.network import Network

    made = Network(TASK, SIZE)
    made.initialise()
    rng = np.random.default_rng(0)
    for variable in made.trainable_variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    return made


def test_what_is_exported_never_takes_the_cudnn_path(
    network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever trained it, the network that is traced was built without it."""
    from forecaster import export

    real, asked = export.Network, []

    def noted(*shape: Any, cudnn: bool = False) -> Any:
        asked.append(cudnn)
        return real(*shape, cudnn=cudnn)

    monkeypatch.setattr(export, "Network", noted)
    export.save(network, tmp_path / "m")
    assert asked == [False]


def test_no_chance_is_left_in_what_is_exported(network: Any) -> None:
    """Dropout is for training: the same question has the same answer."""
    from forecaster.export import signatures
    from forecaster.tracking import Tracker

    step = signatures(network)["step"]
    rng = np.random.default_rng(1)
    given = {
        "state": np.zeros((2, Tracker(network).state_size), np.float32),
        "y": rng.normal(9, 2, (2, 1)).astype(np.float32),
        "x": rng.uniform(-1, 1, (2, 3, 1)).astype(np.float32),
    }
    once, twice = step(**given), step(**given)
    for name in once:
        np.testing.assert_array_equal(
            once[name], twice[name]
        )  # NaN where none is expected
