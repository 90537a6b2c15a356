"""Carrying many series at once: advance their states, read forecasts off them.

TensorFlow-free: works with anything that has the methods of `StepModel`. A history of
any length is walked in chunks of fixed sizes, so a state never depends on how its
values were grouped beyond float32 rounding, and memory does not grow with the history.
Letters: N series, S state, H horizon, Q quantiles.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import InputError
from forecaster.manifest import Manifest
from forecaster.rows import Rows

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
CHUNKS = (64, 8, 1)
BATCH = 512


class StepModel(Protocol):
    """What carries a state: a loaded artefact, a lean runtime, a test's own model."""

    manifest: Manifest

    def initial_state(self, batch: int) -> Floats:
        """States of series that have not begun [B, S]."""

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """The states [B, S] after values [B, T] with features [B, T, F]."""

    def observe(self, state: Floats, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """The same, and the quantiles expected of each value before it [B, T, Q]."""

    def imagine(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """The states after values that nobody observed, to forecast from [B, S]."""

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """Quantiles [B, H, Q] given features of the H steps ahead [B, H, F]."""

    def step(
        self, state: Floats, y: Floats, x: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """`observe` of one value each, and `forecast`: features [B, 1 + H, F]."""


def advance_series(
    model: StepModel,
    states: Floats,
    values: Sequence[NDArray[np.floating]],
    starts: Sequence[np.datetime64 | int],
    exog: Sequence[Floats] | None = None,
) -> Floats:
    """The states after more values of each series.

    Args:
        model: advances states.
        states: [N, S], left as they are.
        values: new values of each series, NaN = missing; any lengths, 0 too.
        starts: time of the first new value of each series.
        exog: covariates of the new values of each series, rows as in `covariates`
            [values, A], NaN = missing; None when nothing is known of any.

    Returns:
        New states [N, S].
    """

    def advance(_: Ints, __: Ints, state: Floats, y: Floats, x: Floats) -> Floats:
        return model.advance(state, y, x)

    return _carried(advance, Rows(model.manifest), states, values, starts, exog)


def expect_series(
    model: StepModel,
    states: Floats,
    values: Sequence[NDArray[np.floating]],
    starts: Sequence[np.datetime64 | int],
    exog: Sequence[Floats] | None = None,
) -> tuple[Floats, list[Floats]]:
    """`advance_series`, and what was expected of each value.

    Returns:
        New states [N, S]; for each series the quantiles of each of its values, forecast
        one step ahead [values, Q], NaN for the first ones of a series.
    """
    width = len(model.manifest.quantiles)
    expected = [np.full((len(one), width), np.nan, np.float32) for one in values]

    def observe(rows: Ints, done: Ints, state: Floats, y: Floats, x: Floats) -> Floats:
        moved, found = model.observe(state, y, x)
        for row, first, one in zip(rows, done, found, strict=True):
            expected[row][first : first + len(one)] = one
        return moved

    states = _carried(observe, Rows(model.manifest), states, values, starts, exog)
    return states, expected


def step_series(
    model: StepModel,
    states: Floats,
    values: NDArray[np.floating],
    times: Sequence[np.datetime64 | int],
    exog: Sequence[Floats] | None = None,
    ahead: Sequence[Floats] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """`expect_series` of one value each and `forecast_series` of the model's horizon.

    The same numbers, by one call of the model instead of two.

    Args:
        model: does the step.
        states: [N, S], left as they are.
        values: one new value of each series [N], NaN = missing.
        times: of these values.
        exog: covariates of these values, of each series [1, A].
        ahead: covariates known ahead, of each series [steps, futr].

    Returns:
        New states [N, S], what was expected of the values [N, Q], forecasts [N, H, Q].
    """
    parts = np.split(np.arange(len(states)), range(BATCH, len(states), BATCH))
    found = [
        _step_batch(
            model,
            states[rows],
            values[rows],
            [times[i] for i in rows],
            None if exog is None else [exog[i] for i in rows],
            None if ahead is None else [ahead[i] for i in rows],
        )
        for rows in parts
    ]
    moved, expected, forecasts = zip(*found, strict=True)
    return np.concatenate(moved), np.concatenate(expected), np.concatenate(forecasts)


def _step_batch(
    model: StepModel,
    states: Floats,
    values: NDArray[np.floating],
    times: list[np.datetime64 | int],
    exog: Sequence[Floats] | None,
    ahead: Sequence[Floats] | None,
) -> tuple[Floats, Floats, Floats]:
    """`step_series` for as many series as one call may hold."""
    manifest, rows_at = model.manifest, Rows(model.manifest)
    now = np.zeros(len(states), np.int64)
    here = rows_at(times, now, 1, exog)
    then = rows_at(times, now + 1, manifest.horizon, ahead)
    y = values[:, None].astype(np.float32)
    moved, expected, block = model.step(states, y, np.concatenate([here, then], axis=1))
    spread = np.zeros((len(states), 1, len(manifest.quantiles)), np.float32)
    return moved, expected[:, 0], _widened(manifest, block, spread)[0]


def _carried(
    step: Callable[[Ints, Ints, Floats, Floats, Floats], Floats],
    rows_at: Rows,
    states: Floats,
    values: Sequence[NDArray[np.floating]],
    starts: Sequence[np.datetime64 | int],
    exog: Sequence[Floats] | None,
) -> Floats:
    """States after all values, walked in chunks of many series at once.

    Args:
        step: gives new states for the numbers of some series, how many of their values
            are done, their states, and values and features of the next ones.
        rows_at: makes the features.
        states: [N, S].
        values: new values of each series.
        starts: time of the first new value of each series.
        exog: covariates of the new values.
    """
    states = states.copy()
    lengths = np.array([len(series) for series in values], dtype=np.int64)
    done = np.zeros(len(values), dtype=np.int64)
    for chunk in CHUNKS:
        for rows in _rounds(lengths, done, chunk):
            y = np.stack([values[i][done[i] : done[i] + chunk] for i in rows])
            some = None if exog is None else [exog[i][done[i] :] for i in rows]
            x = rows_at([starts[i] for i in rows], done[rows], chunk, some)
            y = y.astype(np.float32)
            states[rows] = step(rows, done[rows], states[rows], y, x)
            done[rows] += chunk
    return states


def _rounds(
    lengths: NDArray[np.int64], done: NDArray[np.int64], chunk: int
) -> Iterator[NDArray[np.int64]]:
    """Batches of the rows that still have a whole chunk before them."""
    while len(rows := np.flatnonzero(lengths - done >= chunk)):
        yield from np.split(rows, range(BATCH, len(rows), BATCH))


def forecast_series(
    model: StepModel,
    states: Floats,
    last_times: Sequence[np.datetime64 | int],
    horizon: int,
    ahead: Sequence[Floats] | None = None,
) -> Floats:
    """Forecasts after the last observed step of each series.

    Beyond the model's own horizon the medians are fed back, and the spread of the
    forecast they stand for is added in quadrature.

    Args:
        model: advances states and forecasts.
        states: [N, S].
        last_times: time of the last observed step of each series.
        horizon: steps to forecast, at least 1.
        ahead: covariates known ahead, from the first step forecast on, of each series
            [steps, futr]; None when nothing is known of any.

    Returns:
        Raw quantiles [N, horizon, Q].
    """
    if not len(states):
        return np.empty((0, horizon, len(model.manifest.quantiles)), np.float32)
    parts = np.split(np.arange(len(states)), range(BATCH, len(states), BATCH))
    blocks = [
        _forecast_batch(
            model,
            states[rows],
            [last_times[i] for i in rows],
            horizon,
            None if ahead is None else [ahead[i] for i in rows],
        )
        for rows in parts
    ]
    return np.concatenate(blocks)


def _forecast_batch(
    model: StepModel,
    states: Floats,
    last_times: list[np.datetime64 | int],
    horizon: int,
    known: Sequence[Floats] | None,
) -> Floats:
    """`forecast_series` for as many series as one call may hold."""
    manifest, rows_at = model.manifest, Rows(model.manifest)
    middle = manifest.quantiles.index(0.5)
    blocks: list[Floats] = []
    spread = np.zeros((len(states), 1, len(manifest.quantiles)), np.float32)
    while True:
        done = len(blocks) * manifest.horizon
        some = None if known is None else [one[done:] for one in known]
        first = np.full(len(states), done + 1)
        x = rows_at(last_times, first, manifest.horizon, some)
        block, offsets = _widened(manifest, model.forecast(states, x), spread)
        blocks.append(block)
        if len(blocks) * manifest.horizon >= horizon:
            return np.concatenate(blocks, axis=1)[:, :horizon]
        states = model.imagine(states, block[:, :, middle], x)
        spread = offsets[:, -1:]


def _widened(
    manifest: Manifest, block: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    """Forecasts [N, H, Q] with the spread [N, 1, Q] of where they start, and theirs.

    The sign goes by the level and not by the offset: a block without any width has none.
    """
    middle = manifest.quantiles.index(0.5)
    side = np.sign(np.array(manifest.quantiles, np.float32) - 0.5)
    medians = block[:, :, middle : middle + 1]
    offsets = side * np.hypot(block - medians, spread)
    return medians + offsets, offsets


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
