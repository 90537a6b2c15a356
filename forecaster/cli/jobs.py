"""`forecaster jobs`: what was asked for, how far it is, and giving it up."""

import click

from forecaster.cli.common import json_option, print_json
from forecaster.cli.store import database_option, opened
from forecaster.errors import ConfigError
from service.jobs import records, store, views

STATE_WIDTH = 9


@click.group()
def jobs() -> None:
    """List, show and cancel jobs; `forecaster worker` does them."""


@jobs.command("list")
@click.option("--state", type=click.Choice(records.STATES), help="Only those.")
@click.option("--name", help="Only those of this model.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000),
    default=20,
    show_default=True,
    help="At most so many.",
)
@database_option
@json_option
def list_(
    state: str | None, name: str | None, limit: int, database: str, as_json: bool
) -> None:
    """List jobs, newest first."""
    with opened(database, anew=False, reads_only=True) as engine:
        found = store.page(engine, limit, None, state, name)
    if as_json:
        print_json({"jobs": [views.shown(job) for job in found]})
    elif found:
        for job in found:
            click.echo(_line(job))
    else:
        click.echo("No job: POST /jobs asks for one.")


@jobs.command()
@click.argument("job_id", metavar="ID")
@database_option
@json_option
def show(job_id: str, database: str, as_json: bool) -> None:
    """Show one job with what it said."""
    with opened(database, anew=False, reads_only=True) as engine:
        job = _found(store.get(engine, job_id))
        lines = store.lines(engine, job.id)
    if as_json:
        print_json(views.with_lines(job, lines))
        return
    click.echo(_line(job))
    for line in lines:
        click.echo(f"  {views.time_of(line.at)}  {line.text}")
    if job.error is not None:
        click.echo(f"error: {job.error}")
    for key, value in (job.result or {}).items():
        click.echo(f"{key}: {value}")


@jobs.command()
@click.argument("job_id", metavar="ID")
@database_option
@json_option
def cancel(job_id: str, database: str, as_json: bool) -> None:
    """Give a job up: at once where it waits, within seconds where it runs."""
    with opened(database, anew=False) as engine:
        job = _found(store.cancel(engine, job_id))
    if job.is_finished and job.state != records.CANCELLED:
        raise ConfigError(f"the job has ended already: {job.state}")
    if as_json:
        print_json(views.shown(job))
    else:
        ended = "cancelled" if job.is_finished else "told to end"
        click.echo(f"Job {job.id} is {ended}.")


def _found(job: records.Job | None) -> records.Job:
    if job is None:
        raise ConfigError(
            "no job of that ID, or no longer; 'forecaster jobs list' shows them"
        )
    return job


def _line(job: records.Job) -> str:
    share = f"{job.progress:4.0%}" if job.state == records.RUNNING else " " * 4
    what = f"{job.order.kind} {job.order.name}"
    return (
        f"{job.id}  {job.state:{STATE_WIDTH}}  {share}  {what}  {job.message}".rstrip()
    )
