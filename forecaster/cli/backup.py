"""`forecaster backup`: all that a service keeps, in one file, while it runs."""

from pathlib import Path

import click

from forecaster.cli.common import json_option
from forecaster.cli.store import database_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@database_option
@json_option
def backup(file: Path, database: str, as_json: bool) -> None:
    """Write all that a service keeps into FILE.

    Series, logs, states, schedules and hashes of API keys; no jobs, and no models. The
    service may run meanwhile: all is as it was at one moment. FILE is there when it
    is whole, and serves both kinds of database.
    """
    from forecaster.cli import archiving  # brings pyarrow, which is slow to import

    archiving.save(database, file, as_json)
