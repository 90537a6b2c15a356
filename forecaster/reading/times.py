"""From the cells of a table to times, each one checked.

Letters: `R` rows of the file.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError, InputError
from forecaster.frequency import LARGEST_STEP, parse_timestamp
from forecaster.reading.table import Table, clipped, is_text, wrong_type

_WHOLE = r"^[+-]?\d{1,16}$"


def parse_times(table: Table) -> NDArray[Any]:
    """The time of each row [R]: `datetime64[us]` in UTC, or `int64` for integer steps."""
    column, kind = table.times, table.times.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if column.null_count:
        raise _no_time(table, int(pc.index(pc.is_null(column), True).as_py()))
    if is_text(kind):
        times = _times_from_text(table, pc.cast(column, pa.string()))
    elif pa.types.is_integer(kind):
        times = np.asarray(_cast(table, 1, column, pa.int64()))
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        times = np.asarray(_cast(table, 1, column, pa.timestamp("us")))
    else:
        raise wrong_type(table, table.columns[1], kind, "timestamps or whole numbers")
    if times.dtype.kind == "i":
        _refuse_steps(table, times)
    return times


def _times_from_text(table: Table, column: Any) -> NDArray[Any]:
    """Each distinct text is read once: series usually share their times."""
    coded = pc.utf8_trim_whitespace(column).dictionary_encode()
    texts, index = coded.dictionary, np.asarray(coded.indices)
    nothing = pc.index(texts, "").as_py()
    if nothing >= 0:
        raise _no_time(table, int(np.argmax(index == nothing)))
    whole = np.asarray(pc.match_substring_regex(texts, _WHOLE))
    if whole.all():
        distinct = np.asarray(pc.cast(texts, pa.int64()))
    else:
        if whole.any():
            _refuse_mixture(table, whole[index])
        distinct = _timestamps(table, texts, index)
    return np.asarray(distinct[index])


def _timestamps(table: Table, texts: Any, index: NDArray[Any]) -> NDArray[Any]:
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return np.asarray(pc.cast(pc.cast(texts, kind), pa.timestamp("us")))
        except pa.ArrowInvalid:
            continue  # rarer spellings: one at a time, by the parser that JSON goes through
    times = np.empty(len(texts), dtype="M8[us]")
    for number, text in enumerate(texts.to_pylist()):
        try:
            times[number] = parse_timestamp(text)
        except InputError:
            row = int(np.argmax(index == number))
            raise (
                _wrong_time(table, row, text) if text else _no_time(table, row)
            ) from None
    return times


def _refuse_mixture(table: Table, whole: NDArray[np.bool_]) -> None:
    rare = whole if whole.mean() <= 0.5 else ~whole
    row = int(np.argmax(rare))
    text = table.times[row].as_py()
    usual = "timestamps" if whole[row] else "whole numbers"
    raise table.refuse(
        row,
        f"expected {usual} in {table.columns[1]!r} as in the other rows, got "
        f"{clipped(text)}. Write all times alike",
    )


def _refuse_steps(table: Table, steps: NDArray[np.int64]) -> None:
    for row in np.flatnonzero(np.abs(steps) > LARGEST_STEP)[:1]:
        raise table.refuse(
            row,
            f"expected a step within ±2^53 in {table.columns[1]!r}, got {steps[row]}. "
            "Number the steps 1, 2, 3, …",
        )
    month, day = steps // 100 % 100, steps % 100
    century = (steps > 19_000_000) & (steps < 22_000_000)
    dates = century & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    if dates.all():
        text = str(steps[0])
        raise table.refuse(
            0,
            f"expected a timestamp or a step in {table.columns[1]!r}, got {text} that looks "
            f"like a date. Write it as {text[:4]}-{text[4:6]}-{text[6:]}",
        )


def _cast(table: Table, column: int, values: Any, kind: Any) -> Any:
    """Arrow keeps zoned timestamps in UTC, so dropping the zone converts them."""
    # Nanoseconds are cut to microseconds; coarser units must fit as they are.
    cut = pa.types.is_timestamp(values.type) and values.type.unit == "ns"
    try:
        return pc.cast(values, kind, safe=not cut)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{table.name}: a value in the column {table.columns[column]!r} is out of "
            f"range ({reason}). Correct it or remove the row"
        ) from None


def _wrong_time(table: Table, row: int, text: str) -> DataError:
    return table.refuse(
        row,
        f"expected an ISO-8601 timestamp or a whole number in {table.columns[1]!r}, got "
        f"{clipped(text)}. Write it as 2024-01-31 or 2024-01-31T18:00:00",
    )


def _no_time(table: Table, row: int) -> DataError:
    return table.refuse(
        row,
        f"expected a timestamp or a whole number in {table.columns[1]!r}, got nothing. "
        "Write the time or remove the row",
    )
