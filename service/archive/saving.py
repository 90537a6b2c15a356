"""From a store to an archive, beside those that write: all of it from one snapshot."""

import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, Select, Table, func, select

import forecaster
from forecaster.errors import ConfigError, DataError
from service import queries
from service.archive.contents import (
    BACKUP,
    MANIFEST,
    ROWS,
    ROWS_OF_STATES,
    SERIES,
    TABLES,
    Contents,
    Member,
    arrow_schema,
    member_of,
    to_arrow,
)
from service.archive.whole import Hashing, whole
from service.database import reading_long
from service.kinds import kind_of
from service.tables import SCHEMA, series, states

OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")

Tell = Callable[[float, str], None]  # the share that is done, and with what


def save(engine: Engine, file: Path, tell: Tell) -> Contents:
    """Write all that a store holds; readers of the file see the old one, or all of it.

    Raises:
        ConfigError: the file is the database itself.
        StoreFailure: the store does not answer.
        OSError: the file cannot be written.
    """
    _refuse_database(engine, file)
    with reading_long(engine) as connection:
        return _save(connection, file, BACKUP, None, tell)


def save_series(
    engine: Engine, file: Path, ids: Sequence[str], name: str | None, tell: Tell
) -> Contents:
    """Write some series, with their logs and states.

    Args:
        engine: the database.
        file: where to.
        ids: of the series.
        name: of the model they belong to; None takes those of all models.
        tell: is told how far it has come.

    Raises:
        ConfigError: the file is the database itself.
        DataError: there is no series of one of the ids.
        StoreFailure: the store does not answer.
        OSError: the file cannot be written.
    """
    _refuse_database(engine, file)
    with reading_long(engine) as connection:
        found: dict[int, str] = {}
        for some in queries.portions(ids):
            wanted = select(series.c.pk, series.c.unique_id, series.c.name)
            rows = connection.execute(wanted.where(series.c.unique_id.in_(some)))
            found |= {r.pk: r.unique_id for r in rows if name in (None, r.name)}
        absent = sorted(set(ids) - set(found.values()))
        if absent:
            raise DataError(
                f"expected series that are carried, got {len(absent)} that are not, the "
                f"first {absent[0]!r}; GET /series lists what is"
            )
        return _save(connection, file, SERIES, sorted(found), tell)


def _refuse_database(engine: Engine, file: Path) -> None:
    if kind_of(engine).is_part(engine.url, file):
        raise ConfigError(
            f"expected another file than the database, got {file}, which would be lost; "
            "give another name"
        )


def _save(
    connection: Connection,
    file: Path,
    kind: str,
    pks: Sequence[int] | None,
    tell: Tell,
) -> Contents:
    tables = TABLES[kind]
    watch = _Watch(tell, {t.name: _count(connection, t, pks) for t in tables})
    with whole(file) as written, zipfile.ZipFile(written, "w") as archive:
        members = {}
        for table in tables:
            with closing(_rows(connection, table, pks)) as portions:
                members[table.name] = _write(archive, table, portions, watch)
        made_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        contents = Contents(kind, SCHEMA, forecaster.__version__, made_at, members)
        archive.writestr(MANIFEST, contents.to_json())
    return contents


class _Watch:
    """Tells how far it has come, by the rows."""

    def __init__(self, tell: Tell, counts: dict[str, int]) -> None:
        self._tell = tell
        self._all = max(1, sum(counts.values()))
        self._done = 0

    def passed(self, rows: int, table: str) -> None:
        """So many more rows are done."""
        self._done += rows
        self._tell(self._done / self._all, table)


def _write(
    archive: zipfile.ZipFile,
    table: Table,
    portions: Iterator[Sequence[Sequence[Any]]],
    watch: _Watch,
) -> Member:
    count = 0
    with archive.open(member_of(table), "w", force_zip64=True) as member:
        sink = Hashing(member)
        schema = arrow_schema(table)
        with pa.ipc.new_stream(
            pa.PythonFile(sink, mode="w"), schema, options=OPTIONS
        ) as stream:
            for batch in _batches(table, portions):
                stream.write_batch(batch)
                count += batch.num_rows
                watch.passed(batch.num_rows, table.name)
    return Member(count, sink.sha256.hexdigest())


def _batches(
    table: Table, portions: Iterator[Sequence[Sequence[Any]]]
) -> Iterator[Any]:
    try:
        for rows in portions:
            yield to_arrow(table, rows)
    # Of texts among numbers, of bytes that are no text, of texts that are no JSON.
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"expected rows of {table.name} as this program writes them, got others: the "
            "database is damaged; restore a backup, or export the series that are sound"
        ) from error


def _rows(
    connection: Connection, table: Table, pks: Sequence[int] | None
) -> Generator[Sequence[Sequence[Any]], None, None]:
    for query in _queries(select(table), table, pks):
        ordered = query.order_by(*table.primary_key)
        # As the server has them, not all at once.
        options = {"yield_per": ROWS_OF_STATES if table is states else ROWS}
        with connection.execute(ordered, execution_options=options) as found:
            yield from found.partitions()


def _count(connection: Connection, table: Table, pks: Sequence[int] | None) -> int:
    count = select(func.count()).select_from(table)
    parts = _queries(count, table, pks)
    return sum(connection.execute(part).scalar_one() for part in parts)


def _queries(
    query: Select[Any], table: Table, pks: Sequence[int] | None
) -> Iterator[Select[Any]]:
    if pks is None:
        yield query
        return
    of = table.c.pk if table is series else table.c.series_pk
    for some in queries.portions(pks):
        yield query.where(of.in_(some))
