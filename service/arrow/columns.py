"""Columns of a table → series, times and numbers, each one checked.

Letters: `R` rows of the table, `N` series.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.errors import InputError
from forecaster.frequency import LARGEST_STEP, Frequency
from service.errors import Unacceptable

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# What JSON can say: times of the years 1 to 9999, steps that are exact as floats.
YEARS = tuple(np.array(["0001-01-01", "9999-12-31T23:59:59.999999"], "M8[us]"))
STEPS = -LARGEST_STEP, LARGEST_STEP

_TEXT = pa.types.is_string, pa.types.is_large_string
_TIME = pa.types.is_timestamp, pa.types.is_date
_NUMBER = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal
_NULL = (pa.types.is_null,)
KINDS = {
    "text or whole numbers": (*_TEXT, pa.types.is_integer),
    "timestamps, dates, whole numbers or text": (
        *_TIME,
        pa.types.is_integer,
        *_TEXT,
        *_NULL,
    ),
    "numbers": (*_NUMBER, *_NULL),
    "numbers or text": (*_NUMBER, *_TEXT, *_NULL),
}


def check_type(column: str, kind: Any, wanted: str) -> None:
    """Raise Unacceptable unless the type of a column is one of KINDS[wanted].

    >>> check_type("y", pa.float16(), "numbers")
    """
    inner = kind
    if pa.types.is_dictionary(kind):  # worth it for texts alone
        inner = kind.value_type if is_text(kind.value_type) else pa.bool_()
    if not any(fits(inner) for fits in KINDS[wanted]):
        raise Unacceptable(
            f"expected {wanted} in this column, got the type {str(kind)[:40]}", column
        )


def is_text(kind: Any) -> bool:
    """Whether a type is text, as it stands or by a dictionary."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(fits(kind) for fits in _TEXT)


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as distinct texts and the number of the one in each row [R], -1 = null."""

    distinct: list[str]
    index: Ints

    def texts(self) -> NDArray[Any]:
        """The text of each row [R], None where there is none."""
        return np.array([*self.distinct, None], dtype=object)[self.index]


def read_coded(column: Any) -> Coded:
    """Return a column of texts or whole numbers; no text is laid out more than once."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    used, index = np.unique(_integers(column.indices, null=-1), return_inverse=True)
    some = column.dictionary.take(pa.array(used[used >= 0]))
    # A dictionary may hold a text twice, or null.
    places: dict[str, int] = {}
    ranks = [
        -1 if text is None else places.setdefault(str(text), len(places))
        for text in some.to_pylist()
    ]
    places_of = np.array([*ranks, -1], dtype=np.int64)
    return Coded(list(places), places_of[index - (len(used) - len(ranks))])


def read_numbers(column: Any) -> Floats:
    """Return a column of numbers [R], NaN where one is missing."""
    cast = column.cast(pa.float64(), safe=False)
    return np.asarray(cast.to_numpy(zero_copy_only=False))


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times, as a frequency counts them."""

    values: NDArray[Any]  # [R], datetime64[us] in UTC or int64
    known: Flags  # [R], which are not null
    readable: Flags  # [R], which of them can be used


def read_times(column: Any, frequency: Frequency) -> Times:
    """Return a column of times.

    Raises:
        Unacceptable: one is beyond what microseconds can count.
    """
    known = ~np.asarray(column.is_null().to_numpy(zero_copy_only=False))
    if pa.types.is_null(column.type):
        return Times(_nothing(len(column), frequency), known, known)
    if is_text(column.type):
        values, readable = _from_texts(read_coded(column), frequency)
        return Times(values, known, readable)
    values = _from_numbers(column)
    if (values.dtype.kind == "i") != frequency.is_integer:
        return Times(_nothing(len(values), frequency), known, ~known)
    low, high = STEPS if frequency.is_integer else YEARS
    return Times(values, known, (values >= low) & (values <= high))


def _nothing(rows: int, frequency: Frequency) -> NDArray[Any]:
    return np.zeros(rows, np.int64 if frequency.is_integer else "M8[us]")


def _from_texts(coded: Coded, frequency: Frequency) -> tuple[NDArray[Any], Flags]:
    """Each distinct text is read once: series usually share their times."""
    values = _nothing(len(coded.distinct) + 1, frequency)
    readable = np.zeros(len(values), bool)
    for place, text in enumerate(coded.distinct):
        try:
            values[place] = frequency.parse_time(text)
            readable[place] = True
        except InputError:
            continue
    return values[coded.index], readable[coded.index]


def _from_numbers(column: Any) -> NDArray[Any]:
    try:
        if pa.types.is_integer(column.type):
            return _integers(column.cast(pa.int64()), null=0)
        # Nanoseconds are cut to microseconds; Arrow keeps times of all zones in UTC.
        cut = pa.types.is_timestamp(column.type) and column.type.unit == "ns"
        micros = column.cast(pa.timestamp("us"), safe=not cut)
        return _integers(micros.cast(pa.int64()), null=0).view("M8[us]")
    except pa.ArrowInvalid:
        raise Unacceptable("a time of this column is out of range", "ds") from None


def _integers(column: Any, null: int) -> Ints:
    filled = column.fill_null(null).to_numpy(zero_copy_only=False)
    return np.asarray(filled).astype(np.int64)
