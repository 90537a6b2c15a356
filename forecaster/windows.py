"""Where a batch begins and ends: sliding windows and lanes.

NumPy only. A *window* is an origin with `lookback` steps before it and `horizon` steps
from it on. A *lane* is one row of every batch of an epoch; the chunk it holds in one
batch goes on where its chunk of the batch before stopped, so the recurrent state can be
carried from batch to batch (sequence batching, truncated back-propagation through time).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import ConfigError

Ints = NDArray[np.int64]


def window_origins(length: int, lookback: int, horizon: int, stride: int = 1) -> Ints:
    """Origins of all windows that fit: inputs before an origin, targets from it on.

    Args:
        length: number of steps of the series.
        lookback: steps before the origin, at least 0.
        horizon: steps from the origin on, at least 1.
        stride: steps between origins.

    Returns:
        Origins in steps [W], W = length - lookback - horizon + 1 at stride 1 (0 if none fits).

    Raises:
        ConfigError: when a number is out of range.

    >>> window_origins(10, lookback=3, horizon=2)
    array([3, 4, 5, 6, 7, 8])
    """
    for name, value, least in (
        ("length", length, 0),
        ("lookback", lookback, 0),
        ("horizon", horizon, 1),
        ("stride", stride, 1),
    ):
        if value < least:
            raise ConfigError(f"{name}: expected at least {least}, got {value}.")
    return np.arange(lookback, length - horizon + 1, stride, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LaneBatch:
    """One chunk of every lane.

    Attributes:
        series: index of the series each lane is in [B]; -1 where a lane has ended.
        begin: first step of the chunk within its series [B].
        count: steps of the chunk that count [B], at most the chunk length, 0 after the end.
        reset: whether a series begins here, so that the state starts afresh [B].
    """

    series: Ints
    begin: Ints
    count: Ints
    reset: NDArray[np.bool_]


def lane_batches(
    lengths: Ints,
    lanes: int,
    chunk: int,
    order: Ints | None = None,
    *,
    whole: bool = False,
) -> Iterator[LaneBatch]:
    """Lays the chunks of all series end to end and walks `lanes` equal pieces side by side.

    Every step of every series is in exactly one chunk of one batch, and a chunk never
    crosses from one series into the next. A lane may begin amid a series: then it goes on
    where the lane before it ends, so that in the next epoch of the same order it can take
    over that lane's state.

    Args:
        lengths: steps of each series [N].
        lanes: rows of a batch, B.
        chunk: steps of a batch, T.
        order: the order in which the series are laid end to end [N]; as given if None.
        whole: never cut a series between two lanes; the lanes are then less equal.

    Raises:
        ConfigError: when `lanes` or `chunk` is below 1.

    >>> for batch in lane_batches(np.array([12]), lanes=2, chunk=3):
    ...     print([list(range(b + 1, b + n + 1)) for b, n in zip(batch.begin, batch.count)])
    [[1, 2, 3], [7, 8, 9]]
    [[4, 5, 6], [10, 11, 12]]
    """
    if lanes < 1 or chunk < 1:
        raise ConfigError(
            f"lanes and chunk: expected at least 1, got {lanes} and {chunk}."
        )
    order = np.arange(len(lengths), dtype=np.int64) if order is None else order
    chunks = -(-lengths[order] // chunk)
    ends = np.cumsum(chunks)
    total = int(ends[-1]) if len(ends) else 0
    cuts = total * np.arange(lanes + 1) // lanes
    if whole and total:
        cuts = np.r_[0, ends][np.searchsorted(ends, cuts, side="left")]
        cuts[-1] = total
    for position in range(int(np.diff(cuts).max(initial=0))):
        place = cuts[:-1] + position
        live = place < cuts[1:]
        place = np.minimum(place, total - 1)
        rank = np.searchsorted(ends, place, side="right")
        series = order[rank]
        begin = (place - ends[rank] + chunks[rank]) * chunk
        yield LaneBatch(
            series=np.where(live, series, -1),
            begin=np.where(live, begin, 0),
            count=np.where(live, np.minimum(lengths[series] - begin, chunk), 0),
            reset=live & (begin == 0),
        )
