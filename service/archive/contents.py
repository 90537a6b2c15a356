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
    schedules,
    series,
    states,
)

FORMAT = 2
NOT_YET: dict[int, tuple[Table, ...]] = {1: (schedules,), FORMAT: ()}  # by format
SAME_SINCE = "0003"  # the schema that changed a table of an archive last
ROWS = 50_000  # of a batch, which stands in memory
ROWS_OF_STATES = 2_000  # they are wide
MANIFEST = "manifest.json"
BACKUP, SERIES = "backup", "series"
# In the order in which they can be filled: what is referred to first.
TABLES: dict[str, tuple[Table, ...]] = {
    BACKUP: (series, observations, covariates, appends, states, api_keys, schedules),
    SERIES: (series, observations, covariates, appends, states),
}
TYPES = {
    bool: pa.bool_(),
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
        known = found["format"] in NOT_YET and SAME_SINCE <= found["schema"] <= SCHEMA
        if not known:
            raise DataError(
                f"{place}: expected an archive up to format {FORMAT}, of schema "
                f"{SAME_SINCE} to {SCHEMA}, got {found['format']} and {found['schema']}; "
                f"restore it with release {found['release']}, and let this one open that "
                "database"
            )
        absent = NOT_YET[found["format"]]
        tables = [table for table in TABLES[found["kind"]] if table not in absent]
        members = {
            table.name: Member(**found["tables"][table.name]) for table in tables
        }
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
