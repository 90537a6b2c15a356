"""Three columns of a file, as they stand there, and how to point at a row of it.

Letters: `R` rows of the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.exog import Columns

# The canonical name of each column first, then the other one that is understood.
COLUMNS = (("unique_id", "item_id"), ("ds", "timestamp"), ("y", "target"))
WANTED = ", ".join(names[0] for names in COLUMNS)

CLIPPED = 40  # an error shows so many characters of a value


@dataclass(frozen=True, slots=True)
class Table:
    """The columns series, time and value [R] of a file, as Arrow arrays."""

    name: str  # of the file
    word: str  # what its rows are called: "line" or "row"
    numbers: NDArray[np.int64]  # of the rows in the file
    columns: tuple[str, str, str]  # what the three are called there
    ids: Any
    times: Any
    values: Any
    exog: Mapping[str, Any] = field(default_factory=dict)  # further columns by name

    def place(self, row: int) -> str:
        """Where a row stands in the file."""
        return f"{self.word} {self.numbers[row]}"

    def refuse(self, row: int, problem: str) -> DataError:
        """An error that names file, row and series; `problem` says the rest."""
        series = clipped(self.ids[row].as_py())
        return DataError(f"{self.name}, {self.place(row)}, series {series}: {problem}")


def clipped(value: object) -> str:
    """A value as an error shows it.

    >>> clipped("n/a"), clipped("x" * 100) == repr("x" * 39 + "…")
    ("'n/a'", True)
    """
    text = str(value)
    if len(text) > CLIPPED:
        text = text[: CLIPPED - 1] + "…"
    return repr(text)


def wrong_type(table: Table, title: str, kind: Any, wanted: str) -> DataError:
    """An error about a whole column."""
    return DataError(
        f"{table.name}: expected {wanted} in the column {title!r}, got the "
        f"type {kind}. Convert the column"
    )


def plain(column: Any) -> Any:
    """A column without a dictionary, as pandas writes categories."""
    kind = column.type
    return pc.cast(column, kind.value_type) if pa.types.is_dictionary(kind) else column


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def choose_columns(
    name: str, titles: list[str], values: str | None = None
) -> tuple[str, str, str]:
    """What the three columns are called in this file; `values` names the third if given."""
    for title in titles:
        if title and titles.count(title) > 1:
            raise DataError(
                f"{name}: the column {clipped(title)} stands there twice. "
                "Rename or remove one of the two"
            )
    found = []
    for names in COLUMNS[: 3 if values is None else 2]:
        present = [title for title in names if title in titles]
        if not present:
            raise _missing(name, names, titles)
        found.append(present[0])
    return found[0], found[1], found[2] if values is None else values


def _missing(name: str, names: tuple[str, str], titles: list[str]) -> DataError:
    got = clipped(", ".join(titles))
    mend = f"Rename the column that holds it to {names[0]!r}"
    if names == COLUMNS[0]:
        mend += ", or add one with the name of the series in each row"
    if len(titles) == 1 and any(mark in titles[0] for mark in ";\t|"):
        mend = "Separate the columns by commas"
    return DataError(
        f"{name}: expected a column {names[0]!r} (or {names[1]!r}) among {WANTED}, "
        f"got {got}. {mend}"
    )


def check_present(name: str, titles: list[str], columns: Columns) -> None:
    """Refuses a file without a column that was named as a covariate."""
    absent = [column for column in columns.names if column not in titles]
    if absent:
        got = clipped(", ".join(titles))
        kinds = {
            **dict.fromkeys(columns.futr, "futr_exog"),
            **dict.fromkeys(columns.hist, "hist_exog"),
            **dict.fromkeys(columns.stat, "stat_exog"),
        }
        wanted = ", ".join(f"{column!r} ({kinds[column]})" for column in absent)
        raise DataError(
            f"{name}: expected the covariates {wanted} among its columns, got {got}. "
            "Add the columns, or leave these names out of the covariates"
        )
