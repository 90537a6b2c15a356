"""What is ordinary for each series: its seasonal naive error, and its spread.

The first is the unit in which a series' errors count in training. NumPy only; many series
at once, in blocks, so that memory stays small beside the data. Letter: N series.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.bending import bend_of
from forecaster.panel import Panel

Ints = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]

# A series' own ordinary error is never less than this, about a hundredth of a per cent.
UNIT_FLOOR = 1e-4
BLOCK = 1_000_000  # steps looked at together, about


def ordinary_errors(
    panel: Panel, ends: Ints, season_length: int
) -> NDArray[np.float32]:
    """Mean absolute seasonal difference of each series on its bent scale [N].

    Args:
        panel: N series.
        ends: steps of each series that are looked at [N], at least 1.
        season_length: m; a series that is not longer is compared with one step before.
    """
    return _in_blocks(
        panel, lambda chosen: _error(_bent(panel, chosen, ends), season_length)
    )


def ordinary_spread(panel: Panel, ends: Ints, ring: int) -> float:
    """How far the values of a series lie from their mean on its bent scale, usually.

    The median over series of the mean absolute deviation, each of its first values: as
    many as a ring holds, and what a model may know of a series that it does not know.

    Args:
        panel: N series.
        ends: steps of each series that are looked at [N], at least 1.
        ring: at most so many of these.
    """
    first = np.minimum(ends, ring)
    spreads = _in_blocks(panel, lambda chosen: _spread(_bent(panel, chosen, first)))
    known = spreads[first > 1]
    return float(np.median(known)) if len(known) else 0.0


def _in_blocks(panel: Panel, measure: Callable[[Ints], Floats]) -> Floats:
    """What is measured of each series [N], of neighbouring ones together."""
    blocks = panel.offsets[:-1] // BLOCK
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    return np.concatenate(
        [
            measure(np.arange(first, last))
            for first, last in zip(starts, [*starts[1:], len(panel)], strict=True)
        ]
    ).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Bent:
    """Values of some series on the bent scale of each, NaN = missing."""

    values: NDArray[np.float64]  # [T] of all series, one behind the other
    series: Ints  # [T] which one
    step: Ints  # [T] its step
    lengths: Ints

    def mean(self, numbers: NDArray[np.float64], counted: NDArray[np.bool_]) -> Any:
        """Mean per series of the counted numbers, 0 where none is."""
        return _mean(numbers, counted, self.series, len(self.lengths))


def _bent(panel: Panel, chosen: Ints, ends: Ints) -> _Bent:
    """The first values of some neighbouring series."""
    count, lengths = len(chosen), ends[chosen]
    series = np.repeat(np.arange(count), lengths)
    step = np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = panel.values[panel.offsets[chosen][series] + step]
    seen = ~np.isnan(values)
    size = _mean(np.abs(values), seen, series, count)
    bend = bend_of(size, _mean(np.maximum(-values, 0.0), seen, series, count))
    return _Bent(np.arcsinh(values / bend[series]), series, step, lengths)


def _mean(
    numbers: NDArray[np.float64], counted: NDArray[np.bool_], series: Ints, count: int
) -> NDArray[np.float64]:
    total = np.bincount(series[counted], numbers[counted], count)
    return total / np.maximum(np.bincount(series[counted], minlength=count), 1)


def _error(bent: _Bent, season_length: int) -> Floats:
    """Mean absolute seasonal difference of each series."""
    lag = np.where(bent.lengths > season_length, season_length, 1)[bent.series]
    before = np.arange(len(bent.series)) - np.minimum(lag, bent.step)
    change = np.abs(bent.values - bent.values[before])
    counted = (bent.step >= lag) & np.isfinite(change)
    return np.asarray(np.maximum(bent.mean(change, counted), UNIT_FLOOR))


def _spread(bent: _Bent) -> Floats:
    """Mean absolute deviation of each series from its mean."""
    seen = ~np.isnan(bent.values)
    apart = np.abs(bent.values - bent.mean(bent.values, seen)[bent.series])
    return np.asarray(bent.mean(apart, seen))
