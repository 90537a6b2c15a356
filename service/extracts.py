"""Rows of the log as arrays: a portion at a time, into arrays of their final size.

Letters: `N` series, `T` steps of them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, select

from forecaster.exog import Columns, Exog
from service import queries
from service.records import Row
from service.tables import covariates, observations, series

ROWS = 50_000  # of a portion, which stands in memory

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the steps of each series lie in the arrays.

    Attributes:
        offsets: [N + 1].
        kept: the first step of each series that the log still holds [N].
        pks: of the series in the store, rising [N].
        order: the place of the series of each of `pks` [N].
    """

    offsets: Ints
    kept: Ints
    pks: Ints
    order: Ints

    @classmethod
    def of(cls, rows: Sequence[Any], ends: Mapping[int, int]) -> "Layout":
        """That of series as the store has them, one after the other, up to their ends."""
        kept = np.array([queries.span_of(row).kept for row in rows], np.int64)
        behind = np.array([ends[row.pk] for row in rows], np.int64)
        offsets = np.concatenate([[0], np.cumsum(behind - kept)])
        pks = np.array([row.pk for row in rows], np.int64)
        order = np.argsort(pks)
        return cls(offsets.astype(np.int64), kept, pks[order], order)

    def places(self, pks: Ints, steps: Ints) -> tuple[Ints, Ints]:
        """Which of some rows lie in the log [R], and their places in the arrays [R]."""
        found = np.minimum(np.searchsorted(self.pks, pks), len(self.pks) - 1)
        series_of = self.order[found]
        places = self.offsets[series_of] + steps - self.kept[series_of]
        inside = (self.pks[found] == pks) & (steps >= self.kept[series_of])
        inside &= places < self.offsets[series_of + 1]
        return np.flatnonzero(inside), places[inside]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of some series of a model, by their `pks`; None means of all."""

    connection: Connection
    name: str
    pks: list[int] | None

    def portions(self, table: Any) -> Iterator[Any]:
        """Those of a table, oldest first, as the server has them."""
        query = (
            select(*table.columns)
            .join(series, series.c.pk == table.c.series_pk)
            .where(series.c.name == self.name)
            .order_by(table.c.series_pk, table.c.step)
        )
        if self.pks is None:
            yield from self._portions(query)
            return
        for pks in queries.portions(self.pks):
            yield from self._portions(query.where(table.c.series_pk.in_(pks)))

    def _portions(self, query: Select[Any]) -> Iterator[Any]:
        options = {"yield_per": ROWS}
        with self.connection.execute(query, execution_options=options) as found:
            yield from found.partitions()


def values_of(wanted: Wanted, layout: Layout) -> Floats:
    """The values of the series one after the other [T], NaN where there is none."""
    values = np.full(int(layout.offsets[-1]), np.nan)
    for rows in wanted.portions(observations):
        pks, steps, known = zip(*rows, strict=True)
        inside, places = layout.places(np.array(pks), np.array(steps))
        values[places] = np.array(known)[inside]
    return values


def exog_of(wanted: Wanted, layout: Layout, columns: Columns) -> Exog:
    """The covariates; of those that are constant the newest that was told holds."""
    if not columns.names:
        return Exog()
    by_step = (*columns.futr, *columns.hist)
    steps = np.full((int(layout.offsets[-1]), len(by_step)), np.nan)
    stat: list[dict[str, float | str]] = [{} for _ in layout.kept]
    for rows in wanted.portions(covariates):
        pks, at, known = zip(*rows, strict=True)
        inside, places = layout.places(np.array(pks), np.array(at))
        owners = np.searchsorted(layout.offsets, places, side="right") - 1
        for row, place, owner in zip(inside, places, owners, strict=True):
            told: Row = known[row]
            steps[place] = [_number(told.get(column)) for column in by_step]
            stat[owner] |= {c: told[c] for c in columns.stat if c in told}
    return Exog(
        columns,
        steps,
        tuple(_constant([one.get(column) for one in stat]) for column in columns.stat),
        np.full((len(layout.kept), 0, len(columns.futr)), np.nan),
    )


def _number(value: float | str | None) -> float:
    return np.nan if value is None or isinstance(value, str) else float(value)


def _constant(values: list[Any]) -> NDArray[Any]:
    """A column of what is constant: numbers, or texts where any is one."""
    if any(isinstance(value, str) for value in values):
        texts = [v if v is None or isinstance(v, str) else f"{v:g}" for v in values]
        return np.array(texts, object)
    return np.array([_number(value) for value in values], np.float64)
