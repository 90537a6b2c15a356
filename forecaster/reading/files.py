"""Opening CSV and Parquet files, and refusing what is neither."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from forecaster.errors import DataError
from forecaster.exog import Columns
from forecaster.reading.csv_text import parse_csv
from forecaster.reading.table import Table, check_present, choose_columns


def open_table(path: Path, covariates: Columns, values: str | None = None) -> Table:
    """The three columns of a CSV or Parquet file, and the covariates named.

    `values` names the third column, where it is not one of the usual names.

    Raises `DataError` where the file as a whole cannot be used.
    """
    name = path.name.lower()
    if not name.endswith((".csv", ".csv.gz", ".parquet")):
        raise DataError(
            f"{path.name}: expected a name that ends in .csv, .csv.gz or .parquet. "
            "Convert or rename the file"
        )
    if path.is_dir():
        raise DataError(f"{path}: a folder. Name one file in it")
    try:
        if name.endswith(".parquet"):
            return _open_parquet(path, covariates, values)
        return parse_csv(path.name, _content(path), covariates, values)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file. Check the path") from None
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path.name}: cannot be read ({reason}). Check the file"
        ) from None


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name.lower().endswith(".gz"):
        try:
            return gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(
                f"{path.name}: expected a whole gzip file ({error}). "
                "Fetch or compress it again, or name it .csv if it is not compressed"
            ) from None
    return content


def _open_parquet(path: Path, covariates: Columns, values: str | None) -> Table:
    try:
        titles = pyarrow.parquet.read_schema(path).names
        check_present(path.name, titles, covariates)
        chosen = choose_columns(path.name, titles, values)
        names = list(dict.fromkeys([*chosen, *covariates.names]))
        table = pyarrow.parquet.read_table(path, columns=names)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path.name}: expected a whole Parquet file ({reason}). "
            "Write it again, or name it .csv if it is text"
        ) from None
    if not table.num_rows:
        raise DataError(f"{path.name}: no rows. Add one row per observation")
    columns = {name: _kept_plain(table.column(name)) for name in names}
    ids, times, third = (columns[title] for title in chosen)
    exog = {name: columns[name] for name in covariates.names}
    numbers = np.arange(1, table.num_rows + 1)
    return Table(path.name, "row", numbers, chosen, ids, times, third, exog)


def _kept_plain(column: Any) -> Any:
    """A column in one piece; texts as views, which Arrow can do little with, as texts."""
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    return column.combine_chunks()
