"""Three columns of a file, as they stand there, and how to point at a row of it.

Letters: `R` rows of the file.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import DataError

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
