"""Where a batch begins and ends: sliding windows and lanes.

NumPy only. A *window* is an origin with `lookback` steps before it and `horizon` steps
from it on. A *lane* is one row of every batch of an epoch; the chunk it holds in one
batch goes on where its chunk of the batch before stopped, so the recurrent state can be
carried from batch to batch (sequence batching, truncated back-propagation through time).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

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
        reset: whether the lane enters a new piece here, so its state starts afresh [B].
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
    """Cuts all series, laid end to end, into `lanes` equal pieces and walks them side by side.

    Every step of every series is in exactly one chunk of one batch. Chunks never cross
    from one series into the next: a lane that enters another series says so by `reset`.

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
    plans = [_chunks(piece, chunk) for piece in _pieces(lengths, lanes, order, whole)]
    for position in range(max((len(plan) for plan in plans), default=0)):
        rows = [
            plan[position] if position < len(plan) else (-1, 0, 0, 0) for plan in plans
        ]
        series, begin, count, reset = np.array(rows, dtype=np.int64).T
        yield LaneBatch(series, begin, count, reset.astype(bool))


def _pieces(
    lengths: Ints, lanes: int, order: Ints, whole: bool
) -> list[list[tuple[int, int, int]]]:
    """Equal cuts of the series laid end to end, as (series, begin, end) per lane."""
    ends = np.cumsum(lengths[order])
    total = int(ends[-1]) if len(ends) else 0
    cuts = total * np.arange(lanes + 1) // lanes
    if whole and total:
        cuts = np.r_[0, ends][np.searchsorted(ends, cuts, side="left")]
        cuts[-1] = total
    pieces: list[list[tuple[int, int, int]]] = []
    for first, last in pairwise(cuts):
        piece, at = [], int(first)
        while at < last:
            rank = int(np.searchsorted(ends, at, side="right"))
            series = int(order[rank])
            origin = int(ends[rank] - lengths[series])
            stop = min(int(last), int(ends[rank]))
            piece.append((series, at - origin, stop - origin))
            at = stop
        pieces.append(piece)
    return pieces


def _chunks(
    piece: list[tuple[int, int, int]], chunk: int
) -> list[tuple[int, int, int, int]]:
    """(series, begin, count, reset) of each chunk of one lane, in order."""
    return [
        (series, at, min(chunk, end - at), int(at == begin))
        for series, begin, end in piece
        for at in range(begin, end, chunk)
    ]
