"""`forecaster models standings`: versions in play, as trained and as they do since."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forecaster import registry
from forecaster.cli.choosing import model_arguments, one
from forecaster.cli.common import (
    database_option,
    json_option,
    models_dir_option,
    print_json,
)

if TYPE_CHECKING:
    from service.standings import Standing

MEASURES = ("mase", "wql", "coverage-80", "coverage-95")
UNKNOWN = "-"


@click.command()
@model_arguments(name="[NAME]")
@models_dir_option
@database_option
@json_option
def standings(
    models_dir: Path, database: str, as_json: bool, **given: str | None
) -> None:
    """Show the versions that have an alias: their scores in training, and live ones.

    Live scores are what jobs of kind watch found, over the days that all of these versions
    were scored on. Champion and challenger compare by them; whether a version does as well
    as its training promised is seen along its line.
    """
    from forecaster.cli.store import opened  # databases are slow to import
    from service.standings import standings as found_in

    name = registry.resolve(models_dir, one(given, "name")).parent.name
    with opened(database, anew=False, reads_only=True) as engine:
        found = found_in(models_dir, engine, name)
    if as_json:
        print_json({"name": name, "standings": [asdict(each) for each in found]})
        return
    click.echo(_table(found))
    click.echo(_period(found))


def _table(found: list[Standing]) -> str:
    """The versions under a heading, in aligned columns."""
    heading = ["VERSION", "ALIASES", "TRAINED UNTIL"]
    heading += [word for m in MEASURES for word in (m.upper(), "LIVE")]
    lines = [heading, *map(_cells, found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cells(one: Standing) -> list[str]:
    until = UNKNOWN if one.trained_until is None else str(one.trained_until)
    cells = [one.version, ", ".join(one.aliases), one.problem or until]
    live = {} if one.live is None else one.live.scores
    for measure in MEASURES:
        cells += [_number(one.validation.get(measure)), _number(live.get(measure))]
    return cells


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.4g}"


def _period(found: list[Standing]) -> str:
    """What the live scores are of."""
    live = next((one.live for one in found if one.live is not None), None)
    if live is None:
        return "No live scores: jobs of kind watch make them, once values have come."
    days = f"{live.days} day{'s' * (live.days > 1)}"
    return f"live: {days}, {live.first_day} to {live.last_day}, {live.count} forecasts each"
