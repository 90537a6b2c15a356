"""What a job is, as those who ask for it and those who do it know it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PENDING, RUNNING = "pending", "running"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
STATES = (PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED)
UNFINISHED = (PENDING, RUNNING)

RETRAIN, WATCH = "retrain", "watch"
KINDS = (RETRAIN, WATCH)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        kind: one of `KINDS`.
        name: the model.
        spec: what was asked for beside, as JSON; checked before.
        origin: who asks: `http`, `cli` or `schedule:NAME`.
    """

    kind: str
    name: str
    spec: Mapping[str, Any]
    origin: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job; times are seconds since 1970.

    Attributes:
        id: sorts by creation.
        order: what is to be done.
        state: one of `STATES`.
        progress: how far it has come, 0 to 1.
        message: the last it said.
        created_at: when it was asked for.
        started_at: when it was first taken up.
        finished_at: when it ended.
        cancel_requested: whether it is to be given up.
        worker: who took it last.
        attempt: how often it was taken up.
        cut_off: how often whoever had it was gone before its end.
        lease_until: while it runs, whose it is until then.
        verdict: what came of it, before anything is done about it.
        result: what came of it in the end.
        error: why it failed.
    """

    id: str
    order: Order
    state: str
    progress: float
    message: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    cancel_requested: bool
    worker: str | None
    attempt: int
    cut_off: int
    lease_until: float | None
    verdict: Mapping[str, Any] | None
    result: Mapping[str, Any] | None
    error: str | None

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.state not in UNFINISHED

    @property
    def lease(self) -> "Lease":
        """Whose it is, as the one who claimed it shows that it still is."""
        return Lease(self.id, self.worker or "", self.attempt)


@dataclass(frozen=True, slots=True)
class Lease:
    """Tells one holding of a job from every other: no worker takes it twice as the same."""

    job: str
    worker: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Line:
    """What a job said, and when; numbers count from 1, and the oldest are forgotten."""

    number: int
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class News:
    """How far a job has come and what it said since it was last asked."""

    progress: float
    message: str
    lines: tuple[str, ...] = field(default=())
