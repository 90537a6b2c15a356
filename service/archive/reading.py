"""An archive that is read: checked first, then a batch of rows after the other."""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
from sqlalchemy import Table

from forecaster.errors import DataError
from service.archive.contents import (
    MANIFEST,
    TABLES,
    arrow_schema,
    from_arrow,
    member_of,
    parse,
)

BLOCK = 2**20
# The last two: of a zip that is encrypted, or packed as none that we write.
UNREADABLE = (
    *(OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError),
    *(RuntimeError, NotImplementedError),
)

Tell = Callable[[float, str], None]


class Archive:
    """An open archive, whose manifest has been read.

    Raises:
        DataError: the file is no archive, or one that this program cannot read.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with ExitStack() as refusing:
            try:
                self._zip = refusing.enter_context(zipfile.ZipFile(file))
                manifest = self._zip.read(MANIFEST)
            except UNREADABLE as error:
                reason = getattr(error, "strerror", None) or "it is cut off, or none"
                raise DataError(
                    f"{file}: expected a file that 'forecaster backup' or 'export' "
                    f"wrote, could not read it: {reason}"
                ) from error
            self.contents = parse(manifest, str(file))
            refusing.pop_all()  # it stays open
        kept, all_ = self.contents.tables, TABLES[self.contents.kind]
        self.tables = tuple(table for table in all_ if table.name in kept)
        self.rows = sum(member.rows for member in self.contents.tables.values())

    def __enter__(self) -> "Archive":
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._zip.close()

    def expect(self, kind: str, other: str) -> None:
        """Refuse an archive of another kind, which is for the command ``other``.

        Raises:
            DataError: it is one.
        """
        if self.contents.kind != kind:
            raise DataError(
                f"{self.file}: expected an archive of kind {kind!r}, got "
                f"{self.contents.kind!r}; use '{other}'"
            )

    def verify(self, tell: Tell) -> None:
        """Compare every table with its checksum.

        Raises:
            DataError: one is damaged or absent; nothing of the archive should be used.
        """
        sizes = {table.name: self._size(table) for table in self.tables}
        done = 0
        for table in self.tables:
            checksum = hashlib.sha256()
            for block in self._blocks(table):
                checksum.update(block)
                done += len(block)
                tell(done / max(1, sum(sizes.values())), f"checking {table.name}")
            if checksum.hexdigest() != self.contents.tables[table.name].sha256:
                raise self.damaged(table)

    def batches(self, table: Table) -> Iterator[list[tuple[Any, ...]]]:
        """Give the rows of a table, a batch at a time, with their JSON as text.

        Raises:
            DataError: its columns are not those of the table.
        """
        with self._zip.open(member_of(table)) as member:
            try:
                stream = pa.ipc.open_stream(pa.PythonFile(member, mode="r"))
                if stream.schema != arrow_schema(table):
                    raise self.damaged(table)
                for batch in stream:
                    yield from_arrow(batch)
            except pa.ArrowInvalid as error:
                raise self.damaged(table) from error

    def _size(self, table: Table) -> int:
        try:
            return self._zip.getinfo(member_of(table)).file_size
        except KeyError as error:
            raise self.damaged(table) from error

    def _blocks(self, table: Table) -> Iterator[bytes]:
        try:
            with self._zip.open(member_of(table)) as member:
                while block := member.read(BLOCK):
                    yield block
        except UNREADABLE as error:
            raise self.damaged(table) from error

    def damaged(self, table: Table) -> DataError:
        """Return the refusal of an archive in which a table is damaged."""
        return DataError(
            f"{self.file}: {member_of(table)} is damaged, so nothing of it was used; copy "
            "the archive again, or use another one"
        )
