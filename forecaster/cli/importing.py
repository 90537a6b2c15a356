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
    """Add the series that `forecaster export` wrote into FILE, all of them or none.

    The service may run meanwhile.
    """
    from forecaster.cli import archiving  # brings pyarrow, which is slow to import

    archiving.take_in(database, file, replace, as_json)
