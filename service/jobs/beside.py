"""Keeps a worker running beside a server: begins it again when it dies, ends it with it.

A process of its own, since the server's master has enough to do with its own workers.
"""

import os
import subprocess
import sys
import time

from service.jobs.ticking import Stop, obeying

FIRST_PAUSE_S, MOST_PAUSE_S = 1.0, 30.0
SOUND_S = 60.0  # one that lived so long did not die of how it was begun
WATCH_S = 0.5
ENDING_S = 20.0


def main(parent: int) -> None:
    """Keep a worker until told to end, or until the parent is gone."""
    stop = obeying(Stop(parent))
    me = str(os.getpid())
    command = (sys.executable, "-m", "forecaster", "worker", "--parent", me)
    pause = FIRST_PAUSE_S
    while not stop.asked:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while process.poll() is None and not stop.asked:
            stop.wait(WATCH_S)
        if stop.asked:
            _end(process)
            return
        is_sound = time.monotonic() - began > SOUND_S
        pause = FIRST_PAUSE_S if is_sound else min(2 * pause, MOST_PAUSE_S)
        stop.wait(pause)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
