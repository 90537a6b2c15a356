"""The models being served: found, verified, loaded, warmed, and only then live.

A `Live` model is a value that a request takes once and uses to its end, so that no
answer mixes two versions; `Models` swaps it for another in one assignment. Nothing is
loaded before `start` or `refresh`, which a server calls in its workers: a model loaded
before a fork would hang there, silently.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecaster import artifact, proving, registry
from forecaster.errors import ArtifactError, ForecasterError
from forecaster.frequency import Frequency
from forecaster.manifest import FILE_NAME
from forecaster.streaming import StepModel, advance_series, forecast_series
from service.carrying import Live
from service.errors import NoModel, UnknownModel

WARM_BATCHES = (1, 8)
WARM_STEPS = 73  # a walk through chunks of every size
POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class Status:
    """What is served under a name, and why the champion is not, if so."""

    live: Live | None
    problem: str | None
    tried: tuple[str, int] | None = None  # the version, and when it was written


class Models:
    """The models of a folder by name; each serves its champion."""

    def __init__(
        self, folder: Path, load: Callable[[Path], StepModel] = artifact.load
    ) -> None:
        self.folder = folder
        self._load = load
        self._statuses: Mapping[str, Status] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def get(self, name: str | None) -> Live:
        """Return the live model of that name; None means the only one.

        Raises:
            UnknownModel: there is none of that name, or several and no name.
            NoModel: there is, but it is not loaded and warm.
        """
        name = self.only_name() if name is None else name
        status = self.statuses().get(name)
        if status is None and self._statuses is None:
            raise NoModel(self.nothing)
        if status is None:
            raise UnknownModel(f"no model of that name; there is: {self._names()}")
        if status.live is None:
            raise NoModel(f"model {name!r} is not ready: {status.problem}")
        return status.live

    def only_name(self) -> str:
        """Return the name of the only model.

        Raises:
            UnknownModel: there are several.
            NoModel: there is none.
        """
        names = list(self.statuses())
        if not names:
            raise NoModel(self.nothing)
        if len(names) > 1:
            raise UnknownModel(f"several models: say which by name: {self._names()}")
        return names[0]

    @property
    def nothing(self) -> str:
        """Why there is no model."""
        if self._statuses is None:
            return "the models are being loaded; try again in a moment"
        return f"no model in {self.folder}; make one with 'forecaster train'"

    def statuses(self) -> Mapping[str, Status]:
        """Return what is served, by name."""
        return self._statuses or {}

    def refresh(self) -> None:
        """Serve every champion that is not served yet; keep the old where it fails."""
        try:
            names = registry.names(self.folder)
        except OSError:
            names = []  # the folder is away for a moment: what is live stays live
        blank = Status(None, "it is being loaded; try again in a moment")
        self._statuses = dict.fromkeys(names, blank) | dict(self.statuses())
        for name in names:
            status = self._refreshed(name, self._statuses[name])
            self._statuses = {**self._statuses, name: status}

    def start(self) -> None:
        """Load now, and from then on look for new champions in a thread of its own."""
        self.refresh()
        self._thread = threading.Thread(target=self._watch, name="models", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_S):
            self.refresh()

    def _refreshed(self, name: str, now: Status) -> Status:
        tried = None  # a champion that cannot even be found is looked for again
        try:
            folder = registry.resolve(self.folder, name)
            champion = (folder.name, (folder / FILE_NAME).stat().st_mtime_ns)
            if champion == now.tried:
                return now
            tried = champion
            model = self._load(folder)
            warm_up(model)
        except (ForecasterError, OSError) as error:
            return Status(now.live, str(error), tried)
        except Exception as error:  # noqa: BLE001 - whatever a damaged graph raises, the old keeps serving
            return Status(now.live, f"{name}: {type(error).__name__}", tried)
        return Status(Live(name, folder.name, model), None, tried)

    def _names(self) -> str:
        return ", ".join(sorted(self.statuses())) or "none"


def warm_up(model: StepModel) -> None:
    """Call the model in every shape it will meet, and check what it answers.

    Raises:
        ArtifactError: the answers have the wrong shape or are not finite.
    """
    manifest = model.manifest
    proving.check_features(manifest)
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
        forecasts = forecast_series(
            model, states, [origin[-1]] * batch, manifest.horizon
        )
        _check(manifest.version, states, (batch, manifest.state_size))
        wanted = (batch, manifest.horizon, len(manifest.quantiles))
        _check(manifest.version, forecasts, wanted)


def _check(version: str, answer: np.ndarray, shape: tuple[int, ...]) -> None:
    if answer.shape != shape or not np.isfinite(answer).all():
        raise ArtifactError(
            f"version {version}: expected finite numbers of shape {shape}, got "
            f"{answer.shape}; the model is damaged, train again"
        )
