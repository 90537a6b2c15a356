"""The trainer as its worker has it: a process that is told to, heard, and ended."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from service.jobs.records import News
from service.jobs.task import CUT_OFF, LINE, PROGRESS, Ending, Task

MOST_LINES = 200  # that wait to be written down; of more the newest
KILLED_S = 30.0
COMMAND = (sys.executable, "-m", "service.jobs.child")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Trainer:
    """Begins a job; all that it says is kept until asked for."""

    def __init__(self, task: Task) -> None:
        """Start the process; a list of processes shows the job's id."""
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._progress, self._message, self._is_new = 0.0, "", False
        self._ending: Ending | None = None
        environment = {**os.environ}
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self._process = subprocess.Popen(
            [*COMMAND, task.job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the worker, and all of it can be ended
        )
        self._tell(task.line())
        self._reader = threading.Thread(target=self._hear, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def live_until(self, until: float) -> None:
        """Let it live until then, by the monotonic clock of this machine."""
        self._tell(f"{until}\n".encode())

    def news(self) -> News | None:
        """Return what it said since it was last asked, if it said anything."""
        with self._lock:
            if not self._is_new:
                return None
            self._is_new = False
            lines = tuple(self._lines)
            self._lines.clear()
            return News(self._progress, self._message, lines)

    def memory_bytes(self) -> int:
        """Return how much of the memory of the machine it takes; 0 where unknown."""
        with suppress(OSError, ValueError, IndexError):
            status = Path(f"/proc/{self.pid}/statm").read_text()
            return int(status.split()[1]) * PAGE_BYTES
        return 0

    def end(self) -> Ending:
        """End it, whatever it does, and return how it had ended by itself."""
        if self.is_running():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait()
        self._reader.join(KILLED_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        return self._ending or Ending(CUT_OFF, why=_died(code))

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it is gone, which is seen elsewhere
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):  # the last one of a process that was killed
                self._take(orjson.loads(line))

    def _take(self, said: dict[str, Any]) -> None:
        with self._lock:
            self._is_new = True
            if "how" in said:
                self._ending = Ending(**said)
            elif LINE in said:
                self._message = str(said[LINE])
                self._lines.append(self._message)
            else:
                self._progress = float(said[PROGRESS])
                self._message = str(said["message"])


def _died(code: int) -> str:
    """Return what an exit code says of a trainer that never came to an end.

    >>> _died(-9)
    'the trainer was killed by SIGKILL, as when memory runs out'
    """
    if code >= 0:
        return f"the trainer ended with exit code {code}"
    name = signal.Signals(-code).name
    often = ", as when memory runs out" if name == "SIGKILL" else ""
    return f"the trainer was killed by {name}{often}"
