"""From the cells of a table to series and values, each one checked.

Letters: `R` rows of the file, `N` series.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.reading.table import Table, clipped, is_text, wrong_type

LARGEST_VALUE = 1e30  # far beyond it, squares overflow in float32
MISSING = pa.array(["", "nan", "null"])

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def parse_ids(table: Table) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names of the series in order, and the number of the series of each row [R]."""
    kind = table.ids.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (is_text(kind) or pa.types.is_integer(kind)):
        raise wrong_type(
            table, table.columns[0], table.ids.type, "text or whole numbers"
        )
    names = pc.fill_null(pc.cast(pc.cast(table.ids, kind), pa.string()), "")
    blank = np.asarray(pc.equal(pc.utf8_trim_whitespace(names), ""))
    for row in np.flatnonzero(blank)[:1]:
        raise DataError(
            f"{table.name}, {table.place(row)}: expected the name of a series in "
            f"{table.columns[0]!r}, got nothing. Name the series or remove the row"
        )
    coded = names.dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    order = sorted(range(len(distinct)), key=distinct.__getitem__)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return tuple(distinct[index] for index in order), rank[np.asarray(coded.indices)]


def parse_values(table: Table) -> NDArray[np.float64]:
    """The value of each row [R], NaN where it is missing."""
    return parse_numbers(table, table.columns[2], table.values)


def parse_numbers(table: Table, title: str, column: Any) -> NDArray[np.float64]:
    """The numbers of a column of a table [R], NaN where one is missing."""
    kind = column.type
    if is_text(kind):
        values = _values_from_text(table, title, pc.cast(column, pa.string()))
    elif _is_number(kind) or pa.types.is_null(kind):
        cast = pc.cast(column, pa.float64(), safe=False)
        values = np.asarray(cast.to_numpy(zero_copy_only=False))
    else:
        raise wrong_type(table, title, kind, "numbers")
    for row in np.flatnonzero(np.abs(values) > LARGEST_VALUE)[:1]:
        raise table.refuse(
            row,
            f"expected a finite number within ±{LARGEST_VALUE:g} in {title!r}, "
            f"got {clipped(column[row].as_py())}. Correct the value or leave it empty",
        )
    return values


def _values_from_text(table: Table, title: str, column: Any) -> NDArray[np.float64]:
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.is_in(pc.utf8_lower(text), MISSING), None, text)
    wrong = np.asarray(
        pc.invert(pc.fill_null(pc.match_substring_regex(text, _NUMBER), True))
    )
    for row in np.flatnonzero(wrong)[:1]:
        raise table.refuse(
            row,
            f"expected a number in {title!r}, got {clipped(text[row].as_py())}. "
            "Write a number such as 12.5, or nothing for a missing value",
        )
    values = pc.cast(text, pa.float64())
    return np.asarray(values.to_numpy(zero_copy_only=False))


def is_numeric_text(column: Any) -> bool:
    """Whether every cell of a text column is a number or missing."""
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.is_in(pc.utf8_lower(text), MISSING), None, text)
    return bool(pc.all(pc.match_substring_regex(text, _NUMBER)).as_py())


def _is_number(kind: Any) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    )
