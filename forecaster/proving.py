"""Whether a version may go live: whole on disk, sound in memory, sensible in what it says.

`registry.verify` compares files, without TensorFlow; `artifact.load` looks at functions
and weights; `probe` asks for forecasts of a few made series. `prove` is all of it; `loaded` and
`approve` are its two halves, for who loads in another way.
Letters: N series, H horizon, Q quantiles.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecaster import manifest as manifests
from forecaster import registry
from forecaster.artifact import Artifact, first_line, load
from forecaster.calendar import feature_names
from forecaster.covariates import Covariates
from forecaster.errors import ArtifactError
from forecaster.frequency import Frequency
from forecaster.manifest import Manifest
from forecaster.rows import Rows
from forecaster.streaming import Floats, StepModel, advance_series

STEPS = 40
CROSSING = 1e-5  # of its size may one quantile lie beside its place: rounding


def prove(folder: Path) -> Artifact:
    """Loads a version if nothing is wrong with it.

    Raises:
        ArtifactError: says in one line what is.
    """
    model = loaded(folder)
    approve(folder, model)
    return model


def loaded(folder: Path) -> Artifact:
    """A version whose files, functions and weights are sound, and that is in its place.

    Raises:
        ArtifactError: they are not, or it is not.
    """
    registry.check_place(folder, manifests.read(folder))
    return load(folder)


def approve(folder: Path, model: StepModel) -> None:
    """Lets a loaded version pass if it forecasts a few made series as it should.

    Args:
        folder: where it came from.
        model: what was loaded.

    Raises:
        ArtifactError: says in one line what is wrong.
    """
    try:
        probe(model)
    except ArtifactError:
        raise
    except Exception as error:
        # A foreign graph, or a foreign entry of the manifest, raises whatever it likes.
        raise ArtifactError(
            f"{folder}: expected forecasts of made series, got {type(error).__name__}: "
            f"{first_line(error)}. Train again or choose another version."
        ) from error


def probe(model: StepModel) -> None:
    """Carries a few made series and forecasts them, by every function of a model.

    The functions are called as they are: what `streaming` does with their answers would
    put quantiles in order again.

    Raises:
        ArtifactError: it takes features that are not computed here, or an answer is of a
            wrong shape, not finite, or has quantiles that cross.
    """
    manifest = model.manifest
    check_features(manifest)
    values, rows_at = made_series(manifest.season_length), Rows(manifest)
    lasts = _times(manifest, [len(one) - 1 for one in values])
    before = advance_series(
        model,
        model.initial_state(len(values)),
        [one[:-1] for one in values],
        _times(manifest, [0] * len(values)),
    )
    newest = np.array([one[-1:] for one in values], np.float32)
    now = np.zeros(len(values), np.int64)
    here = rows_at(lasts, now, 1, None)
    ahead = rows_at(lasts, now + 1, manifest.horizon, None)
    stepped, _, first = model.step(
        before, newest, np.concatenate([here, ahead], axis=1)
    )
    imagined = model.imagine(stepped, newest, ahead[:, :1])
    for states in (before, stepped, imagined):
        _check_finite(manifest, "states", states, (len(values), manifest.state_size))
    shape = (len(values), manifest.horizon, len(manifest.quantiles))
    for forecasts in (first, model.forecast(stepped, ahead)):
        _check_finite(manifest, "forecasts", forecasts, shape)
        _check_order(manifest, forecasts)


def check_features(manifest: Manifest) -> None:
    """Refuses a version that wants features of a step which are not computed here.

    Raises:
        ArtifactError: it does.
    """
    frequency = Frequency.parse(manifest.freq)
    covariates = Covariates.read(manifest.covariates)
    calendar = feature_names(frequency, covariates.holidays)
    if manifest.features != (*calendar, *covariates.names.names):
        raise ArtifactError(
            f"version {manifest.version} expects features this release does not "
            f"compute for frequency {frequency.alias!r}; train again"
        )


def made_series(season_length: int) -> list[NDArray[np.float64]]:
    """Series of every kind that a sound model forecasts in finite numbers.

    >>> [len(one) for one in made_series(12)]
    [40, 40, 40, 40, 40, 3]
    """
    wave = np.sin(2 * np.pi * np.arange(STEPS) / max(season_length, 4))
    gaps = np.where(np.arange(STEPS) % 7 == 3, np.nan, 20 + wave)
    return [10 + 3 * wave, 1e5 * (5 + wave), -wave, np.zeros(STEPS), gaps, wave[:3]]


def _times(manifest: Manifest, steps: list[int]) -> list[np.datetime64 | int]:
    """Times so many steps after the first of the made series."""
    frequency = Frequency.parse(manifest.freq)
    first = np.int64(0) if frequency.is_integer else np.datetime64("2024-01-01", "us")
    origin = frequency.times(first, np.array([0]))[0]  # on the grid
    return list(frequency.times(origin, np.array(steps)))


def _check_finite(
    manifest: Manifest, what: str, found: Floats, shape: tuple[int, ...]
) -> None:
    wrong = int(found.size - np.isfinite(found).sum())
    if found.shape != shape or wrong:
        raise ArtifactError(
            f"version {manifest.version}: expected finite {what} of shape {shape} for "
            f"made series, got {found.shape} with {wrong} numbers that are NaN or "
            "infinite. Train again or choose another version."
        )


def _check_order(manifest: Manifest, forecasts: Floats) -> None:
    """Refuses quantiles [N, H, Q] that do not rise, beyond rounding."""
    room = CROSSING * np.maximum(1.0, np.abs(forecasts[..., 1:]))
    crossed = int((np.diff(forecasts, axis=-1) < -room).sum())
    if crossed:
        raise ArtifactError(
            f"version {manifest.version}: expected quantiles that rise, {crossed} of the "
            "forecasts of made series cross. Train again or choose another version."
        )
