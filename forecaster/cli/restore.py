"""`forecaster restore`: a backup, into an empty database of either kind."""

from pathlib import Path

import click

from forecaster.cli.common import json_option
from forecaster.cli.store import database_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@database_option
@json_option
def restore(file: Path, database: str, as_json: bool) -> None:
    """Fill an empty database with what `forecaster backup` wrote into FILE.

    All checksums are compared first; then all of it is restored, or nothing.
    """
    from forecaster.cli import archiving  # brings pyarrow, which is slow to import

    archiving.restore(database, file, as_json)
