"""A file system that fails on demand: a shim that is preloaded into processes of tests."""

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REQUIRED = "FORECASTER_TEST_FAULTS"  # set: a machine without a compiler is a failure
ABSENT = "no C compiler on this machine; on Debian: apt-get install gcc libc6-dev"
SOURCE = Path(__file__).with_name("shim.c")
WRITE, SYNC, READ, OPEN = 1, 2, 4, 8
CONTROL = "FAULTS_CONTROL"
FULL, BROKEN, READ_ONLY = errno.ENOSPC, errno.EIO, errno.EROFS


class _Control(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int)
        for name in ("kinds", "nth", "lasts", "error", "seen", "failed")
    ]


class Faults:
    """What fails in the processes that have the shim; may be changed while they run."""

    def __init__(self, control: str) -> None:
        with Path(control).open("r+b") as file:
            memory = mmap.mmap(file.fileno(), ctypes.sizeof(_Control))
        self._control = _Control.from_buffer(memory)

    @contextmanager
    def failing(
        self, kinds: int, error: int, nth: int = 1, lasts: bool = True
    ) -> Iterator[_Control]:
        """Let the n-th call of some kinds fail, and all behind it unless told otherwise."""
        control = self._control
        control.seen = control.failed = 0
        control.nth, control.lasts, control.error = nth, lasts, error
        control.kinds = kinds  # the last, for it begins to count
        try:
            yield control
        finally:
            control.kinds = 0


def compiler() -> str | None:
    """Return the C compiler of this machine."""
    return shutil.which("gcc") or shutil.which("cc")


def prepared(folder: Path, files: str) -> dict[str, str]:
    """Build the shim; the environment of processes whose ``files`` are to fail."""
    shim, control = folder / "shim.so", folder / "control"
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Wno-nonnull-compare")
    subprocess.run(
        [str(compiler()), *flags, "-o", str(shim), str(SOURCE), "-ldl"], check=True
    )
    control.write_bytes(bytes(ctypes.sizeof(_Control)))
    others = os.environ.get("LD_PRELOAD", "")
    preload = f"{shim}:{others}" if others else str(shim)
    return {"LD_PRELOAD": preload, CONTROL: str(control), "FAULTS_FILES": files}
