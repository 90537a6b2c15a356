"""What tests share: a small real model, trained once for the whole run."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from forecaster.frequency import Frequency
from forecaster.panel import Panel
from tests import postgresql

settings.register_profile("patient", deadline=None)  # a busy machine is no error
settings.load_profile("patient")

TINY_CONFIG = """
[network]
units = 16
patch_units = 32
head_units = 32
[training]
steps = 60
"""


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A server for the whole run; what needs it is skipped where there is none."""
    postgresql.needed()
    with postgresql.running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/x.db"
    server: postgresql.Server = request.getfixturevalue("postgresql_server")
    return server.emptied()


@pytest.fixture
def empty_database(
    request: pytest.FixtureRequest, database: str, tmp_path: Path
) -> Callable[[], str]:
    """Gives URLs of further empty databases, of the kind of `database`."""
    if database.startswith("sqlite"):
        numbers = count()
        return lambda: f"sqlite:///{tmp_path}/{next(numbers)}/x.db"
    server: postgresql.Server = request.getfixturevalue("postgresql_server")
    return server.fresh


@pytest.fixture(scope="session")
def seasonal_panel() -> Panel:
    """Six monthly series of 300 steps with a season of 12, one with a gap."""
    rng = np.random.default_rng(7)
    step = np.arange(300)
    values = [
        10 + 5 * np.sin(2 * np.pi * (step + i) / 12) + rng.normal(0, 0.5, 300) + 3 * i
        for i in range(6)
    ]
    values[0][50:60] = np.nan
    starts = np.array(["2000-01-01"] * 6, "M8[us]")
    return Panel.from_series(
        [f"s{i}" for i in range(6)], values, starts, Frequency("MS")
    )


@pytest.fixture(scope="session")
def tiny_models(
    seasonal_panel: Panel, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A models folder with one really trained model, `tiny` (horizon 12)."""
    from forecaster.pipeline import train_model  # TensorFlow is slow to import
    from forecaster.planning import Wishes

    folder = tmp_path_factory.mktemp("models")
    config = folder / "tiny.toml"
    config.write_text(TINY_CONFIG, encoding="utf-8")
    train_model(
        seasonal_panel, "tiny", Wishes(horizon=12, seed=1, config=config), folder
    )
    return folder


@pytest.fixture(scope="session")
def tiny_artifact(tiny_models: Path):  # type: ignore[no-untyped-def]
    """The trained `tiny` model, loaded as the service loads it."""
    from forecaster import registry
    from forecaster.artifact import load

    return load(registry.resolve(tiny_models, "tiny"))
