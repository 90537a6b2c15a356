"""From the cells of a table to covariates, each one checked.

Letters: `R` rows of the file, `A` columns known per step.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.exog import Columns
from forecaster.reading.cells import MISSING, is_numeric_text, parse_numbers
from forecaster.reading.table import Table, is_text, plain

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """The covariates of rows, in whatever order these stand."""

    columns: Columns
    steps: Floats  # [R, A] columns futr, then hist; NaN = missing
    stat: tuple[NDArray[Any], ...]  # of each static column [R], numbers or texts

    def take(self, order: NDArray[np.int64]) -> "Cells":
        """Some rows, in another order."""
        return Cells(
            self.columns, self.steps[order], tuple(one[order] for one in self.stat)
        )


def parse_covariates(table: Table, columns: Columns) -> Cells:
    """The covariates of each row, in the order of their columns.

    Raises `DataError` for text where numbers belong, and for infinite values.
    """
    per_step = (*columns.futr, *columns.hist)
    steps = [_numbers(table, name) for name in per_step]
    empty = np.empty((len(table.numbers), 0))
    return Cells(
        columns,
        np.stack(steps, axis=1) if steps else empty,
        tuple(_static(table, name) for name in columns.stat),
    )


def _numbers(table: Table, name: str) -> Floats:
    """A column of numbers; yes and no, as pandas writes them, are 1 and 0."""
    column = table.exog[name]
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    elif is_text(column.type):
        low = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(column, pa.string())))
        column = pc.if_else(pc.equal(low, "true"), "1", column)
        column = pc.if_else(pc.equal(low, "false"), "0", column)
    return parse_numbers(table, name, column)


def _static(table: Table, name: str) -> NDArray[Any]:
    """A static column: numbers where every cell is one, else texts and None."""
    column = plain(table.exog[name])
    if not is_text(column.type) or is_numeric_text(column):
        return parse_numbers(table, name, column)
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    text = pc.if_else(pc.is_in(pc.utf8_lower(text), MISSING), None, text)
    return np.asarray(text.to_pylist(), dtype=object)
