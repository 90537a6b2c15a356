"""Changes a models folder in processes that are killed (-9), each one moment later.

`python -m tests.forecaster.killing TEMPLATE WORK ACTION` copies the folder TEMPLATE to
WORK/0, WORK/1, … and does the action in each, until a process was not killed any more.
A moment is whenever the process is about to open, lock, rename or remove something.
"""

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

from forecaster import removal, succession
from tests.forecaster.versions import A, C

ACTIONS = {
    "promote": lambda models: succession.appoint(models, "demo", C),
    "delete": lambda models: removal.delete(models, "demo", A),
    "prune": lambda models: removal.prune(models, "demo", 0),
}
MOMENTS = ("open", "fcntl.flock", "os.rename", "os.remove", "os.rmdir")


def main(template: Path, work: Path, action: str) -> None:
    """Kill at the first moment, then at the second, and so on."""
    for moment in count():
        models = work / str(moment)
        shutil.copytree(template, models)
        child = os.fork()
        if child == 0:
            _die_at(moment)
            ACTIONS[action](models)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


def _die_at(moment: int) -> None:
    passed = count()

    def look(event: str, _: object) -> None:
        if event in MOMENTS and next(passed) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
