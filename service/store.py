"""What is kept of each series: the observation log, and states derived from it.

``snapshot`` reads, ``commit`` writes by compare-and-swap. Nothing here knows a model:
a state is a row of float32 numbers.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from sqlalchemy import Connection, Engine

from service import queries, turning
from service.database import Result, reading, written
from service.errors import StoreFailure
from service.records import (
    Append,
    Carried,
    Change,
    Floats,
    Kept,
    Listed,
    Row,
    Span,
    Steps,
)

PROOF = "prove that this can be written"  # a chore that is never due
PROVEN_S = 1.0  # a disk is asked no more often, however many look


class Snapshot:
    """One unchanging view of the store."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def carried(
        self, name: str, version: str, ids: Sequence[str]
    ) -> dict[str, Carried]:
        """Return what is carried of these series for a model version, by their id."""
        found: dict[str, Carried] = {}
        for some in queries.portions(ids):
            wanted = {"name": name, "version": version, "ids": some}
            rows = self._connection.execute(queries.CARRIED, wanted)
            found |= {row.unique_id: queries.carried_of(row) for row in rows}
        return found

    def appends(self, key: str, pks: Sequence[int]) -> dict[int, Append]:
        """Return where the values that came with a key went, by the series."""
        found: dict[int, Append] = {}
        for some in queries.portions(pks):
            rows = self._connection.execute(queries.APPENDS, {"key": key, "pks": some})
            found |= {
                row.series_pk: Append(key, row.step, row._mapping["count"])
                for row in rows
            }
        return found

    def values(self, pk: int, first: int, end: int) -> Floats:
        """Return float64[end - first], the values from ``first`` on; NaN is missing."""
        wanted = {"pk": pk, "first": first, "end": end}
        rows = self._connection.execute(queries.VALUES, wanted).all()
        values = np.full(end - first, np.nan)
        if rows:
            steps, known = zip(*rows, strict=True)
            values[np.array(steps, dtype=np.int64) - first] = known
        return values

    def exog(self, pk: int, first: int, end: int) -> dict[int, Row]:
        """Return the covariates of the steps from ``first`` on that have any."""
        wanted = {"pk": pk, "first": first, "end": end}
        rows = self._connection.execute(queries.EXOG, wanted)
        return {row.step: row.known for row in rows}

    def milestone(self, carried: Carried, version: str, steps: Steps) -> Kept | None:
        """Return the last state of a version before some steps, if one is kept."""
        return turning.last_before(self._connection, carried, version, int(steps[0]))

    def page(
        self, name: str | None, prefix: str, after: tuple[str, str], limit: int
    ) -> list[Listed]:
        """Return up to ``limit`` series, by model name and id, behind ``after``."""
        query = queries.page(name, prefix, after).limit(limit)
        return [
            Listed(row.name, row.unique_id, queries.grid_of(row), queries.span_of(row))
            for row in self._connection.execute(query)
        ]


