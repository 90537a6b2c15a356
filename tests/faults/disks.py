"""A small disk, which can be full and have room again: a file system in memory."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

REQUIRED = "FORECASTER_TEST_MOUNTS"  # set: a machine where none can be mounted fails
ABSENT = "no file system can be mounted here; that takes root, and CAP_SYS_ADMIN"
ROOMY = 64 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk, mounted at a folder that any user may write."""

    folder: Path

    @contextmanager
    def full(self, left: int = 0) -> Iterator[None]:
        """Leave room for so many bytes; at the end there is enough of it again."""
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._resize(used + left)
        try:
            yield
        finally:
            self._resize(ROOMY)

    def _resize(self, size: int) -> None:
        assert _run("mount", "-o", f"remount,size={size}", str(self.folder))


@contextmanager
def mounted() -> Iterator[Disk]:
    """Give a disk with room; what needs one is skipped where none can be had."""
    folder = Path(tempfile.mkdtemp(prefix="disk-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        if not _run(
            "mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", str(folder)
        ):
            if os.environ.get(REQUIRED):
                pytest.fail(ABSENT)
            pytest.skip(ABSENT)
        try:
            yield Disk(folder)
        finally:
            _run("umount", "--lazy", str(folder))
    finally:
        folder.rmdir()


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
