"""What is done to irregular rows when it is asked for: snapped to a grid, and merged.

Nothing is mended by itself: without being asked, two rows of one time and a time off the
grid are errors. Letters: `R` rows, `N` series.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import ConfigError, DataError, InputError
from forecaster.frequency import Frequency, infer, typical
from forecaster.reading.covariates import Cells
from forecaster.reading.grid import Rows
from forecaster.reading.table import clipped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Say = Callable[[str], None]

MERGES = ("error", "mean", "first", "last", "sum")


@dataclass(frozen=True, slots=True)
class Mending:
    """What may be mended.

    Attributes:
        snap: move each time to the nearest one on the grid of its series.
        duplicates: what becomes of rows that share a step: one of `MERGES`.
    """

    snap: bool = False
    duplicates: str = "error"

    def __post_init__(self) -> None:
        if self.duplicates not in MERGES:
            raise ConfigError(
                f"duplicates: expected one of {', '.join(MERGES)}; got "
                f"{self.duplicates!r}"
            )


def snap(rows: Rows, alias: str | None, say: Say) -> tuple[Rows, str]:
    """The rows moved to the nearest times on their grids, and the frequency of these.

    Args:
        rows: sorted, several of one time allowed.
        alias: the frequency; None means the one that most steps show.
        say: takes a line on how many were moved, and how far.

    Raises:
        DataError: the series have different frequencies, or none can be told.
    """
    alias = _commonest(rows) if alias is None else alias
    frequency = Frequency.parse(alias)
    if frequency.is_integer != (rows.times.dtype.kind == "i"):
        return rows, alias  # refused where the frequency is chosen
    anchors = frequency.anchors(rows.times, rows.begins)[rows.series]
    return moved(rows, anchors, frequency, say), alias


def moved(rows: Rows, anchors: NDArray[Any], frequency: Frequency, say: Say) -> Rows:
    """The rows moved to the nearest times on the grids through `anchors` [R]."""
    times = frequency.nearest(anchors, rows.times)
    off = times != rows.times
    if off.any():
        far = np.abs(times - rows.times)[off]
        say(
            f"snapped {off.sum():,} of {len(times):,} rows to steps of "
            f"{frequency.alias!r}, by {_spell(np.median(far))} in the middle and "
            f"{_spell(far.max())} at most"
        )
    return replace(rows, times=times)


def merge(rows: Rows, how: str, say: Say) -> Rows:
    """One row for each step of a series.

    `mean` and `sum` are over the values that are there, `first` and `last` the earliest
    and the latest of them; of equal times, as they stand in the file.

    Args:
        rows: sorted.
        how: one of `MERGES`.
        say: takes a line on how many rows were merged.

    Raises:
        DataError: there are such rows and `how` is "error".
    """
    same = (np.diff(rows.series) == 0) & (rows.times[1:] == rows.times[:-1])
    if not same.any():
        return rows
    if how == "error":
        raise _repeated(rows, np.flatnonzero(same))
    begins = np.flatnonzero(np.r_[True, ~same])
    say(
        f"merged {same.sum():,} of {len(rows.times):,} rows into others of the same step "
        f"({how})"
    )
    return replace(
        rows,
        series=rows.series[begins],
        times=rows.times[begins],
        values=_merged(rows.values, begins, how),
        origin=rows.origin[begins],
        covariates=_merged_covariates(rows.covariates, begins, how),
    )


def _merged_covariates(cells: Cells, begins: Ints, how: str) -> Cells:
    """The covariates of each group of rows; what is added up in y is averaged here."""
    how = "mean" if how == "sum" else how
    merged = [_merged(column, begins, how) for column in cells.steps.T]
    steps = np.stack(merged, axis=1) if merged else cells.steps[begins]
    return replace(cells.take(begins), steps=steps)


def _merged(values: Floats, begins: Ints, how: str) -> Floats:
    """One value of each group of rows; NaN where a group has none."""
    known = ~np.isnan(values)
    count = np.add.reduceat(known.astype(np.int64), begins)
    if how in ("mean", "sum"):
        total = np.add.reduceat(np.where(known, values, 0.0), begins)
        share = np.maximum(count, 1) if how == "mean" else 1
        return np.where(count > 0, total / share, np.nan)
    place = np.arange(len(values))
    if how == "first":
        chosen = np.minimum.reduceat(np.where(known, place, len(values) - 1), begins)
    else:
        chosen = np.maximum.reduceat(np.where(known, place, 0), begins)
    return np.where(count > 0, values[chosen], np.nan)


def _commonest(rows: Rows) -> str:
    """The frequency that times show which need not lie on a grid."""
    kept = np.r_[
        True, (np.diff(rows.series) != 0) | (rows.times[1:] != rows.times[:-1])
    ]
    begins = np.searchsorted(rows.series[kept], np.arange(1, len(rows.ids)))
    times = np.split(rows.times[kept], begins)
    try:
        return infer(times, rows.ids).alias
    except InputError:
        pass  # no grid yet: that is why they are snapped
    try:
        return typical(times, rows.ids).alias
    except InputError as error:
        raise DataError(f"{rows.table.name}: {error}") from None


def _repeated(rows: Rows, repeats: Ints) -> DataError:
    """Names the repeat that stands first in the file."""
    pairs = np.sort(np.stack([rows.origin[repeats], rows.origin[repeats + 1]]), axis=0)
    first, second = pairs[:, pairs[1].argmin()]
    total = "" if len(repeats) == 1 else f" ({len(repeats)} repeated in all)"
    time, before = (rows.table.times[int(row)].as_py() for row in (second, first))
    as_what = "" if time == before else f", the step of {clipped(before)} there,"
    return rows.table.refuse(
        int(second),
        f"expected each time once, got {clipped(time)} again after "
        f"{rows.table.place(first)}{as_what}{total}. Keep one row of each time, or merge them with --duplicates mean (or "
        "first, last, sum)",
    )


def _spell(length: Any) -> str:
    """A distance in time, or in integer steps, for a reader."""
    if not isinstance(length, np.timedelta64):
        return f"{length:g}"
    seconds = length / np.timedelta64(1, "s")
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
