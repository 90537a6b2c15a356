"""What the store gives and takes: small values without a database in them."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

STATE_FORMAT = 2  # float32, little-endian, one after the other
UNPLACED_FORMAT = 1  # the same, with a checksum that leaves out where it stands

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
State = NDArray[np.float32]
Row = Mapping[str, float | str]  # covariates of one step, by name, those that are known


@dataclass(frozen=True, slots=True)
class Span:
    """The steps of a series that the log covers: from ``first``, below ``end``."""

    first: int
    end: int
    revision: int = 0  # how often something below ``end`` was rewritten
    pruned: int = 0  # of the oldest steps, how many the log has forgotten

    @property
    def kept(self) -> int:
        """The first step that the log still holds."""
        return self.first + self.pruned

    @property
    def length(self) -> int:
        """The number of steps, each of which the state has advanced over once."""
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Kept:
    """A state of one model version, having seen every step below ``end`` once."""

    state: State
    end: int


@dataclass(frozen=True, slots=True)
class Milestone:
    """A state to go back to, that has seen every step below ``end``.

    It is of no more use once the series has reached ``until``.
    """

    state: State
    end: int
    until: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a series stands in time: its frequency, and the time of step 0."""

    frequency: str
    start: int  # microseconds since 1970, or an integer step


@dataclass(frozen=True, slots=True)
class Append:
    """Where the values of a keyed request without times went, for its retries."""

    key: str
    step: int
    count: int


@dataclass(frozen=True, slots=True)
class Carried:
    """What the store holds of one series, for one model version.

    ``kept`` is None when no state of that version agrees with the log; ``append`` tells
    where values went that came with the key of the request before.
    """

    pk: int
    unique_id: str
    grid: Grid
    span: Span
    kept: Kept | None
    append: Append | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list of series."""

    name: str
    unique_id: str
    grid: Grid
    span: Span


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written for one series, if it still is as it was read.

    ``before`` is None for a series that must not exist yet. ``values`` replace what the
    log has at ``steps``; NaN is a missing value. ``state`` has seen all of ``span``.
    ``append`` is to be remembered for retries; ``exog`` holds covariates, by step;
    ``milestones`` are states to go back to.
    """

    unique_id: str
    before: Carried | None
    grid: Grid
    span: Span
    steps: Steps
    values: Floats
    state: State
    append: Append | None = None
    exog: Mapping[int, Row] = field(default_factory=dict)
    milestones: tuple[Milestone, ...] = ()

    @property
    def rewritten(self) -> int | None:
        """The first step that is rewritten; None where history stays as it is."""
        if self.before is None or self.before.span.revision == self.span.revision:
            return None
        return int(self.steps[0])


def pack_state(state: State, revision: int, end: int) -> dict[str, int | bytes]:
    """Return the columns that hold a state, of a history up to ``end``."""
    packed = state.astype("<f4").tobytes()
    crc32 = zlib.crc32(packed, _crc32_of_place(revision, end))
    return {"format": STATE_FORMAT, "crc32": crc32, "state": packed}


def unpack_state(columns: Mapping[str, Any], revision: int, end: int) -> State | None:
    """Return the state, or None when it is damaged or of another format.

    Where it stands is under its checksum too: believed of another history, or further
    on, it would skip values, or see them twice.

    >>> columns = pack_state(np.array([1.5, -2.0], dtype=np.float32), 0, 2)
    >>> unpack_state(columns, 0, 2)
    array([ 1.5, -2. ], dtype=float32)
    >>> unpack_state(columns, 0, 3) is None
    True
    """
    packed, begin = columns["state"], 0
    if columns["format"] == STATE_FORMAT:
        begin = _crc32_of_place(revision, end)
    elif columns["format"] != UNPLACED_FORMAT:
        return None
    if zlib.crc32(packed, begin) != columns["crc32"]:
        return None
    return np.frombuffer(packed, dtype="<f4").astype(np.float32, copy=False)


def _crc32_of_place(revision: int, end: int) -> int:
    return zlib.crc32(struct.pack("<qq", revision, end))
