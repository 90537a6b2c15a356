"""What `predict` and `backtest` take in: series of a model's frequency, and the model."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from forecaster.covariates import Covariates
from forecaster.errors import ConfigError, InputError
from forecaster.frequency import Frequency
from forecaster.manifest import Manifest
from forecaster.panel import Panel
from forecaster.streaming import StepModel

if TYPE_CHECKING:
    from forecaster.reading import Mending

Command = TypeVar("Command", bound=Callable[..., Any])
Floats = NDArray[np.float32]


def mending_options(command: Command) -> Command:
    """Give a command `--snap` and `--duplicates`, as arguments of these names."""
    for option in (
        click.option(
            "--duplicates",
            type=click.Choice(("error", "mean", "first", "last", "sum")),
            default="error",
            show_default=True,
            help="What becomes of rows that share a step.",
        ),
        click.option("--snap", is_flag=True, help="Move times to the grid of --freq."),
    ):
        command = option(command)
    return command


def take_mending(wishes: dict[str, Any]) -> "Mending":
    """What `mending_options` gave, taken out of the other arguments."""
    from forecaster.reading import Mending  # pyarrow is slow to import

    return Mending(wishes.pop("snap"), wishes.pop("duplicates"))


def read_for_model(
    path: Path, freq: str | None, manifest: Manifest, mending: "Mending"
) -> Panel:
    """The series of a file, on the grid that the model was trained for, and its covariates.

    A file with a single row per series, which tells no frequency, has the model's; so
    have times that are snapped to a grid.

    Raises:
        DataError: the file cannot be used.
        ConfigError: its frequency is another than the model's.
    """
    if mending.snap and freq is None:
        freq = manifest.freq
    try:
        panel = _read(path, freq, manifest, mending)
    except InputError:
        single = _single_rows(path, manifest, mending) if freq is None else None
        if single is None:
            raise
        panel = single
    wanted = Frequency.parse(manifest.freq)
    if panel.frequency.step != wanted.step:
        or_else = f", or give --freq {wanted.alias} if the steps between are missing"
        fits = freq is None and _fits(path, manifest, mending)
        raise ConfigError(
            f"{path}: expected the frequency of model {manifest.name}, "
            f"{wanted.alias!r}, got {panel.frequency.alias!r}. Train a model on such "
            f"data{or_else if fits else ''}"
        )
    return panel


def _read(
    path: Path, freq: str | None, manifest: Manifest, mending: "Mending"
) -> Panel:
    """The file with the columns that the model was trained with."""
    from forecaster.reading import read_panel  # pyarrow is slow to import

    columns = Covariates.read(manifest.covariates).names
    return read_panel(path, freq, columns, mending=mending, say=say)


def _fits(path: Path, manifest: Manifest, mending: "Mending") -> bool:
    """Whether the file can be read at the model's frequency."""
    try:
        _read(path, manifest.freq, manifest, mending)
    except InputError:
        return False
    return True


def _single_rows(path: Path, manifest: Manifest, mending: "Mending") -> Panel | None:
    """The file read at the model's frequency, if no series has a second row."""
    try:
        panel = _read(path, manifest.freq, manifest, mending)
    except InputError:
        return None
    return panel if panel.lengths.max() == 1 else None


def with_future(
    panel: Panel, path: Path | None, horizon: int, mending: "Mending"
) -> Panel:
    """The panel with what a file knows ahead; a line on stderr where that is not enough.

    Raises:
        ConfigError: there is a file, but the model knows nothing ahead.
        DataError: the file cannot be used.
    """
    from forecaster.reading import read_future  # pandas is slow to import

    names = panel.exog.columns.futr
    if path is not None and not names:
        raise ConfigError(
            f"--future {path}: expected a model with covariates that are known ahead, "
            "this one has none. Leave it out"
        )
    if path is not None:
        panel = read_future(path, panel, mending=mending, say=say)
    ahead = panel.exog.ahead[:, :horizon]
    for place, name in enumerate(names):
        known = (~np.isnan(ahead[:, :, place])).sum(axis=1)
        if (known < horizon).any():
            first = int((known < horizon).argmax())
            say(
                f"warning: {name!r} is not known for all {horizon} steps ahead of "
                f"{int((known < horizon).sum())} of {len(panel)} series (of "
                f"{panel.ids[first]!r} for {known[first]}); forecasting without. Give it in "
                "rows behind the last value, with y empty, or with --future FILE"
            )
    return panel


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

    def observe(self, state: Floats, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """As the model's, counted."""
        observed = self._model.observe(state, y, x)
        self._bar.update(y.size)
        return observed

    def imagine(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """As the model's."""
        return self._model.imagine(state, y, x)

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """As the model's."""
        return self._model.forecast(state, x)

    def step(
        self, state: Floats, y: Floats, x: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """As the model's, counted."""
        stepped = self._model.step(state, y, x)
        self._bar.update(y.size)
        return stepped


def say(message: str) -> None:
    """A line of progress: to stderr, since stdout is for the result."""
    click.echo(message, err=True)
