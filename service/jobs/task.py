"""What a worker and its trainer tell each other, as lines of JSON.

To the trainer: the task; then, again and again, until when it may live. From it: lines,
progress, and one ending.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

LINE, PROGRESS = "line", "progress"
# Endings: it is done; it can never be done; it could not be done just now.
DONE, FAILED, CUT_OFF = "done", "failed", "cut off"


@dataclass(frozen=True, slots=True)
class Task:
    """One job for a trainer.

    Attributes:
        job: its id.
        kind: of the job.
        name: the model.
        spec: what was asked for beside.
        models_dir: the models folder.
        database: the URL of the store.
        niceness: how far it stands back for others, 0 to 19.
        until: by the monotonic clock of this machine, when it has to be gone.
    """

    job: str
    kind: str
    name: str
    spec: Mapping[str, Any]
    models_dir: str
    database: str
    niceness: int
    until: float

    def line(self) -> bytes:
        """Return it as a line.

        >>> task = Task("id", "retrain", "demo", {}, "models", "sqlite:///x.db", 15, 9.5)
        >>> Task.read(task.line()) == task
        True
        """
        return told(asdict(self))

    @classmethod
    def read(cls, line: bytes) -> "Task":
        """Return the task that a line tells."""
        return cls(**orjson.loads(line))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a trainer ended.

    Attributes:
        how: one of the endings above.
        verdict: what came of it, where it is done.
        why: the reason, where it is not.
    """

    how: str
    verdict: Mapping[str, Any] | None = None
    why: str = ""


def told(value: Any) -> bytes:
    """Return one line of JSON."""
    return orjson.dumps(value, default=str, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"
