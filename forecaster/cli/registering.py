"""`forecaster models export`: a version goes to where others keep their models."""

from dataclasses import asdict
from pathlib import Path

import click

from forecaster import registry
from forecaster.cli.choosing import model_arguments, needed, one
from forecaster.cli.common import json_option, models_dir_option, print_json


@click.command()
@model_arguments(name="NAME", version="[VERSION]")
@click.option(
    "--mlflow", is_flag=True, required=True, help="Into a registry of MLflow."
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    envvar="MLFLOW_TRACKING_URI",
    default="sqlite:///mlflow.db",
    show_default=True,
    help="Where that is; also read from MLFLOW_TRACKING_URI.",
)
@models_dir_option
@json_option
def export(
    models_dir: Path,
    mlflow: bool,
    tracking_uri: str,
    as_json: bool,
    **given: str | None,
) -> None:
    """Register a version of NAME, or its champion, with MLflow.

    It becomes a run of the experiment NAME, with parameters, metrics and where it comes
    from, and a version of the registered model NAME, with the aliases it has here. One
    that is registered already only has its aliases set anew.
    """
    folder = registry.resolve(models_dir, needed(given, "name"), one(given, "version"))
    from forecaster import mlflow_registry

    mlflow_registry.check_installed()
    made = mlflow_registry.export(folder, tracking_uri)
    if as_json:
        print_json(asdict(made))
        return
    said = "is registered" if made.added else "was registered already"
    roles = f" as {', '.join(made.aliases)}" if made.aliases else ""
    click.echo(f"{made.name}: {made.version} {said}: {made.uri}{roles}")
