"""The ordinary error of each series: what a seasonal naive forecast misses by.

It is the unit in which a series' errors count in training. NumPy only; many series at
once, in blocks, so that memory stays small beside the data. Letter: N series.
"""

import numpy as np
from numpy.typing import NDArray

from forecaster.bending import bend_of
from forecaster.panel import Panel

Ints = NDArray[np.int64]

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
    blocks = panel.offsets[:-1] // BLOCK
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    return np.concatenate(
        [
            _of_block(panel, np.arange(first, last), ends, season_length)
            for first, last in zip(starts, [*starts[1:], len(panel)], strict=True)
        ]
    ).astype(np.float32)


def _of_block(
    panel: Panel, chosen: Ints, ends: Ints, season_length: int
) -> NDArray[np.float64]:
    """`ordinary_errors` of neighbouring series."""
    count, lengths = len(chosen), ends[chosen]
    series = np.repeat(np.arange(count), lengths)
    step = np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = panel.values[panel.offsets[chosen][series] + step]
    seen = ~np.isnan(values)

    def mean(
        numbers: NDArray[np.float64], counted: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        total = np.bincount(series[counted], numbers[counted], count)
        return total / np.maximum(np.bincount(series[counted], minlength=count), 1)

    bend = bend_of(mean(np.abs(values), seen), mean(np.maximum(-values, 0.0), seen))
    bent = np.arcsinh(values / bend[series])
    lag = np.where(lengths > season_length, season_length, 1)[series]
    before = np.arange(len(series)) - np.minimum(lag, step)
    change = np.abs(bent - bent[before])
    return np.maximum(mean(change, (step >= lag) & np.isfinite(change)), UNIT_FLOOR)
