"""Files of what is known ahead: `unique_id, ds` and the covariates of steps to come.

Letters: `N` series, `L` steps ahead.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from forecaster.errors import DataError
from forecaster.exog import Columns
from forecaster.frequency import OffGrid
from forecaster.panel import Panel
from forecaster.reading.cells import parse_ids, parse_values
from forecaster.reading.covariates import parse_covariates
from forecaster.reading.files import open_table
from forecaster.reading.grid import Rows, off_grid, refuse_kind, sort_rows
from forecaster.reading.mending import Mending, Say, merge, moved
from forecaster.reading.table import clipped
from forecaster.reading.times import parse_times

NOTHING = Mending()
FARTHEST_STEPS = 100_000  # ahead of a series; beyond it a time is a mistake


def read_future(
    path: str | Path,
    panel: Panel,
    *,
    mending: Mending = NOTHING,
    say: Say = lambda line: None,
) -> Panel:
    """The panel with what a file knows ahead of its series in `exog.ahead`.

    One row is one step of one series behind its last row, in any order; rows that are
    absent are steps of which nothing is known. Irregular rows are mended as those of
    `read_panel`, on the grids of the panel.

    Raises:
        DataError: for a file that cannot be used, a series that is not in the panel, and
            a time that is not behind its last row.
    """
    columns = Columns(futr=panel.exog.columns.futr)
    table = open_table(Path(path), columns, values=columns.futr[0])
    cells = parse_covariates(table, columns)
    rows = sort_rows(
        table, parse_ids(table), parse_times(table), parse_values(table), cells
    )
    refuse_kind(rows, panel.frequency)
    places = _known_series(rows, panel)
    if mending.snap:
        rows = moved(rows, panel.starts[places][rows.series], panel.frequency, say)
    rows = merge(rows, mending.duplicates, say)
    series = places[rows.series]
    try:
        steps = panel.frequency.steps(panel.starts[series], rows.times)
    except OffGrid as error:
        raise off_grid(rows, panel.frequency, error) from None
    steps = steps - panel.lengths[series]
    for index in np.flatnonzero((steps < 0) | (steps >= FARTHEST_STEPS))[:1]:
        row = int(rows.origin[index])
        last = panel.frequency.format(panel.times_of(series[index])[-1:])[0]
        raise table.refuse(
            row,
            f"expected one of the next {FARTHEST_STEPS} times after {last}, the last of "
            f"the series, got {clipped(table.times[row].as_py())}. Remove the row",
        )
    old = panel.exog.ahead
    length = max(int(steps.max()) + 1, old.shape[1])
    ahead = np.full((len(panel), length, len(columns.futr)), np.nan)
    ahead[:, : old.shape[1]] = old
    ahead[series, steps] = rows.covariates.steps
    return replace(panel, exog=replace(panel.exog, ahead=ahead))


def _known_series(rows: Rows, panel: Panel) -> np.ndarray:
    """The place in the panel of each series of the rows."""
    places = {name: place for place, name in enumerate(panel.ids)}
    for index, name in enumerate(rows.ids):
        if name not in places:
            row = int(rows.origin[rows.begins[index]])
            raise DataError(
                f"{rows.table.name}, {rows.table.place(row)}: expected one of the series "
                f"of the data, got {clipped(name)}. Remove its rows or add its history"
            )
    return np.array([places[name] for name in rows.ids], dtype=np.int64)
