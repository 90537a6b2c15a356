"""`forecaster models canary`: a version answers for a share of the series."""

from dataclasses import asdict
from pathlib import Path

import click

from forecaster import manifest as manifests
from forecaster import registry
from forecaster.canary import Canary, begin, check_alike, end
from forecaster.cli.choosing import model_arguments, needed, one
from forecaster.cli.common import (
    import_tensorflow,
    json_option,
    models_dir_option,
    print_json,
)


@click.command()
@model_arguments(name="NAME", version="[VERSION|challenger]")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Of the series that the version answers for, such as 0.05.",
)
@click.option("--stop", is_flag=True, help="Let the champion answer for all again.")
@models_dir_option
@json_option
def canary(
    models_dir: Path,
    share: float | None,
    stop: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Let a version of NAME answer for a share of the series beside the champion.

    The challenger, when no other is named. It is looked at first as by `models verify`. A
    running service follows by itself. Which series belong to the share is told by a hash of
    their ids: one that grows only adds series.
    """
    name = needed(given, "name")
    if stop == (share is not None):
        raise click.UsageError("say --share of the series, or --stop")
    if share is None:
        _tell(name, None, end(models_dir, name), as_json)
        return
    version = one(given, "version") or registry.CHALLENGER
    folder = registry.resolve(models_dir, name, version)
    champion = registry.resolve(models_dir, name)
    check_alike(manifests.read(champion), manifests.read(folder))
    import_tensorflow()
    from forecaster.proving import prove  # what it stands on is slow to import

    prove(folder)
    begun = begin(models_dir, name, folder.name, share)
    _tell(name, begun, None, as_json)


def _tell(name: str, begun: Canary | None, ended: str | None, as_json: bool) -> None:
    if as_json:
        now = None if begun is None else asdict(begun)
        print_json({"name": name, "canary": now, "ended": ended})
    elif begun is not None:
        share = f"{100 * begun.share:g} % of the series"
        click.echo(f"{name}: {begun.version} answers for {share}")
    elif ended is not None:
        click.echo(f"{name}: {ended} is canary no longer; the champion answers for all")
    else:
        click.echo(f"{name}: there was no canary")
