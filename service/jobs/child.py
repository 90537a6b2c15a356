"""The trainer as a process: `python -m service.jobs.child JOB`, begun by a worker alone.

The first it does, before what takes long to import, is to ask the kernel to be killed
with its worker. JOB is for whoever looks at a list of processes.
"""

import ctypes
import signal
from contextlib import suppress

PR_SET_PDEATHSIG = 1  # of Linux


def main() -> None:
    """Do the job that stdin tells, and end."""
    with suppress(AttributeError, OSError):  # elsewhere it sees that stdin ends
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    from service.jobs import doing

    doing.main()


if __name__ == "__main__":
    main()
