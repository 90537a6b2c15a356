"""`forecaster import`: series that were exported, into the database of a service."""

from pathlib import Path

import click

from forecaster.cli.common import json_option
from forecaster.cli.store import database_option


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--replace",
    is_flag=True,
    help="Forget what is carried of a series that is there already.",
)
@database_option
@json_option
def importing(file: Path, replace: bool, database: str, as_json: bool) -> None:
    """Add the series that `forecaster export` wrote into FILE.

    The service may run meanwhile. If one of them is there already, none is added. Each
    comes whole; given again after it was cut off, the command goes on.
    """
    from forecaster.cli import archiving  # brings pyarrow, which is slow to import

    archiving.take_in(database, file, replace, as_json)
