"""What a training needs to go on after it was killed, as one file.

The file lies hidden beside the versions of the model, and its name tells of which
training it is: of the same data with the same plan. It is replaced whole or not at all.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
KEPT_S = 7 * 86_400
_FACTS = "facts"  # the name of the array that holds them, as JSON


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A training at one moment: its arrays by name, and small facts as in JSON."""

    arrays: Arrays
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file that holds the latest snapshot of one training, if there is one."""

    path: Path

    @classmethod
    def of(cls, folder: Path, *training: Any) -> "Checkpoint":
        """The checkpoint in a model's folder of the training that these things define."""
        return cls(folder / f".training-{fingerprint(*training)}.npz")

    def write(self, snapshot: Snapshot) -> None:
        """Replaces the snapshot; a crash leaves the old one or the new one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        facts = np.array(json.dumps(dict(snapshot.facts)))
        with self._partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **{_FACTS: facts}, **snapshot.arrays)
            file.flush()
            os.fsync(file.fileno())
        self._partial.replace(self.path)

    def read(self) -> Snapshot | None:
        """The latest snapshot; None when there is none, or none that can be read."""
        try:
            with (
                self.path.open("rb") as file,
                np.load(file, allow_pickle=False) as content,
            ):
                arrays = {name: content[name] for name in content.files}
            facts = json.loads(str(arrays.pop(_FACTS)))
        except (OSError, ValueError, KeyError, EOFError, *_DAMAGED):
            return None
        return Snapshot(arrays, facts)

    def remove(self) -> None:
        """Forgets the training."""
        self._partial.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    @property
    def _partial(self) -> Path:
        """Where the next snapshot is written."""
        return self.path.with_suffix(".partial")


def forget_old(folder: Path, now: float) -> None:
    """Removes checkpoints that nobody has gone on from for a week (`now`: epoch seconds)."""
    for path in folder.glob(".training-*"):
        with suppress(FileNotFoundError):  # another training has just ended
            if now - path.stat().st_mtime > KEPT_S:
                path.unlink()


_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError)


def fingerprint(*things: Any) -> str:
    """Sixteen hexadecimal digits that change with any of the values.

    Takes arrays, dataclasses, tuples and whatever `repr` tells apart.

    >>> a, b = np.arange(3), np.arange(3.0)
    >>> fingerprint(a, "x") == fingerprint(a.copy(), "x"), fingerprint(a) == fingerprint(b)
    (True, False)
    """
    digest = hashlib.sha256()
    for thing in things:
        _feed(digest, thing)
    return digest.hexdigest()[:16]


def _feed(digest: Any, thing: Any) -> None:
    if is_dataclass(thing):
        digest.update(type(thing).__name__.encode())
        for field in fields(thing):
            _feed(digest, getattr(thing, field.name))
    elif isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
        digest.update(repr((thing.dtype.str, thing.shape)).encode())
        digest.update(np.ascontiguousarray(thing).reshape(-1).view(np.uint8))
    elif isinstance(thing, np.ndarray):
        digest.update(repr(thing.tolist()).encode())
    elif isinstance(thing, tuple) and any(
        is_dataclass(part) or isinstance(part, np.ndarray) for part in thing
    ):
        digest.update(repr(len(thing)).encode())
        for part in thing:
            _feed(digest, part)
    else:
        digest.update(repr(thing).encode())
