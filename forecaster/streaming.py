"""Carrying many series at once: advance their states, read forecasts off them.

TensorFlow-free: works with anything that has the methods of `StepModel`. A history of
any length is walked in chunks of fixed sizes, so a state never depends on how its
values were grouped beyond float32 rounding, and memory does not grow with the history.
Letters: N series, S state, H horizon, Q quantiles.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import features
from forecaster.errors import InputError
from forecaster.frequency import Frequency
from forecaster.manifest import Manifest

Floats = NDArray[np.float32]
CHUNKS = (64, 8, 1)
BATCH = 512


class StepModel(Protocol):
    """What carries a state: a loaded artefact, a lean runtime, a test's own model."""

    manifest: Manifest

    def initial_state(self, batch: int) -> Floats:
        """States of series that have not begun [B, S]."""

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """The states [B, S] after values [B, T] with features [B, T, F]."""

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """Quantiles [B, H, Q] given features of the H steps ahead [B, H, F]."""


def advance_series(
    model: StepModel,
    states: Floats,
    values: Sequence[NDArray[np.floating]],
    starts: Sequence[np.datetime64 | int],
) -> Floats:
    """The states after more values of each series.

    Args:
        model: advances states.
        states: [N, S], left as they are.
        values: new values of each series, NaN = missing; any lengths, 0 too.
        starts: time of the first new value of each series.

    Returns:
        New states [N, S].
    """
    frequency = Frequency.parse(model.manifest.freq)
    states = states.copy()
    lengths = np.array([len(series) for series in values], dtype=np.int64)
    done = np.zeros(len(values), dtype=np.int64)
    for chunk in CHUNKS:
        for rows in _rounds(lengths, done, chunk):
            y = np.stack([values[i][done[i] : done[i] + chunk] for i in rows])
            x = _features(frequency, [starts[i] for i in rows], done[rows], chunk)
            states[rows] = model.advance(states[rows], y.astype(np.float32), x)
            done[rows] += chunk
    return states


def _rounds(
    lengths: NDArray[np.int64], done: NDArray[np.int64], chunk: int
) -> Iterator[NDArray[np.int64]]:
    """Batches of the rows that still have a whole chunk before them."""
    while len(rows := np.flatnonzero(lengths - done >= chunk)):
        yield from np.split(rows, range(BATCH, len(rows), BATCH))


def _features(
    frequency: Frequency,
    starts: Sequence[np.datetime64 | int],
    first: NDArray[np.int64],
    count: int,
) -> Floats:
    """Features [N, count, F] of the steps `first`, `first` + 1, … after each start."""
    steps = first[:, None] + np.arange(count)
    times = frequency.times(np.repeat(np.asarray(starts), count), steps.ravel())
    return features(frequency, times).reshape(len(starts), count, -1)


def forecast_series(
    model: StepModel,
    states: Floats,
    last_times: Sequence[np.datetime64 | int],
    horizon: int,
) -> Floats:
    """Forecasts after the last observed step of each series.

    Beyond the model's own horizon the medians are fed back, and the spread of the
    forecast they stand for is added in quadrature.

    Args:
        model: advances states and forecasts.
        states: [N, S].
        last_times: time of the last observed step of each series.
        horizon: steps to forecast, at least 1.

    Returns:
        Raw quantiles [N, horizon, Q].
    """
    parts = np.split(np.arange(len(states)), range(BATCH, len(states), BATCH))
    blocks = [
        _forecast_batch(model, states[rows], [last_times[i] for i in rows], horizon)
        for rows in parts
    ]
    return np.concatenate(blocks)


def _forecast_batch(
    model: StepModel,
    states: Floats,
    last_times: list[np.datetime64 | int],
    horizon: int,
) -> Floats:
    """`forecast_series` for as many series as one call may hold."""
    manifest = model.manifest
    frequency = Frequency.parse(manifest.freq)
    middle = manifest.quantiles.index(0.5)
    blocks: list[Floats] = []
    spread = np.zeros((len(states), 1, len(manifest.quantiles)), np.float32)
    while True:
        ahead = np.full(len(states), len(blocks) * manifest.horizon + 1)
        x = _features(frequency, last_times, ahead, manifest.horizon)
        block = model.forecast(states, x)
        medians = block[:, :, middle : middle + 1]
        offsets = block - medians
        offsets = np.sign(offsets) * np.hypot(offsets, spread)
        blocks.append(medians + offsets)
        if len(blocks) * manifest.horizon >= horizon:
            return np.concatenate(blocks, axis=1)[:, :horizon]
        states = model.advance(states, medians[:, :, 0], x)
        spread = offsets[:, -1:]


def quantiles_at(
    levels: Sequence[float], forecasts: Floats, wanted: Sequence[float]
) -> Floats:
    """Forecasts at other quantile levels, between those of the model.

    Args:
        levels: the model's quantile levels [Q], rising.
        forecasts: [..., Q].
        wanted: levels asked for [W].

    Returns:
        [..., W].

    Raises:
        InputError: when a level lies outside the model's range.

    >>> quantiles_at((0.1, 0.5, 0.9), np.array([[0.0, 4.0, 8.0]]), [0.5, 0.7])
    array([[4., 6.]])
    """
    for level in wanted:
        if not levels[0] <= level <= levels[-1]:
            raise InputError(
                f"quantile {level:g}: expected between {levels[0]:g} and {levels[-1]:g}, "
                "the range this model was trained for. Ask for a level inside it."
            )
    right = np.clip(np.searchsorted(levels, wanted), 1, len(levels) - 1)
    low, high = np.asarray(levels)[right - 1], np.asarray(levels)[right]
    share = ((np.asarray(wanted) - low) / (high - low)).astype(forecasts.dtype)
    below, above = forecasts[..., right - 1], forecasts[..., right]
    return np.asarray(below + share * (above - below))
