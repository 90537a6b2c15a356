"""How threads tell the loop of a worker that there is news."""

from gunicorn.workers.gthread import PollableMethodQueue


class Wakeups(PollableMethodQueue):
    """How threads call the loop, through a pipe that lasts as long as the process.

    Closed, its number may be that of the database when a late thread writes to it.
    """

    def close(self) -> None:
        """Leave that to the end of the process."""
