"""`forecaster config`: the settings in force and where each came from."""

import click

from forecaster.cli.common import json_option, print_json
from forecaster.settings import FIELDS, Settings, load


@click.command()
@json_option
def config(as_json: bool) -> None:
    """Print the settings in force and where each came from.

    A setting is a flag of `forecaster serve`, else an environment variable
    FORECASTER_NAME, else a line of ./forecaster.toml, else its default.
    """
    settings = load()
    if as_json:
        print_json({name: _entry(settings, name) for name in FIELDS})
    else:
        click.echo(table(settings))


def table(settings: Settings) -> str:
    """Return the settings as aligned columns: name, value, source."""
    rows = [
        (name, str(settings.shown(name)), settings.sources[name]) for name in FIELDS
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{name:{widths[0]}}  {value:{widths[1]}}  {source}"
        for name, value, source in rows
    )


def _entry(settings: Settings, name: str) -> dict[str, object]:
    value = settings.shown(name)
    shown = value if isinstance(value, int) else str(value)
    return {"value": shown, "source": settings.sources[name]}
