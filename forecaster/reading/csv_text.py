"""From the text of a CSV file to a table.

Arrow splits the lines in bulk; what is no CSV text is refused with the line.
"""

import csv
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.exog import Columns
from forecaster.reading.table import (
    WANTED,
    Table,
    check_present,
    choose_columns,
    clipped,
)

NONE = Columns()

# How files begin that are not CSV, whatever their names say.
DISGUISES = {
    b"\x1f\x8b": "compressed with gzip. Name it .csv.gz",
    b"PAR1": "Parquet. Name it .parquet",
    b"PK": "a zip archive or an Excel sheet. Save it as CSV",
    b"\xff\xfe": "UTF-16 text. Save it as CSV in UTF-8",
    b"\xfe\xff": "UTF-16 text. Save it as CSV in UTF-8",
}


def parse_csv(
    name: str,
    content: bytes,
    covariates: Columns = NONE,
    values: str | None = None,
) -> Table:
    """The three columns of a CSV file and its covariates, every cell as text.

    >>> table = parse_csv("x.csv", b"ds,y,unique_id\\n1,2.5,shop\\n")
    >>> table.ids[0].as_py(), table.times[0].as_py(), table.values[0].as_py()
    ('shop', '1', '2.5')
    """
    if not content.strip():
        raise DataError(
            f"{name}: the file is empty. Give one with the columns {WANTED}"
        )
    _refuse_binary(name, content)
    header, _, rows = content.partition(b"\n")
    titles = _split_header(name, header.decode("utf-8-sig").rstrip("\r"))
    check_present(name, titles, covariates)
    chosen = choose_columns(name, titles, values)
    if not rows.strip():
        raise DataError(f"{name}: a header without rows. Add one row per observation")
    columns = _split_rows(name, rows, titles, (*chosen, *covariates.names))
    blank = [pc.equal(pc.utf8_trim_whitespace(column), "") for column in columns]
    kept = pc.invert(pc.and_(pc.and_(blank[0], blank[1]), blank[2]))
    if not pc.any(kept).as_py():
        raise DataError(f"{name}: a header without rows. Add one row per observation")
    numbers = _line_numbers(rows, len(kept))[np.asarray(kept)]
    ids, times, third, *exog = (one.filter(kept) for one in columns)
    return Table(
        name,
        "line",
        numbers,
        chosen,
        ids,
        times,
        third,
        dict(zip(covariates.names, exog, strict=True)),
    )


def _split_header(name: str, header: str) -> list[str]:
    try:
        (titles,) = csv.reader([header])
    except csv.Error as error:
        raise DataError(
            f"{name}, line 1: expected the names of the columns ({error}). "
            f"Begin with {WANTED}, and end each line with a line feed"
        ) from None
    return [title.strip() for title in titles]


def _split_rows(
    name: str, rows: bytes, titles: list[str], chosen: tuple[str, ...]
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
        raise _unreadable(name, rows, ragged, error) from None
    return [column.combine_chunks() for column in table.columns]


def _line_numbers(rows: bytes, count: int) -> NDArray[np.int64]:
    """The line of the file where each of so many rows begins; texts in quotes may go on.

    >>> _line_numbers(b'a,1\\n"b\\nc",2\\nd,3\\n', 3).tolist()
    [2, 3, 5]
    """
    one_each = np.arange(count) + 2
    if b'"' not in rows:
        return one_each
    text = np.frombuffer(rows, np.uint8)
    feeds = np.flatnonzero(text == ord("\n"))
    quoted = np.cumsum(text == ord('"'), dtype=np.uint8)[feeds] % 2 == 1
    begins = np.r_[2, np.flatnonzero(~quoted) + 3]
    return begins[:count] if len(begins) >= count else one_each


def _unreadable(
    name: str, rows: bytes, ragged: list[Any], error: pa.ArrowInvalid
) -> DataError:
    if not ragged:
        reason = str(error).splitlines()[0]
        return DataError(f"{name}: cannot be read as CSV ({reason}). Check the file")
    row = ragged[0]
    line = _line_numbers(rows, row.number)[-1]
    return DataError(
        f"{name}, line {line}: expected {row.expected_columns} fields as in "
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
