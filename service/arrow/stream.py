"""Bytes of a stream → one table, without trusting them.

What a stream says of itself is looked at before anything is read: how many rows, and
whether its buffers are compressed, since those unpack to any size. Then columns are
views of the bytes, so reading takes no more memory than the body.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.ipc
from flatbuffers import number_types
from flatbuffers.table import Table

from service.errors import Malformed, Unacceptable

MOST_MESSAGES = 2_000  # batches and dictionaries of one stream
END = b"\xff\xff\xff\xff\x00\x00\x00\x00"

# The last is raised by flatbuffers, for a place that no number of its kind can be.
DAMAGED = (pa.ArrowException, OSError, struct.error, ValueError, TypeError)

# Places of fields in Arrow's Message.fbs; a field stands at 4 + 2 times its place.
_HEADER = 4 + 2 * 2  # of Message: the batch
_ROWS, _COMPRESSION = 4, 4 + 2 * 3  # of RecordBatch
_DATA, _IS_DELTA = 4 + 2 * 1, 4 + 2 * 2  # of DictionaryBatch

Check = Callable[[Any], None]


def read_stream(data: bytes, check_schema: Check, most_rows: int) -> Any:
    """Return the table that a stream holds, every value of it checked to be readable.

    Args:
        data: an Arrow IPC stream, from its schema to its end marker.
        check_schema: refuses columns of no use, before any is read.
        most_rows: more are refused.

    Raises:
        Malformed: it is not such a stream, or not a whole one.
        Unacceptable: it is one, and asks for too much.
    """
    try:
        _look_through(data, most_rows)
        with pyarrow.ipc.open_stream(data) as reader:
            check_schema(reader.schema)
            table = reader.read_all()
        table.validate(full=True)
    except DAMAGED:
        raise Malformed(
            "expected an Arrow IPC stream (not a file of Arrow, Feather or Parquet); "
            "the body is none, is damaged or cut off"
        ) from None
    return table


def _look_through(data: bytes, most_rows: int) -> None:
    source, rows = pa.BufferReader(data), 0
    for number, message in enumerate(_messages(source)):
        if number > MOST_MESSAGES:
            raise Unacceptable(
                f"more than {MOST_MESSAGES} batches in one stream; send larger ones"
            )
        if message.type == "schema":
            continue
        batch = _batch_of(message)
        if batch.Offset(_COMPRESSION):
            raise Unacceptable(
                "the buffers of this stream are compressed one by one; write it without "
                "compression, and send the body as a whole with Content-Encoding: gzip"
            )
        if message.type == "record batch":
            rows += _rows_of(batch)
        if rows > most_rows:
            raise Unacceptable(
                f"more than {most_rows} rows in one request (max_points); send them in "
                "parts"
            )
    if source.tell() != len(data) or not data.endswith(END):
        raise Malformed(
            "expected one Arrow stream up to its end marker; the body was cut off, or "
            "more follows. Close the writer before sending"
        )


def _messages(source: Any) -> Iterator[Any]:
    yield from pyarrow.ipc.MessageReader.open_stream(source)


def _batch_of(message: Any) -> Table:
    """Return the RecordBatch of a message: its own, or that of its dictionary."""
    data = message.metadata.to_pybytes()
    root = Table(data, struct.unpack_from("<I", data)[0])
    header = Table(data, 0)
    root.Union(header, root.Offset(_HEADER))
    if message.type != "dictionary":
        return header
    if header.Offset(_IS_DELTA):
        raise Unacceptable(
            "the stream has dictionaries in several parts; write each as a whole"
        )
    return Table(data, header.Indirect(header.Pos + header.Offset(_DATA)))


def _rows_of(batch: Table) -> int:
    offset = batch.Offset(_ROWS)
    if not offset:
        return 0
    return int(batch.Get(number_types.Int64Flags, batch.Pos + offset))
