"""Files that are there as a whole or not at all, and checksums of what is written."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


class Hashing:
    """A file that is written once, from the beginning, with its checksum."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Write some more."""
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Leave that to whoever closes the file."""


@contextmanager
def whole(file: Path) -> Iterator[IO[bytes]]:
    """Give a new file that takes the place of ``file`` once all of it is on disk."""
    # Not numbered by process: in a container all have the same number, and what one that
    # was killed has left would stop every other.
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as written:
            yield written
            written.flush()
            os.fsync(written.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too
    finally:
        os.close(folder)
