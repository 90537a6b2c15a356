"""What `predict` and `backtest` take in: series of a model's frequency, and the model."""

from pathlib import Path
from types import TracebackType
from typing import Self

import click
import numpy as np
from numpy.typing import NDArray

from forecaster.errors import ConfigError, InputError
from forecaster.frequency import Frequency
from forecaster.manifest import Manifest
from forecaster.panel import Panel
from forecaster.streaming import StepModel

Floats = NDArray[np.float32]


def read_for_model(path: Path, freq: str | None, manifest: Manifest) -> Panel:
    """The series of a file, on the grid that the model was trained for.

    A file with a single row per series, which tells no frequency, has the model's.

    Raises:
        DataError: the file cannot be used.
        ConfigError: its frequency is another than the model's.
    """
    from forecaster.reading import read_panel  # pandas is slow to import

    try:
        panel = read_panel(path, freq)
    except InputError:
        single = _single_rows(path, manifest) if freq is None else None
        if single is None:
            raise
        panel = single
    wanted = Frequency.parse(manifest.freq)
    if panel.frequency.step != wanted.step:
        same_kind = panel.frequency.is_integer == wanted.is_integer
        or_else = f", or give --freq {wanted.alias} if the steps between are missing"
        raise ConfigError(
            f"{path}: expected the frequency of model {manifest.name}, "
            f"{wanted.alias!r}, got {panel.frequency.alias!r}. Train a model on such "
            f"data{or_else if same_kind else ''}"
        )
    return panel


def _single_rows(path: Path, manifest: Manifest) -> Panel | None:
    """The file read at the model's frequency, if no series has a second row."""
    from forecaster.reading import read_panel  # pandas is slow to import

    try:
        panel = read_panel(path, manifest.freq)
    except InputError:
        return None
    return panel if panel.lengths.max() == 1 else None


class Watched:
    """A model that shows on stderr how many values it has taken in.

    It has the methods of the model it stands for. Nothing is shown where stderr is no
    terminal, and nothing is left behind.
    """

    def __init__(self, model: StepModel, values: int) -> None:
        """`values`: how many there will be in all."""
        from tqdm import tqdm  # only where something takes long enough to watch

        self.manifest = model.manifest
        self._model = model
        self._bar = tqdm(
            total=values,
            unit=" values",
            unit_scale=True,
            desc="carrying",
            leave=False,
            disable=None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def initial_state(self, batch: int) -> Floats:
        """As the model's."""
        return self._model.initial_state(batch)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """As the model's, counted."""
        advanced = self._model.advance(state, y, x)
        self._bar.update(y.size)
        return advanced

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """As the model's."""
        return self._model.forecast(state, x)


def say(message: str) -> None:
    """A line of progress: to stderr, since stdout is for the result."""
    click.echo(message, err=True)
