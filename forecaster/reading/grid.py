"""From rows in any order to series on full grids.

Letters: `R` rows of the file, `N` series.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import DataError, InputError
from forecaster.exog import Exog
from forecaster.frequency import Frequency, OffGrid, anchored, infer
from forecaster.panel import Panel, trimmed, without_future
from forecaster.reading.covariates import Cells
from forecaster.reading.table import Table, clipped

# A grid is mostly gaps when it is longer than this many steps and times the points.
SPARSE_STEPS, SPARSE_TIMES = 1_000, 100
HUGE_STEPS = 10_000_000

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """The observations of a table sorted by series and time; all arrays are [R]."""

    table: Table
    ids: tuple[str, ...]  # [N]
    series: Ints
    times: NDArray[Any]
    values: NDArray[np.float64]
    origin: Ints  # the row of the table that each came from
    covariates: Cells

    @property
    def begins(self) -> Ints:
        """The first row of each series [N]."""
        return np.searchsorted(self.series, np.arange(len(self.ids)))

    @property
    def points(self) -> Ints:
        """Rows of each series [N]."""
        return np.bincount(self.series, minlength=len(self.ids))


def sort_rows(
    table: Table,
    named: tuple[tuple[str, ...], Ints],
    times: NDArray[Any],
    values: NDArray[np.float64],
    covariates: Cells,
) -> Rows:
    """The rows by series and time; of equal times, as they stand in the file."""
    ids, series = named
    order = np.lexsort((times.view(np.int64), series))
    return Rows(
        table,
        ids,
        series[order],
        times[order],
        values[order],
        order,
        covariates.take(order),
    )


def choose_frequency(rows: Rows, alias: str | None) -> Frequency:
    """The frequency given, or the one that the times show."""
    starts = rows.times[rows.begins]
    if alias is not None:
        given = Frequency.parse(alias)
        refuse_kind(rows, given)
        return anchored(given, starts)
    try:
        return infer(np.split(rows.times, rows.begins[1:]), rows.ids)
    except InputError as error:
        raise DataError(f"{rows.table.name}: {error}") from None


def lay_out(rows: Rows, frequency: Frequency) -> Panel:
    """The series on their grids, missing where no row is."""
    starts = rows.times[rows.begins]
    try:
        steps = frequency.steps(starts[rows.series], rows.times)
    except OffGrid as error:
        raise off_grid(rows, frequency, error) from None
    lengths = steps[rows.begins + rows.points - 1] + 1
    _refuse_sparse(rows, steps, lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    places = offsets[rows.series] + steps
    values = np.full(offsets[-1], np.nan)
    values[places] = rows.values
    exog = _exog(rows, places, len(values))
    try:
        return without_future(
            trimmed(Panel(rows.ids, offsets, values, starts, frequency, exog))
        )
    except DataError as error:
        raise DataError(f"{rows.table.name}, {error}") from None


def _exog(rows: Rows, places: Ints, total: int) -> Exog:
    """The covariates of the panel, missing where no row is."""
    given = rows.covariates
    columns = given.columns
    steps = np.full((total, given.steps.shape[1]), np.nan)
    steps[places] = given.steps
    stat = tuple(
        of_series(rows, name, values)
        for name, values in zip(columns.stat, given.stat, strict=True)
    )
    return Exog(columns, steps, stat, np.empty((len(rows.ids), 0, len(columns.futr))))


def of_series(rows: Rows, name: str, values: NDArray[Any]) -> NDArray[Any]:
    """The one value that a static column has for each series [N]; missing where none.

    Args:
        rows: sorted.
        name: of the column.
        values: of each row [R], NaN or None = missing.

    Raises:
        DataError: a series has two.
    """
    numbers = values.dtype.kind == "f"
    known = np.flatnonzero(~np.isnan(values) if numbers else values.astype(bool))
    found = np.full(len(rows.ids), np.nan if numbers else None, dtype=values.dtype)
    found[rows.series[known][::-1]] = values[known][::-1]
    for row in known[values[known] != found[rows.series[known]]][:1]:
        raise rows.table.refuse(
            int(rows.origin[row]),
            f"expected the same {name!r} in all rows of a series, got "
            f"{clipped(values[row])} and {clipped(found[rows.series[row]])}. Correct it, "
            "or name the column among hist_exog or futr_exog",
        )
    return found


def refuse_kind(rows: Rows, frequency: Frequency) -> None:
    """Refuses timestamps for whole numbers, and the reverse."""
    whole = rows.times.dtype.kind == "i"
    if whole == frequency.is_integer:
        return
    column = rows.table.columns[1]
    if whole:
        raise DataError(
            f"{rows.table.name}: expected timestamps in {column!r} for the frequency "
            f"{frequency.alias!r}, got whole numbers. Give --freq 1, and the season with "
            "--season-length, or write timestamps"
        )
    raise DataError(
        f"{rows.table.name}: expected whole numbers in {column!r} for the frequency "
        f"{frequency.alias!r}, got timestamps. Give one such as --freq h, or none"
    )


def off_grid(rows: Rows, frequency: Frequency, error: OffGrid) -> DataError:
    """Names the row that lies between two steps."""
    row = int(rows.origin[error.index])
    mend = (
        "Correct it or remove the row; if many are off, move them to the grid with --snap, "
        "or give a finer step with --freq"
    )
    text = str(rows.table.times[row].as_py())
    if not frequency.is_integer and ("+" in text or text.count("-") > 2):
        mend += "; for days of local time write them without the offset from UTC"
    return rows.table.refuse(row, f"off the grid: {error}. {mend}")


def _refuse_sparse(rows: Rows, steps: Ints, lengths: Ints) -> None:
    """One wrong year would make a grid of millions of missing values."""
    bound = np.clip(SPARSE_TIMES * rows.points, SPARSE_STEPS, HUGE_STEPS)
    for index in np.flatnonzero(lengths > np.maximum(bound, 2 * rows.points))[:1]:
        begin = rows.begins[index]
        gaps = np.diff(steps[begin : begin + rows.points[index]])
        widest = int(gaps.argmax())
        row = int(rows.origin[begin + widest + 1])
        raise rows.table.refuse(
            row,
            f"expected steps without so long a gap, got {gaps[widest]} steps since the row "
            f"before, {lengths[index]} in all for {rows.points[index]} rows. Correct the "
            "time, split the series there, or give a longer step with --freq",
        )
