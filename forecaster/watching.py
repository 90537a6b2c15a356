"""How well a version forecasts what it was not trained on, day by day.

    a series |---- training ----|-- day --|-- day --|-- day --| now
                                o         o         o

A state that is carried over a history is the state that a service carried: so forecasts
made at old cutoffs again, the state carried between them, are those that the service gave,
or would have given. They are scored once all of their values have come, and nothing has to
be kept, or computed, while it answers. Letters: `N` series, `W` cutoffs of each.
"""

from math import ceil
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency import Frequency
from forecaster.ground import Day, Ground, forecast, scored
from forecaster.manifest import Manifest, learned_until
from forecaster.panel import Panel
from forecaster.streaming import StepModel

Ints = NDArray[np.int64]

MOST_SERIES = 200  # of more an even choice
MOST_DAYS = 14


class Spans(Protocol):
    """Where series lie in time: a panel, or a log of which no value was read yet."""

    @property
    def frequency(self) -> Frequency:
        """Of all series."""

    @property
    def starts(self) -> NDArray[Any]:
        """The time of the first step of each [N]."""

    @property
    def lengths(self) -> Ints:
        """The steps of each [N]."""


def watch(model: StepModel, panel: Panel) -> list[Day]:
    """Scores the newest days of a log, as many as are known in full, oldest first.

    Args:
        model: a loaded version.
        panel: the log, with the covariates of the version.

    Returns:
        Nothing while all that is known has been learned from.
    """
    chosen, origins = newest_cutoffs(model.manifest, panel)
    if not origins.size:
        return []
    ground = Ground.of(model.manifest, panel.take(chosen), origins)
    return scored(ground, model.manifest, forecast(ground, model))


def newest_cutoffs(manifest: Manifest, spans: Spans) -> tuple[Ints, Ints]:
    """Which series [N], and their newest cutoffs where a day begins [N, W].

    No value of a series is looked at. The same spans give the same choice.
    """
    each = _beginnings(manifest, spans)
    counts = np.array([len(one) for one in each], np.int64)
    some = counts[counts > 0]
    if not len(some):
        return np.zeros(0, np.int64), np.zeros((0, 0), np.int64)
    width = int(min(MOST_DAYS, np.median(some)))
    chosen = np.flatnonzero(counts >= width)
    chosen = chosen[:: ceil(len(chosen) / MOST_SERIES)]
    return chosen, np.stack([each[i][-width:] for i in chosen])


def _beginnings(manifest: Manifest, spans: Spans) -> list[Ints]:
    """The cutoffs of each series that leave all steps of a forecast, unseen in training."""
    known: dict[tuple[int, int], Ints] = {}  # most series lie alike
    found = []
    begins = spans.starts.astype(np.int64).tolist()
    for i, where in enumerate(zip(begins, spans.lengths.tolist(), strict=True)):
        if where not in known:
            known[where] = _beginnings_of(manifest, spans, i)
        found.append(known[where])
    return found


def _beginnings_of(manifest: Manifest, spans: Spans, i: int) -> Ints:
    length, horizon = int(spans.lengths[i]), manifest.horizon
    first = manifest.season_length + 1  # before it errors have no scale
    steps = np.arange(first, length - horizon + 1)
    if not len(steps):
        return steps
    start = np.repeat(spans.starts[i : i + 1], len(steps))
    times = spans.frequency.times(start, steps)
    before = spans.frequency.times(start, steps - 1)
    begins = _day_of(times, horizon) != _day_of(before, horizon)
    last = learned_until(manifest)
    if last is not None:
        begins &= times > spans.frequency.parse_time(last)
    return np.asarray(steps[begins])


def _day_of(times: NDArray[np.generic], horizon: int) -> NDArray[np.generic]:
    """The day of each time; of whole steps a horizon is one."""
    if np.issubdtype(times.dtype, np.datetime64):
        return times.astype("datetime64[D]")
    return np.asarray(times // horizon)
