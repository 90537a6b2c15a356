"""Laws of the parts of a state."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.parts import spans
from forecaster import manifest
from forecaster.config import Architecture, Task
from forecaster.planning import seasons_in_cycle
from tests.forecaster.versions import A, made

pytestmark = pytest.mark.tf


def test_parts_lie_where_the_network_has_them(tmp_path: Path) -> None:
    """The recurrent state ends a state; the course ends before the features of its last step."""
    from forecaster.network import Network

    season, ring, features = 24, 192, ("hour", "promo", "price", "stock")
    kinds = ("futr", "futr", "hist")
    size = Architecture(layers=3, units=8)
    task = Task(
        horizon=4,
        season_length=season,
        ring=ring,
        seasons=seasons_in_cycle(season, ring),
        calendar=1,
        futr=2,
        hist=1,
    )
    about = replace(
        manifest.read(made(tmp_path, A)),
        season_length=season,
        features=features,
        covariates={"columns": [{"kind": kind} for kind in kinds]},
        architecture=asdict(size) | {"ring": ring},
    )

    found, network = spans(about), Network(task, size)

    assert found["recurrent"] == list(range(network.exact_size, network.state_size))
    end = network.exact_size - network.past_size - task.features
    assert found["course"] == list(range(2 * ring, end))
