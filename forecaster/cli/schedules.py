"""`forecaster schedules`: when jobs are done again."""

from pathlib import Path
from typing import Any

import click

from forecaster import registry
from forecaster.cli.common import json_option, models_dir_option, print_json
from forecaster.cli.store import database_option, opened
from forecaster.errors import ConfigError
from forecaster.verdict import METRICS
from service.errors import Unacceptable
from service.jobs.records import KINDS, RETRAIN
from service.parameters import SchedulePath
from service.schedules import store, views
from service.schedules.documents import ScheduleBody
from service.schedules.values import Schedule
from service.schemas import validated


@click.group()
def schedules() -> None:
    """List, put and delete schedules; `forecaster worker` follows them."""


@schedules.command("list")
@database_option
@json_option
def list_(database: str, as_json: bool) -> None:
    """List schedules with their next runs and last jobs."""
    with opened(database, anew=False, reads_only=True) as engine:
        found = store.look(engine)
    if as_json:
        print_json(views.listed(found))
    elif not found:
        click.echo("No schedule: 'forecaster schedules put' makes one.")
    for one in () if as_json else found:
        click.echo(_line(views.shown(one)))


@schedules.command()
@click.argument("schedule", metavar="NAME")
@click.option("--kind", type=click.Choice(KINDS), default=RETRAIN, show_default=True)
@click.option("--model", help="The model; may be left out when there is one.")
@click.option("--cron", help="Such as '30 2 * * *', or @daily.")
@click.option("--timezone", help="Of the IANA database, such as Europe/Berlin.")
@click.option("--every-points", type=int, help="After so many new points.")
@click.option(
    "--on-drift", is_flag=True, default=None, help="Once errors have drifted."
)
@click.option("--jitter-s", type=int, help="Up to so many seconds later than cron.")
@click.option(
    "--fine-tune", is_flag=True, default=None, help="Begin with the champion."
)
@click.option("--metric", type=click.Choice(METRICS), help="The measure that decides.")
@click.option("--margin", type=float, help="By what share it must be better.")
@click.option("--windows", type=int, help="Newest cutoffs at which both forecast.")
@click.option("--seed", type=int, help="Of all chance in training.")
@click.option("--max-time", "max_time_s", type=float, help="Seconds to train at most.")
@models_dir_option
@database_option
@json_option
def put(
    schedule: str, database: str, models_dir: Path, as_json: bool, **wishes: Any
) -> None:
    """Add a schedule, or change the one of that name."""
    model = _model(models_dir, wishes.pop("model"))
    given = {key: value for key, value in wishes.items() if value is not None}
    wanted = _checked(schedule, model, given)
    with opened(database) as engine:
        try:
            seen, is_new = store.put(engine, wanted)
        except Unacceptable as error:
            raise ConfigError(error.detail) from None
    shown = views.shown(seen)
    if as_json:
        print_json(shown)
    else:
        click.echo(f"{'Added' if is_new else 'Changed'}: {_line(shown)}")


@schedules.command()
@click.argument("schedule", metavar="NAME")
@database_option
@json_option
def delete(schedule: str, database: str, as_json: bool) -> None:
    """Forget a schedule; the job it made last goes on."""
    with opened(database, anew=False) as engine:
        if not store.drop(engine, schedule):
            raise ConfigError(
                "no schedule of that NAME; 'forecaster schedules list' shows them"
            )
    if as_json:
        print_json({"name": schedule})
    else:
        click.echo(f"Schedule {schedule} is deleted.")


def _model(models_dir: Path, name: str | None) -> str:
    """Return the name of a model that there is."""
    known = registry.names(models_dir)
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        there = ", ".join(known) or "none"
        raise ConfigError(f"--model: expected one that there is: {there}")
    return name


def _checked(schedule: str, model: str, given: dict[str, Any]) -> Schedule:
    try:
        body = validated(ScheduleBody, {"name": model, **given})
        return body.to_schedule(validated(SchedulePath, {"name": schedule}).name, model)
    except Unacceptable as error:
        raise ConfigError(f"{error.loc or 'schedule'}: {error.detail}") from None


def _line(shown: dict[str, Any]) -> str:
    """Return a schedule as a line.

    >>> _line({"name": "n", "kind": "retrain", "model": "m", "cron": None,
    ...     "every_points": 9, "on_drift": False, "next_runs": [], "last_job": None})
    'n  retrain m  every 9 points'
    """
    when = []
    if shown["cron"] is not None:
        when.append(
            f"'{shown['cron']}' {shown['timezone']}, next {shown['next_runs'][0]}"
        )
    if shown["every_points"] is not None:
        when.append(f"every {shown['every_points']} points")
    if shown["on_drift"]:
        when.append("on drift")
    last = shown["last_job"]
    done = f"; last {last['id']} {last['state'] or ''}".rstrip() if last else ""
    return (
        f"{shown['name']}  {shown['kind']} {shown['model']}  {' or '.join(when)}{done}"
    )
