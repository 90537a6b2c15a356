"""A service on a fresh database with a model of three numbers, and its client."""

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from forecaster.registry import set_alias
from forecaster.settings import Settings, load
from service.app import create_app, service_of
from service.telemetry import new_log
from tests.service.fakes import loader

VERSION = "20260101T000000Z-1a2b"


def add_version(
    models_dir: Path, name: str, version: str = VERSION, alias: str = "champion"
) -> None:
    """Put a version into the models folder and give it an alias."""
    folder = models_dir / name / version
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    set_alias(models_dir, name, alias, version)


def settings_in(folder: Path) -> Settings:
    """Small limits, so that tests can reach them."""
    return load(
        {
            "models_dir": str(folder / "models"),
            "database": f"sqlite:///{folder}/state/service.db",
            "max_body_bytes": 2**20,
            "max_series": 20,
            "max_points": 5_000,
            "max_horizon": 50,
            "max_gap": 100,
        },
        environ={},
        file=folder / "absent.toml",
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """One model, `demo`."""
    add_version(tmp_path / "models", "demo")
    return settings_in(tmp_path)


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client for tests that change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    add_version(folder / "models", "demo")
    app = create_app(settings_in(folder), new_log(io.StringIO()), loader())
    service_of(app).models.refresh()
    yield app.test_client()
    service_of(app).close()


@pytest.fixture
def make_app(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Make apps whose models are loaded; none may leave a thread behind."""
    made: list[Flask] = []

    def make(**about: object) -> Flask:
        app = create_app(settings, new_log(io.StringIO()), loader(**about))
        service_of(app).models.refresh()
        made.append(app)
        return app

    before = threading.active_count()
    yield make
    for app in made:
        service_of(app).close()
    assert threading.active_count() == before


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The service with an hourly model."""
    return make_app(frequency="h")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the service."""
    return app.test_client()
