"""Opening CSV and Parquet files, and refusing what is neither."""

import csv
import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from forecaster.errors import DataError
from forecaster.reading.table import Table, clipped

# The canonical name of each column first, then the other one that is understood.
COLUMNS = (("unique_id", "item_id"), ("ds", "timestamp"), ("y", "target"))

# How files begin that are not CSV, whatever their names say.
DISGUISES = {
    b"\x1f\x8b": "compressed with gzip. Name it .csv.gz",
    b"PAR1": "Parquet. Name it .parquet",
    b"PK": "a zip archive or an Excel sheet. Save it as CSV",
    b"\xff\xfe": "UTF-16 text. Save it as CSV in UTF-8",
    b"\xfe\xff": "UTF-16 text. Save it as CSV in UTF-8",
}


def open_table(path: Path) -> Table:
    """The three columns of a CSV or Parquet file.

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
            return _open_parquet(path)
        return _open_csv(path.name, _content(path))
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


def _open_csv(name: str, content: bytes) -> Table:
    if not content.strip():
        raise DataError(
            f"{name}: the file is empty. Give one with the columns {_wanted()}"
        )
    _refuse_binary(name, content)
    header, _, rows = content.partition(b"\n")
    titles = _split_header(name, header.decode("utf-8-sig").rstrip("\r"))
    chosen = _choose(name, titles)
    if not rows.strip():
        raise DataError(f"{name}: a header without rows. Add one row per observation")
    columns = _parse_csv(name, rows, titles, chosen)
    blank = [pc.equal(pc.utf8_trim_whitespace(column), "") for column in columns]
    kept = pc.invert(pc.and_(pc.and_(blank[0], blank[1]), blank[2]))
    if not pc.any(kept).as_py():
        raise DataError(f"{name}: a header without rows. Add one row per observation")
    numbers = np.flatnonzero(kept) + 2
    return Table(name, "line", numbers, chosen, *(one.filter(kept) for one in columns))


def _split_header(name: str, header: str) -> list[str]:
    try:
        (titles,) = csv.reader([header])
    except csv.Error as error:
        raise DataError(
            f"{name}, line 1: expected the names of the columns ({error}). "
            f"Begin with {_wanted()}, and end each line with a line feed"
        ) from None
    return [title.strip() for title in titles]


def _parse_csv(
    name: str, rows: bytes, titles: list[str], chosen: tuple[str, str, str]
) -> list[Any]:
    """The chosen columns as text; blank lines stay as rows, so that lines count right."""
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        ragged.append(row)
        return "error"

    places = [str(number) for number in range(len(titles))]
    wanted = [places[titles.index(title)] for title in chosen]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(rows),
            # One thread: only then is the number of a ragged row known.
            pyarrow.csv.ReadOptions(use_threads=False, column_names=places),
            pyarrow.csv.ParseOptions(
                ignore_empty_lines=False,
                newlines_in_values=True,
                invalid_row_handler=refuse,
            ),
            pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _unreadable(name, ragged, error) from None
    return [column.combine_chunks() for column in table.columns]


def _unreadable(name: str, ragged: list[Any], error: pa.ArrowInvalid) -> DataError:
    if not ragged:
        reason = str(error).splitlines()[0]
        return DataError(f"{name}: cannot be read as CSV ({reason}). Check the file")
    row = ragged[0]
    return DataError(
        f"{name}, line {row.number + 1}: expected {row.expected_columns} fields as in "
        f"the header, got {row.actual_columns}: {clipped(row.text)}. Add or remove "
        "commas, and put texts that hold a comma in double quotes"
    )


def _refuse_binary(name: str, content: bytes) -> None:
    for beginning, what in DISGUISES.items():
        if content.startswith(beginning):
            raise DataError(f"{name}: expected CSV text, but the file is {what}")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}, line {line}: expected UTF-8 text, got the byte "
            f"0x{content[error.start]:02x}. Save the file as CSV in UTF-8"
        ) from None


def _open_parquet(path: Path) -> Table:
    try:
        chosen = _choose(path.name, pyarrow.parquet.read_schema(path).names)
        table = pyarrow.parquet.read_table(path, columns=list(chosen))
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path.name}: expected a whole Parquet file ({reason}). "
            "Write it again, or name it .csv if it is text"
        ) from None
    if not table.num_rows:
        raise DataError(f"{path.name}: no rows. Add one row per observation")
    columns = [table.column(title).combine_chunks() for title in chosen]
    numbers = np.arange(1, table.num_rows + 1)
    return Table(path.name, "row", numbers, chosen, *columns)


def _choose(name: str, titles: list[str]) -> tuple[str, str, str]:
    """What the three columns are called in this file."""
    for title in titles:
        if title and titles.count(title) > 1:
            raise DataError(
                f"{name}: the column {clipped(title)} stands there twice. "
                "Rename or remove one of the two"
            )
    found = []
    for names in COLUMNS:
        present = [title for title in names if title in titles]
        if not present:
            raise _missing(name, names, titles)
        found.append(present[0])
    return found[0], found[1], found[2]


def _missing(name: str, names: tuple[str, str], titles: list[str]) -> DataError:
    got = clipped(", ".join(titles))
    mend = f"Rename the column that holds it to {names[0]!r}"
    if len(titles) == 1 and any(mark in titles[0] for mark in ";\t|"):
        mend = "Separate the columns by commas"
    return DataError(
        f"{name}: expected a column {names[0]!r} (or {names[1]!r}) among {_wanted()}, "
        f"got {got}. {mend}"
    )


def _wanted() -> str:
    return ", ".join(names[0] for names in COLUMNS)
