"""What stands in an archive, and what its manifest says of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pyarrow as pa
from sqlalchemy import Table

from forecaster.errors import DataError
from service.tables import (
    SCHEMA,
    api_keys,
    appends,
    covariates,
    observations,
    series,
    states,
)

FORMAT = 1
ROWS = 50_000  # of a batch, which stands in memory
ROWS_OF_STATES = 2_000  # they are wide
MANIFEST = "manifest.json"
BACKUP, SERIES = "backup", "series"
# In the order in which they can be filled: what is referred to first.
TABLES: dict[str, tuple[Table, ...]] = {
    BACKUP: (series, observations, covariates, appends, states, api_keys),
    SERIES: (series, observations, covariates, appends, states),
}
TYPES = {
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
    object: pa.string(),  # JSON
}


@dataclass(frozen=True, slots=True)
class Member:
    """One table of an archive: how many rows, and the checksum of its stream."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The manifest: what kind of archive, from which schema, and its tables."""

    kind: str
    schema: str
    release: str
    made_at: str  # ISO 8601
    tables: dict[str, Member]

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"


def member_of(table: Table) -> str:
    """Return the name of the stream of a table.

    >>> member_of(series)
    'series.arrow'
    """
    return f"{table.name}.arrow"


def parse(text: bytes, place: str) -> Contents:
    """Return what a manifest says.

    Raises:
        DataError: it is none, or of a format or schema that this program cannot read.
    """
    try:
        found = json.loads(text)
        if found["format"] != FORMAT or found["schema"] != SCHEMA:
            raise DataError(
                f"{place}: expected an archive of format {FORMAT} and schema {SCHEMA}, "
                f"got {found['format']} and {found['schema']}; restore it with release "
                f"{found['release']}, and let this one open that database"
            )
        names = [table.name for table in TABLES[found["kind"]]]
        members = {name: Member(**found["tables"][name]) for name in names}
        return Contents(
            found["kind"],
            found["schema"],
            found["release"],
            found["made_at"],
            members,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{place}: expected the manifest of an archive, got something else; give "
            "a file that 'forecaster backup' or 'export' wrote"
        ) from error


def arrow_schema(table: Table) -> Any:
    """Return the columns of a table as Arrow has them.

    >>> arrow_schema(observations)
    series_pk: int64
    step: int64
    value: double
    """
    columns = [(column.name, TYPES[_kind(column)]) for column in table.columns]
    return pa.schema(columns)


def to_arrow(table: Table, rows: Sequence[Sequence[Any]]) -> Any:
    """Return rows of a table, at least one, as a batch of Arrow."""
    schema = arrow_schema(table)
    arrays = []
    for column, field, values in zip(
        table.columns, schema, zip(*rows, strict=True), strict=True
    ):
        if _kind(column) is object:
            values = tuple(orjson.dumps(value).decode() for value in values)
        arrays.append(pa.array(values, type=field.type))
    return pa.record_batch(arrays, schema=schema)


def from_arrow(batch: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a batch, with their JSON as text."""
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _kind(column: Any) -> type:
    kind: type = column.type.python_type
    return kind
