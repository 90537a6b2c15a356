"""From the folder of a version to a model that can answer: loaded, proven, warm.

The version that answered before stays loaded beside the new one, so that going back takes
no time, and so does a canary. Those before them are let go, and the memory they took is
given back.
"""

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecaster import proving
from forecaster.artifact import first_line
from forecaster.errors import ArtifactError, ForecasterError
from forecaster.frequency import Frequency
from forecaster.streaming import (
    StepModel,
    advance_series,
    forecast_series,
    step_series,
)
from service.carrying import Live

WARM_BATCHES = (1, 8)
WARM_STEPS = 73  # a walk through chunks of every size
KEPT = 2  # versions of a model that are loaded: that which answers, and the one before

Load = Callable[[Path], StepModel]
# What tells the files of a version from others at the same place: path, size and time.
Mark = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A version that is fit to answer, and its files as they were."""

    live: Live
    mark: Mark


class Arrivals:
    """Makes models ready; keeps the last two of each name that were served, and a canary."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._served: dict[str, list[Arrived]] = {}
        self._held: dict[str, Arrived] = {}
        self._let_go = False

    def ready(self, folder: Path) -> Arrived:
        """Return the version of a folder, fit to answer requests.

        Raises:
            ArtifactError: says in one line what is wrong with it.
            OSError: the folder cannot be read.
        """
        mark = mark_of(folder)
        name = folder.parent.name
        for one in self._at_hand(name):
            if one.live.version == folder.name and one.mark == mark:
                return one
        try:
            model = self._load(folder)
            proving.approve(folder, model)
            warm_up(model)
        except (ForecasterError, OSError):
            raise
        except Exception as error:  # a damaged graph raises whatever it likes
            raise ArtifactError(
                f"{folder}: expected a model that can be served, got "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error
        return Arrived(Live(name, folder.name, model), mark)

    def _at_hand(self, name: str) -> list[Arrived]:
        served = self._served.get(name, [])
        return [*served, self._held[name]] if name in self._held else served

    def hold(self, name: str, arrived: Arrived | None) -> None:
        """Keep what runs beside the one that is served, or nothing."""
        before = self._held.pop(name, None)
        if arrived is not None:
            self._held[name] = arrived
        kept = any(one is before for one in self._at_hand(name))
        self._let_go |= before is not None and not kept

    def tidy(self) -> None:
        """Give back the memory of what was held and is not any more.

        A while after that was let go: requests that have begun with it are done by then.
        """
        if self._let_go:
            self._let_go = False
            give_back()

    def serve(self, arrived: Arrived) -> None:
        """Keep what is served now, and what was before it; let go of others."""
        name = arrived.live.name
        before = self._served.get(name, [])
        others = [one for one in before if one.live is not arrived.live]
        self._served[name] = [arrived, *others][:KEPT]
        if len(others) >= KEPT:
            del before, others
            give_back()


def mark_of(folder: Path) -> Mark:
    """Return what changes whenever a file of a version does.

    Raises:
        OSError: the folder cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    about = [(str(path.relative_to(folder)), path.stat()) for path in files]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in about)


def warm_up(model: StepModel) -> None:
    """Call a model in every shape it will meet: the first call of each takes longer."""
    manifest = model.manifest
    frequency = Frequency.parse(manifest.freq)
    origin = frequency.times(
        np.int64(0) if frequency.is_integer else np.datetime64("2024-01-01", "us"),
        np.arange(WARM_STEPS),
    )
    for batch in WARM_BATCHES:
        values = [np.sin(np.arange(WARM_STEPS)) + 2.0] * batch
        states = advance_series(
            model, model.initial_state(batch), values, [origin[0]] * batch
        )
        forecast_series(model, states, [origin[-1]] * batch, manifest.horizon)
        step_series(model, states, np.full(batch, 2.0), [origin[-1]] * batch)


def give_back() -> None:
    """Free what nobody refers to any more, and hand its memory to the machine.

    A graph of TensorFlow refers to itself, so that only the collector frees it; a worker
    has taken what it began with out of the collector's sight, its first models too.
    """
    frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    gc.collect()
    if frozen:
        gc.freeze()
    with suppress(OSError, AttributeError):  # of another C library, or none
        ctypes.CDLL(None).malloc_trim(0)
