"""Where and when something was measured, as the head of a report."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARIES = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "pandas")


def heading(command: list[str], peers: dict[str, str] | None = None) -> str:
    """Machine, versions, date and the command, as Markdown lines."""
    libraries = {**_versions(), **(peers or {})}
    return "\n".join(
        [
            f"* Date: {datetime.now(UTC):%Y-%m-%d}, revision {revision()}",
            f"* Machine: {_processor()}, {os.cpu_count()} cores, {_memory()}",
            f"* Python {platform.python_version()}, "
            + ", ".join(f"{name} {found}" for name, found in libraries.items()),
            f"* Command: `{' '.join(command)}`",
        ]
    )


def command_line(module: str) -> list[str]:
    """The command that is running, without the folders of this machine."""
    given = [Path(one).name if one.startswith(("/", "..")) else one for one in sys.argv]
    return ["python", "-m", module, *given[1:]]


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except ModuleNotFoundError:
            continue
    return found


def revision() -> str:
    """The commit that is checked out, short."""
    answer = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.0f} GiB"
