"""What a trainer does: one job, of which it says what comes of it.

It writes nothing of the store: its worker does, who alone knows whether the job is still
theirs. It is gone with its worker, or when that tells it no more that it may live: the
kernel's alarm ends it then, whatever it computes.
"""

import dataclasses
import os
import select
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.checkpoint import Checkpoint
from forecaster.errors import BusyError, ForecasterError
from service.errors import ServiceError, Unavailable
from service.jobs import pinned
from service.jobs import task as tasks
from service.jobs.task import Task, told

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from forecaster.panel import Panel
    from forecaster.shadowing import Outcome, Plan

TELL_S = 0.5  # between two reports of progress
STDIN, STDOUT, STDERR = 0, 1, 2
OBEYED = 3  # exit code of one that had to go
OOM_SCORE = 500  # where memory runs out, a trainer goes before a server


class Teller:
    """Tells the worker; safe for many threads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._told_at = 0.0

    def tell(self, **what: Any) -> None:
        """Tell one thing."""
        line = told(what)
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]

    def say(self, line: str) -> None:
        """Tell a line for those who follow the job."""
        self.tell(line=line)

    def progress(self, share: float, message: str) -> None:
        """Tell how far it has come, now and then."""
        if time.monotonic() - self._told_at >= TELL_S or share >= 1.0:
            self._told_at = time.monotonic()
            self.tell(progress=share, message=message)


def main() -> None:
    """Do the job that stdin tells, and end."""
    teller = Teller(os.dup(STDOUT))
    os.dup2(STDERR, STDOUT)  # what libraries print is for the log
    heard = _Heard()
    task = Task.read(heard.line(time.monotonic() + 60.0))
    threading.Thread(target=_obey, args=(heard, task.until), daemon=True).start()
    _stand_back(task.niceness)
    teller.tell(**_ending(task, teller))
    os._exit(0)  # nothing is left to be done, and TensorFlow takes its time


def _ending(task: Task, teller: Teller) -> dict[str, Any]:
    try:
        verdict = WORK[task.kind](task, teller)
    except (BusyError, Unavailable) as error:
        return {"how": tasks.CUT_OFF, "why": str(error)}
    except (ForecasterError, ServiceError) as error:
        return {"how": tasks.FAILED, "why": str(error)}
    except Exception as error:  # noqa: BLE001 - a job that fails has to say so
        traceback.print_exc()
        said = f"unexpected {type(error).__name__}: {error}"
        return {"how": tasks.FAILED, "why": said}
    return {"how": tasks.DONE, "verdict": verdict}


def _retrain(task: Task, teller: Teller) -> dict[str, Any]:
    from forecaster.retraining import Retraining, retrain

    wishes = Retraining.read(task.spec)
    models_dir = Path(task.models_dir)
    log = _observed(task, pinned.place_of(models_dir, task.name, task.job))
    verdict = retrain(log, task.name, wishes, models_dir, teller.say, teller.progress)
    return dataclasses.asdict(verdict)


def _watch(task: Task, teller: Teller) -> dict[str, Any]:
    from forecaster.shadowing import compared, planned
    from service.history import log_of

    with _store(task) as engine, log_of(engine, task.name) as log:
        plan = planned(Path(task.models_dir), task.name, log)
    found = compared(plan, teller.say)
    days = {
        version: [dataclasses.asdict(day) for day in one.days]
        for version, one in found.items()
        if one.problem is None
    }
    return {
        "version": plan.champion,
        "days": days.pop(plan.champion),
        "shadows": days,
        "left_out": {v: one.problem for v, one in found.items() if one.problem},
        "forecasts": _written(plan, found, teller),
    }


def _written(
    plan: "Plan", found: Mapping[str, "Outcome"], teller: Teller
) -> str | None:
    """The file with what the versions beside the champion forecast, if there is one."""
    from forecaster import shadow_file

    try:
        path = shadow_file.write(plan, found)
    except OSError as error:  # the scores are what a job is for
        teller.say(f"the forecasts could not be written: {error}")
        return None
    return None if path is None else str(path)


def _observed(task: Task, place: Checkpoint) -> "Panel":
    """What the service has observed of a model, until a place says it was."""
    from forecaster.retraining import columns_of
    from service.history import panel_of

    columns = columns_of(Path(task.models_dir), task.name)
    with _store(task) as engine:
        ends = pinned.ends(place, engine, task.name)
        return panel_of(engine, task.name, columns, ends)


@contextmanager
def _store(task: Task) -> Iterator["Engine"]:
    from service.database import open_database

    engine = open_database(task.database, 1, anew=False)
    try:
        yield engine
    finally:
        engine.dispose()


WORK: dict[str, Callable[[Task, Teller], dict[str, Any]]] = {
    "retrain": _retrain,
    "watch": _watch,
}


class _Heard:
    """Reads lines from stdin, each until a time."""

    def __init__(self) -> None:
        self._rest = b""

    def line(self, until: float) -> bytes:
        """Return the next line; end this process if none comes in time, or ever."""
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([STDIN], [], [], left)[0]:
                os._exit(OBEYED)
            more = os.read(STDIN, 65_536)
            if not more:
                os._exit(OBEYED)
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line


def _obey(heard: _Heard, until: float) -> None:
    """Live until then, or as long as one is told to; hear that on a thread of its own."""
    while True:
        left = until - time.monotonic()
        if left <= 0:
            os._exit(OBEYED)
        signal.setitimer(signal.ITIMER_REAL, left)  # nobody handles it: it ends us
        until = float(heard.line(until))


def _stand_back(niceness: int) -> None:
    os.nice(niceness)
    with suppress(OSError):  # no Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
