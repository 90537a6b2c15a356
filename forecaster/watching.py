"""How well a version forecasts what it was not trained on, day by day.

    a series |---- training ----|-- day --|-- day --|-- day --| now
                                o         o         o

A state that is carried over a history is the state that a service carried: so forecasts
made at old cutoffs again, the state carried between them, are those that the service gave,
or would have given. They are scored once all of their values have come, and nothing has to
be kept, or computed, while it answers. Letters: `N` series, `W` cutoffs of each, `H` steps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.evaluation import carried_forecasts
from forecaster.panel import Panel
from forecaster.report import actual_values
from forecaster.shifts import changes, psi
from forecaster.streaming import StepModel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_SERIES = 200  # of more an even choice
MOST_DAYS = 14
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


def watch(model: StepModel, panel: Panel) -> list[Day]:
    """Scores the newest days of a log, as many as are known in full, oldest first.

    Args:
        model: a loaded version.
        panel: the log, with the covariates of the version.

    Returns:
        Nothing while all that is known has been learned from.
    """
    horizon, season = model.manifest.horizon, model.manifest.season_length
    chosen, origins = _cutoffs(model, panel)
    if not origins.size:
        return []
    panel = panel.take(chosen)
    quantiles = np.stack([*carried_forecasts(model, panel, origins, horizon)], axis=1)
    actual = actual_values(panel, origins, horizon)
    scale = [  # of each by itself, so that a day has the same scores whenever it is seen
        metrics.seasonal_scale(panel.values_of(i)[:known], season)
        for i, ends in enumerate(origins)
        for known in ends
    ]
    rows = origins.size  # a forecast each
    scores = metrics.score(
        actual.reshape(rows, -1),
        quantiles.reshape(rows, horizon, -1),
        tuple(model.manifest.quantiles),
        np.array(scale),
    )
    days = _days(panel, origins)
    found = _by_day(days.ravel(), scores)
    known = model.manifest.data.get("changes")
    if known is None:
        return found
    of = np.reshape(scale, origins.shape)
    return [
        replace(day, scores={**day.scores, "psi": psi(known, since)})
        for day, since in zip(
            found, _changes(model, panel, origins, of, days), strict=True
        )
    ]


def _cutoffs(model: StepModel, panel: Panel) -> tuple[Ints, Ints]:
    """Which series [N], and their newest cutoffs where a day begins [N, W]."""
    each = [_beginnings(model, panel, i) for i in range(len(panel))]
    counts = np.array([len(one) for one in each], np.int64)
    some = counts[counts > 0]
    if not len(some):
        return np.zeros(0, np.int64), np.zeros((0, 0), np.int64)
    width = int(min(MOST_DAYS, np.median(some)))
    chosen = np.flatnonzero(counts >= width)
    chosen = chosen[:: ceil(len(chosen) / MOST_SERIES)]
    return chosen, np.stack([each[i][-width:] for i in chosen])


def _beginnings(model: StepModel, panel: Panel, i: int) -> Ints:
    """The cutoffs of a series that leave all steps of a forecast, unseen in training."""
    manifest = model.manifest
    length, horizon = int(panel.lengths[i]), manifest.horizon
    first = manifest.season_length + 1  # before it errors have no scale
    steps = np.arange(first, length - horizon + 1)
    if not len(steps):
        return steps
    start = panel.starts[i : i + 1]
    times = panel.frequency.times(np.repeat(start, len(steps)), steps)
    before = panel.frequency.times(np.repeat(start, len(steps)), steps - 1)
    begins = _day_of(times, horizon) != _day_of(before, horizon)
    last = manifest.data.get("last")
    if last is not None:
        begins &= times > panel.frequency.parse_time(last)
    return np.asarray(steps[begins])


def _day_of(times: NDArray[np.generic], horizon: int) -> NDArray[np.generic]:
    """The day of each time; of whole steps a horizon is one."""
    if np.issubdtype(times.dtype, np.datetime64):
        return times.astype("datetime64[D]")
    return np.asarray(times // horizon)


def _days(panel: Panel, origins: Ints) -> NDArray[np.str_]:
    """The name of the day that begins at each cutoff [N, W]."""
    starts = np.repeat(panel.starts, origins.shape[1])
    times = panel.frequency.times(starts, origins.ravel())
    if np.issubdtype(times.dtype, np.datetime64):
        times = times.astype("datetime64[D]")
    return times.astype(str).reshape(origins.shape)


def _changes(
    model: StepModel, panel: Panel, origins: Ints, scale: Floats, days: NDArray[np.str_]
) -> Iterator[Floats]:
    """The newest changes of all series at the end of each day, enough to compare."""
    horizon, season = model.manifest.horizon, model.manifest.season_length
    span = max(horizon, ceil(CHANGES / len(panel))) + season
    for day in np.unique(days):
        found = []
        for i, w in np.argwhere(days == day):
            end = int(origins[i, w]) + horizon
            values = panel.values_of(int(i))[max(0, end - span) : end]
            found.append(changes(values, season, float(scale[i, w])))
        yield np.concatenate(found)


def _by_day(
    days: NDArray[np.str_], scores: Mapping[str, NDArray[np.float64]]
) -> list[Day]:
    found = []
    for day in np.unique(days):
        of = days == day
        means = {name: float(metrics.average(scores[name][of])) for name in MEASURES}
        told = {k: None if np.isnan(v) else round(v, 6) for k, v in means.items()}
        found.append(Day(str(day), int(of.sum()), {**told, "psi": None}))
    return found
