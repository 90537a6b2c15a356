"""The observation log of a model as a panel: what the service has seen, to learn from.

All of it from one snapshot, a portion of rows at a time into arrays of their final size.
A log that was pruned begins where it begins. Letters: `N` series, `T` steps of them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from forecaster.errors import DataError
from forecaster.exog import Columns, Exog
from forecaster.panel import Panel, trimmed
from service import queries
from service.database import reading_long
from service.grids import frequency_of, starts_of
from service.records import Row
from service.tables import covariates, observations, series

ROWS = 50_000  # of a portion, which stands in memory

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SERIES = (
    select(series)
    .where(series.c.end_step > series.c.first_step + series.c.pruned)
    .order_by(series.c.unique_id)
)
ENDS = select(series.c.pk, series.c.end_step)


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


def ends_of(engine: Engine, name: str) -> dict[int, int]:
    """How far the log of a model reaches now: the step behind the last, by series.

    Raises:
        StoreFailure: the store does not answer.
    """
    with reading_long(engine) as connection:
        rows = connection.execute(ENDS.where(series.c.name == name))
        return {row.pk: row.end_step for row in rows}


def panel_of(
    engine: Engine, name: str, columns: Columns, ends: Mapping[int, int] | None = None
) -> Panel:
    """All series of a model that have a value, as the log has them.

    Args:
        engine: the database.
        name: of the model.
        columns: the covariates to take, as the model has them: the log knows their names
            and values, not of which kind they are.
        ends: how far it reached at some moment (`ends_of`): what came since is left out,
            whole series too. None takes all of it.

    Raises:
        DataError: nothing was observed yet, or there are series of several frequencies.
        StoreFailure: the store does not answer.
    """
    with reading_long(engine) as connection:
        rows = connection.execute(SERIES.where(series.c.name == name)).all()
        if ends is None:
            ends = {row.pk: row.end_step for row in rows}
        rows = [row for row in rows if _is_kept(row, ends)]
        _check(rows, name)
        layout = Layout.of(rows, ends)
        values = _values(connection, layout, name)
        exog = _exog(connection, layout, name, columns)
    frequency = frequency_of(rows[0].frequency)
    starts = starts_of([queries.grid_of(row) for row in rows])
    ids = tuple(row.unique_id for row in rows)
    panel = Panel(
        ids,
        layout.offsets,
        values,
        frequency.times(starts, layout.kept),
        frequency,
        exog,
    )
    return trimmed(panel.take(_observed(panel, name)))


def _is_kept(row: Any, ends: Mapping[int, int]) -> bool:
    """Whether the log holds steps of a series from before it ended there."""
    return row.pk in ends and ends[row.pk] > queries.span_of(row).kept


def _check(rows: Sequence[Any], name: str) -> None:
    """Refuse a log that holds nothing, or series that do not belong together."""
    if not rows:
        raise _nothing(name)
    first = rows[0]
    for row in rows:
        if row.frequency != first.frequency:
            raise DataError(
                f"the log of model {name!r}: expected series of one frequency, got "
                f"{first.unique_id!r} at {first.frequency!r} and {row.unique_id!r} at "
                f"{row.frequency!r}. DELETE /series/{{unique_id}} removes what does not belong"
            )


def _nothing(name: str) -> DataError:
    return DataError(
        f"the log of model {name!r}: expected observations, got none. Send some to "
        "POST /observe, or retrain from a file"
    )


def _observed(panel: Panel, name: str) -> Ints:
    """The series that have a value at all."""
    known = np.concatenate([[0], np.cumsum(~np.isnan(panel.values))])
    counts = known[panel.offsets[1:]] - known[panel.offsets[:-1]]
    found = np.flatnonzero(counts)
    if not len(found):
        raise _nothing(name)
    return found


def _values(connection: Connection, layout: Layout, name: str) -> Floats:
    values = np.full(int(layout.offsets[-1]), np.nan)
    for rows in _portions(connection, observations, name):
        pks, steps, known = zip(*rows, strict=True)
        inside, places = layout.places(np.array(pks), np.array(steps))
        values[places] = np.array(known)[inside]
    return values


def _exog(connection: Connection, layout: Layout, name: str, columns: Columns) -> Exog:
    """The covariates; of those that are constant the newest that was told holds."""
    if not columns.names:
        return Exog()
    by_step = (*columns.futr, *columns.hist)
    steps = np.full((int(layout.offsets[-1]), len(by_step)), np.nan)
    stat: list[dict[str, float | str]] = [{} for _ in layout.kept]
    for rows in _portions(connection, covariates, name):
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


def _portions(connection: Connection, table: Any, name: str) -> Iterator[Any]:
    """The rows of a table that belong to a model, oldest first, as the server has them."""
    query = (
        select(*table.columns)
        .join(series, series.c.pk == table.c.series_pk)
        .where(series.c.name == name)
        .order_by(table.c.series_pk, table.c.step)
    )
    options = {"yield_per": ROWS}
    with connection.execute(query, execution_options=options) as found:
        yield from found.partitions()
