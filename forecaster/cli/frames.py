"""Columns of a forecast as a file or as text; pandas is imported inside, being slow."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from forecaster.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, NDArray[Any]]

FORMATS = (".csv", ".csv.gz", ".parquet")
MOST_ROWS = 60


def check_writable(path: Path | None, endings: tuple[str, ...] = FORMATS) -> None:
    """Refuse, before any work is done, a file that could not be written.

    >>> check_writable(Path("forecast.xlsx"))
    Traceback (most recent call last):
    forecaster.errors.ConfigError: forecast.xlsx: expected a name that ends in .csv, ...
    """
    if path is None:
        return
    if not path.name.endswith(endings):
        raise ConfigError(
            f"{path}: expected a name that ends in {', '.join(endings)}; "
            "the ending says which format to write"
        )
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}. Make it first")
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder. Give the name of a file in it")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise ConfigError(
            f"{path}: expected a place that can be written, this one may only be read. "
            "Give another one"
        )


def check_other_file(out: Path | None, data: Path, future: Path | None = None) -> None:
    """Refuse to write over a file that is read, by whatever name.

    Raises:
        ConfigError: both are the same file.
    """
    for what, read in (("DATA", data), ("--future", future)):
        if out is None or read is None or not (out.exists() and read.exists()):
            continue
        if out.samefile(read):
            raise ConfigError(
                f"--out: expected another file than {what}, got {out}, which would be "
                "overwritten. Give another name"
            )


def write(columns: Columns, path: Path) -> None:
    """Write a file in the format its ending names."""
    frame = _frame(columns)
    if path.name.endswith(".parquet"):
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, date_format=_date_format(columns))


def as_csv(columns: Columns) -> str:
    """The columns as the text of a CSV file.

    >>> import numpy as np
    >>> print(as_csv({"ds": np.array(["2024-01-01"], "M8[us]"), "m": np.array([0.5])}))
    ds,m
    2024-01-01,0.5
    """
    text = _frame(columns).to_csv(index=False, date_format=_date_format(columns))
    return str(text).rstrip("\n")


def as_table(columns: Columns) -> str:
    """The columns aligned for a reader; only the first rows of a long forecast."""
    frame = _frame({name: column[:MOST_ROWS] for name, column in columns.items()})
    text = str(frame.to_string(index=False, float_format="{:,.6g}".format))
    more = len(next(iter(columns.values()))) - MOST_ROWS
    return f"{text}\n… and {more} rows more; --out FILE keeps all" if more > 0 else text


def _frame(columns: Columns) -> "pd.DataFrame":
    import pandas as pd  # slow to import

    return pd.DataFrame(dict(columns))


def _date_format(columns: Columns) -> str | None:
    """ISO-8601, as short as the times allow; None leaves fractions of seconds to pandas."""
    times = [column for column in columns.values() if column.dtype.kind == "M"]
    if all((column == column.astype("M8[D]")).all() for column in times):
        return "%Y-%m-%d"
    if all((column == column.astype("M8[s]")).all() for column in times):
        return "%Y-%m-%dT%H:%M:%S"
    return None
