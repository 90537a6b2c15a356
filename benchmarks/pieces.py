"""Functions that stand for pieces of the model while the ablation does without them."""

from typing import Any

from forecaster import candidates
from forecaster.config import Task
from forecaster.memory import Frames

_all_of_them = candidates.candidates


def first_candidate(frames: Frames, course: Any, task: Task, place: Any) -> Any:
    """The seasonal naive forecast alone [B, T, K, 1]."""
    return _all_of_them(frames, course, task, place)[..., :1]


def one(task: Task) -> int:
    """How many candidates that are."""
    return 1
