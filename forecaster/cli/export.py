"""`forecaster export`: some series with their logs and states, in one file."""

from pathlib import Path

import click

from forecaster.cli.common import json_option
from forecaster.cli.store import database_option


@click.command()
@click.option(
    "--series",
    "ids",
    metavar="ID",
    multiple=True,
    required=True,
    help="A series; may be given several times.",
)
@click.option("--name", help="Name of the model they belong to; all if not given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write.",
)
@database_option
@json_option
def export(
    ids: tuple[str, ...], name: str | None, out: Path, database: str, as_json: bool
) -> None:
    """Write some series with their logs and states into a file, for `import`."""
    from forecaster.cli import archiving  # brings pyarrow, which is slow to import

    archiving.save_series(database, out, ids, name, as_json)
