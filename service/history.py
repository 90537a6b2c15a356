"""The observation log of a model as a panel: what the service has seen, to learn from.

All from one snapshot, and no value before it is known of which series they are wanted.
A log that was pruned begins where it begins. Letters: `N` series, `T` steps of them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from forecaster.errors import DataError
from forecaster.exog import Columns
from forecaster.frequency import Frequency
from forecaster.panel import Panel, trimmed
from service import extracts, queries
from service.database import reading_long
from service.extracts import Layout, Wanted
from service.grids import frequency_of, starts_of
from service.tables import series

Ints = NDArray[np.int64]

_HAS_STEPS = series.c.end_step > series.c.first_step + series.c.pruned
SERIES = select(series).where(_HAS_STEPS).order_by(series.c.unique_id)
ENDS = select(series.c.pk, series.c.end_step).where(_HAS_STEPS)


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """The series of a model as they were at one moment; their values are read when asked for.

    Attributes:
        connection: sees that moment, and must be open.
        name: of the model.
        rows: of the series in the store, in the order of their ids [N].
        ends: the step behind the last of each, by series.
        frequency: of all of them.
        starts: the time of the first step of each that the log still holds [N].
        lengths: the steps from there on, of each [N].
    """

    connection: Connection
    name: str
    rows: Sequence[Any]
    ends: Mapping[int, int]
    frequency: Frequency
    starts: NDArray[Any]
    lengths: Ints

    def panel(self, chosen: Ints, columns: Columns) -> Panel:
        """Some of the series, each from its first step to its last, whatever is known.

        Args:
            chosen: which, rising.
            columns: the covariates to take, as a model has them: the log knows their
                names and values, not of which kind they are.
        """
        rows = [self.rows[i] for i in chosen]
        layout = Layout.of(rows, self.ends)
        pks = None if len(rows) == len(self.rows) else [row.pk for row in rows]
        wanted = Wanted(self.connection, self.name, pks)
        return Panel(
            tuple(row.unique_id for row in rows),
            layout.offsets,
            extracts.values_of(wanted, layout),
            self.starts[chosen],
            self.frequency,
            extracts.exog_of(wanted, layout, columns),
        )


def ends_of(engine: Engine, name: str) -> dict[int, int]:
    """How far the log of a model reaches now: the step behind the last, by series.

    Raises:
        StoreFailure: the store does not answer.
    """
    with reading_long(engine) as connection:
        rows = connection.execute(ENDS.where(series.c.name == name))
        return {row.pk: row.end_step for row in rows}


def are_left(engine: Engine, name: str, ends: Mapping[int, int]) -> bool:
    """Whether the log holds something yet of each of these series from before it ended there.

    Raises:
        StoreFailure: the store does not answer.
    """
    with reading_long(engine) as connection:
        rows = connection.execute(SERIES.where(series.c.name == name))
        return {row.pk for row in rows if _is_kept(row, ends)}.issuperset(ends)


@contextmanager
def log_of(
    engine: Engine, name: str, ends: Mapping[int, int] | None = None
) -> Iterator[Log]:
    """Give what was observed of a model.

    Args:
        engine: the database.
        name: of the model.
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
        frequency = frequency_of(rows[0].frequency)
        starts = starts_of([queries.grid_of(row) for row in rows])
        kept = np.array([queries.span_of(row).kept for row in rows], np.int64)
        lengths = np.array([ends[row.pk] for row in rows], np.int64) - kept
        first = frequency.times(starts, kept)
        yield Log(connection, name, rows, ends, frequency, first, lengths)


def panel_of(
    engine: Engine, name: str, columns: Columns, ends: Mapping[int, int] | None = None
) -> Panel:
    """All series of a model that have a value, each from its first one on.

    Args:
        engine: the database.
        name: of the model.
        columns: the covariates to take, see `Log.panel`.
        ends: how far it reached, see `log_of`.

    Raises:
        DataError: nothing was observed yet, or there are series of several frequencies.
        StoreFailure: the store does not answer.
    """
    with log_of(engine, name, ends) as log:
        panel = log.panel(np.arange(len(log.rows)), columns)
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
