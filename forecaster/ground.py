"""Forecasts of a version at the cutoffs of days, and their scores day by day.

The ground is that of one version, the champion; others forecast on it beside, so that what
is compared is alike: the same series, cutoffs, steps and quantiles, errors in one scale.
Letters: `N` series, `W` cutoffs of each, `H` steps, `Q` quantiles.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.evaluation import carried_forecasts
from forecaster.manifest import Manifest, learned_until
from forecaster.panel import Panel
from forecaster.report import actual_values
from forecaster.shifts import changes, psi
from forecaster.streaming import StepModel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CHANGES = 500  # values, that the shift of inputs is judged by, where there are as many
MEASURES = ("mase", "wql", "coverage-80", "coverage-95")


@dataclass(frozen=True, slots=True)
class Day:
    """The scores of the forecasts that begin with one day.

    Attributes:
        day: its date; of series in whole steps the first step.
        count: how many forecasts were scored.
        scores: the averages of `MEASURES`, and `psi`: how far the inputs have shifted
            from those of the training (`shifts`); None where nothing can be said.
    """

    day: str
    count: int
    scores: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What a version is scored on, and others beside it.

    Attributes:
        panel: the `N` series.
        origins: how many values of each are known at its cutoffs [N, W].
        horizon: `H`, steps forecast at each.
        levels: the `Q` probabilities that are scored.
        season_length: of the scale of errors.
        days: the name of the day that begins at each cutoff [N, W].
        scale: of the errors from each cutoff on [N, W].
    """

    panel: Panel
    origins: Ints
    horizon: int
    levels: tuple[float, ...]
    season_length: int
    days: NDArray[np.str_]
    scale: Floats

    @classmethod
    def of(cls, manifest: Manifest, panel: Panel, origins: Ints) -> "Ground":
        """The ground of the version of a manifest, at cutoffs [N, W] of a panel."""
        season = manifest.season_length
        return cls(
            panel,
            origins,
            manifest.horizon,
            tuple(manifest.quantiles),
            season,
            _days(panel, origins),
            _scale(panel, origins, season),
        )


def forecast(ground: Ground, model: StepModel) -> Floats:
    """What a version forecasts at the cutoffs, the states carried between [N, W, H, Q].

    Raises:
        ForecasterError: it forecasts not all of the quantiles, or no finite numbers.
    """
    own, windows = tuple(model.manifest.quantiles), []
    each = carried_forecasts(model, ground.panel, ground.origins, ground.horizon)
    for found in each:
        if own != ground.levels:
            wanted = [metrics.at(found, own, level) for level in ground.levels]
            found = np.stack(wanted, axis=-1)
        windows.append(found)
    return np.stack(windows, axis=1)


def fresh_days(ground: Ground, manifest: Manifest) -> list[str]:
    """The days of which a version has learned nothing, whichever series it is."""
    every, last = np.unique(ground.days), learned_until(manifest)
    if last is not None:
        times = _times(ground.panel, ground.origins)
        learned = times <= ground.panel.frequency.parse_time(last)
        every = np.setdiff1d(every, ground.days[learned])
    return [str(day) for day in every]


def scored(
    ground: Ground,
    manifest: Manifest,
    quantiles: Floats,
    days: Collection[str] | None = None,
) -> list[Day]:
    """The scores of the forecasts of a version by day, oldest first.

    Args:
        ground: what they are forecasts of.
        manifest: of the version.
        quantiles: its forecasts [N, W, H, Q].
        days: those that count; None means all.
    """
    rows = ground.origins.size  # a forecast each
    actual = actual_values(ground.panel, ground.origins, ground.horizon)
    scores = metrics.score(
        actual.reshape(rows, -1),
        quantiles.reshape(rows, ground.horizon, -1),
        ground.levels,
        ground.scale.ravel(),
    )
    found = []
    for day in np.unique(ground.days):
        if days is not None and day not in days:
            continue
        of = ground.days == day
        means = {m: float(metrics.average(scores[m][of.ravel()])) for m in MEASURES}
        told = {m: None if np.isnan(v) else round(v, 6) for m, v in means.items()}
        found.append(Day(str(day), int(of.sum()), {**told, "psi": None}))
    return _with_shifts(ground, manifest, found)


def _with_shifts(ground: Ground, manifest: Manifest, found: list[Day]) -> list[Day]:
    """The days with the shift of their inputs, where the version tells what it saw."""
    known = manifest.data.get("changes")
    if known is None:
        return found
    names = [day.day for day in found]
    return [
        replace(day, scores={**day.scores, "psi": psi(known, since)})
        for day, since in zip(found, _changes(ground, manifest, names), strict=True)
    ]


def _days(panel: Panel, origins: Ints) -> NDArray[np.str_]:
    """The name of the day that begins at each cutoff [N, W]."""
    times = _times(panel, origins)
    if np.issubdtype(times.dtype, np.datetime64):
        times = times.astype("datetime64[D]")
    return times.astype(str)


def _times(panel: Panel, origins: Ints) -> NDArray[Any]:
    """The times of the first steps that are forecast [N, W]."""
    starts = np.repeat(panel.starts, origins.shape[1])
    times = panel.frequency.times(starts, origins.ravel())
    return np.asarray(times).reshape(origins.shape)


def _scale(panel: Panel, origins: Ints, season: int) -> Floats:
    """Of each cutoff by itself, so that a day has the same scores whenever it is seen."""
    scale = [
        metrics.seasonal_scale(panel.values_of(i)[:known], season)
        for i, ends in enumerate(origins)
        for known in ends
    ]
    return np.reshape(scale, origins.shape)


def _changes(ground: Ground, manifest: Manifest, days: list[str]) -> Iterator[Floats]:
    """The newest changes of all series at the end of each day, enough to compare."""
    panel, season, scale = ground.panel, manifest.season_length, ground.scale
    if season != ground.season_length:
        scale = _scale(panel, ground.origins, season)
    span = max(ground.horizon, ceil(CHANGES / len(panel))) + season
    for day in days:
        found = []
        for i, w in np.argwhere(ground.days == day):
            end = int(ground.origins[i, w]) + ground.horizon
            values = panel.values_of(int(i))[max(0, end - span) : end]
            found.append(changes(values, season, float(scale[i, w])))
        yield np.concatenate(found)
