"""Commands as child processes: what they took, and what they said if they failed."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAST_WORDS = 400  # characters of the log that an error quotes
LOOK_EVERY_S = 0.05


class CommandError(Exception):
    """A command failed or ran out of time; says how it ended."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took: wall clock, and the largest resident set of its process.

    The latter is read from /proc while it runs (NaN elsewhere): what `wait4` tells is at
    least the size of the process that started it.
    """

    seconds: float
    peak_mb: float


def run(
    command: Sequence[str | Path],
    log: Path,
    *,
    limit_s: float = float("inf"),
    environment: Mapping[str, str] | None = None,
) -> Spent:
    """Run a command to its end, its output in a file.

    Raises:
        CommandError: it ended with another code than 0, or after `limit_s` seconds.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began, peak = time.monotonic(), float("nan")
    with log.open("w", encoding="utf-8") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        while child.poll() is None:
            peak = _peak_mb(child.pid) or peak
            if time.monotonic() - began > limit_s:
                child.kill()
                child.wait()
                raise CommandError(f"stopped after {limit_s:.0f} s")
            time.sleep(LOOK_EVERY_S)
    if child.returncode != 0:
        words = log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]
        raise CommandError(f"exit code {child.returncode}: …{words.strip()}")
    return Spent(round(time.monotonic() - began, 2), round(peak, 1))


def resident_mb(pid: int) -> float:
    """The resident set of a process now; NaN when it cannot be told."""
    return _memory_mb(pid, "VmRSS:") or float("nan")


def _peak_mb(pid: int) -> float | None:
    """The largest resident set of a process so far; None when it cannot be told."""
    return _memory_mb(pid, "VmHWM:")


def _memory_mb(pid: int, entry: str) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return None
    sizes = [line for line in status.splitlines() if line.startswith(entry)]
    return int(sizes[0].split()[1]) / 1024 if sizes else None
