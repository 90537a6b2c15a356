"""Who has a folder in hand: locks on folders, that end with their process however it ends.

Who loads a version is `reading` it meanwhile; who makes or removes one has it `alone`.
So nobody removes what is half read, and what a killed process left is told from what
somebody still works on.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from forecaster.errors import BusyError

HALF_MADE, HALF_REMOVED = ".partial-", ".deleted-"  # how names of such folders begin
LOOK_S = 0.1


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Keep a folder from being removed while it is read.

    What cannot be held is read as it is: a folder that is absent, that its own maker
    reads, or that lies where there are no locks.
    """
    descriptor = None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def alone(folder: Path, patience_s: float = 0.0) -> Iterator[None]:
    """Have a folder for oneself, waiting for its readers for at most so many seconds.

    Raises:
        BusyError: somebody has it in hand, longer than that.
        OSError: there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + patience_s
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"{folder}: another process is reading it. Try again in a moment."
                )
            time.sleep(LOOK_S)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def clear_abandoned(folder: Path) -> None:
    """Remove what was half made or half removed in a model's folder by a killed process.

    The model's folder must be locked; what somebody holds is left to them.
    """
    for begin in (HALF_MADE, HALF_REMOVED):
        for path in folder.glob(f"{begin}*"):
            with suppress(OSError, BusyError), alone(path):
                shutil.rmtree(path, ignore_errors=True)
