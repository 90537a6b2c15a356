"""`forecaster worker`: does what is asked of `POST /jobs`, one job after the other."""

import click

from forecaster.cli.flags import setting_options
from forecaster.settings import Jobs, load

PER_WORKER = [name for name in Jobs.__slots__ if name.startswith("job_")]


@click.command()
@setting_options("models_dir", "database", *PER_WORKER)
@click.option("--parent", type=int, hidden=True)
def worker(parent: int | None, **flags: object) -> None:
    """Do jobs, one after the other, until SIGTERM or Ctrl-C.

    Any number of workers may share a database and a models folder: each job is done by
    one of them. One that is told to end hands its job on to the next; the job of one
    that was killed is taken up again when its lease is over.
    """
    # The libraries of a database are slow to import.
    from service.jobs.running import run
    from service.schedules.ticking import ticking

    run(load(flags), [ticking], parent)