class Store:
    """Reads snapshots and commits changes; safe for many threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._proven_until = -math.inf

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Give a view that does not change while it is used."""
        with reading(self._engine) as connection:
            yield Snapshot(connection)

    def commit(self, name: str, version: str, changes: Sequence[Change]) -> set[str]:
        """Write the changes of all series that nobody moved since; durable on return.

        Returns:
            The ids of the series that somebody else moved; these are left alone.
        """
        return self._written(
            lambda connection: _commit(connection, name, version, changes)
        )

    def drop(self, name: str, unique_id: str) -> bool:
        """Forget a series, log and states; False when there was none."""
        wanted = {"of": name, "id": unique_id}

        def forget(connection: Connection) -> bool:
            return connection.execute(queries.DROP_SERIES, wanted).rowcount > 0

        return self._written(forget)

    def check_writable(self) -> None:
        """Raise StoreFailure unless something can be written now, or was a moment ago.

        It is written for good: what is rolled back never reaches a disk that is full.
        """
        if time.monotonic() < self._proven_until:
            return
        mark = time.time_ns()

        def prove(connection: Connection) -> None:
            row = {"name": PROOF, "due": mark}
            connection.execute(_upserts(connection).keep_chore, row)

        self._written(prove)
        self._proven_until = time.monotonic() + PROVEN_S

    def _written(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return written(self._engine, work)
        except StoreFailure:
            self._proven_until = -math.inf
            raise

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _commit(
    connection: Connection, name: str, version: str, changes: Sequence[Change]
) -> set[str]:
    """Write the changes that nobody was ahead of; the ids of the others."""
    in_order = sorted(changes, key=lambda change: change.unique_id)
    held = _hold(connection, name, [change.unique_id for change in in_order])
    fitting = [c for c in in_order if held.get(c.unique_id) == _expected(c)]
    pks = {c.unique_id: c.before.pk for c in fitting if c.before is not None}
    pks |= _begin(connection, name, [c for c in fitting if c.before is None])
    won = [c for c in fitting if c.unique_id in pks]
    if won:
        _write(connection, pks, version, won)
    return {c.unique_id for c in changes} - {c.unique_id for c in won}


def _hold(
    connection: Connection, name: str, ids: Sequence[str]
) -> dict[str, tuple[int, Span]]:
    """Return the series there are, which nobody else moves until the commit."""
    held: dict[str, tuple[int, Span]] = {}
    for some in queries.portions(ids):
        rows = connection.execute(queries.HELD_SPANS, {"name": name, "ids": some})
        held |= {row.unique_id: (row.pk, queries.span_of(row)) for row in rows}
    return held


def _expected(change: Change) -> tuple[int, Span] | None:
    before = change.before
    return None if before is None else (before.pk, before.span)


def _begin(
    connection: Connection, name: str, changes: Sequence[Change]
) -> dict[str, int]:
    """Begin series that are not there yet, but for those that somebody else begins."""
    if not changes:
        return {}
    rows = [queries.series_row(name, change) for change in changes]
    begun = connection.execute(_upserts(connection).add_series, rows)
    return {row.unique_id: row.pk for row in begun}


def _upserts(connection: Connection) -> queries.Upserts:
    return queries.upserts(connection.dialect.name)


def _write(
    connection: Connection, pks: dict[str, int], version: str, changes: Sequence[Change]
) -> None:
    moved = [c for c in changes if c.before is not None and c.before.span != c.span]
    if moved:
        rows = [queries.move_row(pks[c.unique_id], c) for c in moved]
        queries.run_many(connection, queries.MOVE_SERIES, rows)
    _write_values(connection, pks, changes)
    _write_exog(connection, pks, changes)
    _write_appends(connection, pks, changes)
    states = [queries.state_row(pks[c.unique_id], version, c) for c in changes]
    queries.run_many(connection, _upserts(connection).keep_state, states)
    turning.write(connection, pks, version, changes)


def _write_exog(
    connection: Connection, pks: dict[str, int], changes: Sequence[Change]
) -> None:
    rows = [
        {"series_pk": pks[change.unique_id], "step": step, "known": dict(known)}
        for change in changes
        for step, known in change.exog.items()
    ]
    if rows:
        connection.execute(_upserts(connection).keep_exog, rows)


def _write_appends(
    connection: Connection, pks: dict[str, int], changes: Sequence[Change]
) -> None:
    rows = [
        queries.append_row(pks[c.unique_id], c.append)
        for c in changes
        if c.append is not None
    ]
    if rows:
        connection.execute(queries.KEEP_APPEND, rows)
        connection.execute(queries.FORGET_APPENDS, rows)


def _write_values(
    connection: Connection, pks: dict[str, int], changes: Sequence[Change]
) -> None:
    kept, forgotten = [], []
    for change in changes:
        pk = pks[change.unique_id]
        for step, y in zip(change.steps.tolist(), change.values.tolist(), strict=True):
            if y == y:
                kept.append({"series_pk": pk, "step": step, "value": y})
            else:
                forgotten.append({"pk": pk, "at": step})
    if kept:
        queries.run_many(connection, _upserts(connection).keep_value, kept)
    if forgotten:
        connection.execute(queries.FORGET_VALUE, forgotten)
