"""A real server on a really trained model, run as a user runs it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.served import Served


class Server(Served):
    """One that is started as it is made."""

    def __init__(self, models_dir: Path, folder: Path, **settings: object) -> None:
        super().__init__(models_dir, folder, **settings)
        self.start()


@pytest.fixture
def start_server(tmp_path: Path, tiny_models: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on one database; none outlives the test."""
    started: list[Server] = []

    def start(models_dir: Path = tiny_models, **settings: object) -> Server:
        started.append(Server(models_dir, tmp_path, **settings))
        return started[-1]

    yield start
    for server in started:
        server.stop()
