"""Files of series in long format, checked once; everything below trusts the panel.

path ─files─▶ Table ─cells, times─▶ numbers ─grid─▶ Rows ─▶ Panel
"""

from pathlib import Path

from forecaster.exog import Columns
from forecaster.panel import Panel
from forecaster.reading.cells import parse_ids, parse_values
from forecaster.reading.covariates import parse_covariates
from forecaster.reading.files import open_table
from forecaster.reading.future import read_future
from forecaster.reading.grid import choose_frequency, lay_out, sort_rows
from forecaster.reading.mending import Mending, Say, merge, snap
from forecaster.reading.times import parse_times

__all__ = ["Mending", "read_future", "read_panel"]

NONE = Columns()
NOTHING = Mending()


def read_panel(
    path: str | Path,
    freq: str | None = None,
    covariates: Columns = NONE,
    *,
    mending: Mending = NOTHING,
    say: Say = lambda line: None,
) -> Panel:
    """All series of a CSV, .csv.gz or Parquet file, ordered by their names.

    One row is one observation, in any order, in the columns `unique_id, ds, y` (or
    `item_id, timestamp, target`); the columns named as covariates are read, others are left
    alone. Absent times are gaps. Rows at the end of a series that have no value but a
    covariate known ahead are its future: they become the panel's `exog.ahead`.
    Offsets from UTC are converted. The frequency is inferred unless `freq` gives it.
    Rows that share a time and times off the grid are refused unless `mending` says what
    becomes of them; `say` is told how many it met.

    Raises `DataError` for a file that cannot be used, naming the series, the row and the
    mend, and `InputError` for a `freq` that is none.

    >>> import tempfile
    >>> text = "unique_id,ds,y\\nshop,2024-01-01,3\\nshop,2024-01-04,5\\nshop,2024-01-02,4\\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "sales.csv")
    ...     _ = path.write_text(text)
    ...     panel = read_panel(path)
    >>> panel.values_of(0)
    array([ 3.,  4., nan,  5.])
    """
    table = open_table(Path(path), covariates)
    named = parse_ids(table)
    cells = parse_covariates(table, covariates)
    rows = sort_rows(table, named, parse_times(table), parse_values(table), cells)
    if mending.snap:
        rows, freq = snap(rows, freq, say)
    rows = merge(rows, mending.duplicates, say)
    return lay_out(rows, choose_frequency(rows, freq))
