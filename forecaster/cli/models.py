"""`forecaster models`: what is in the models folder, and whether it is sound."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from forecaster import manifest as manifests
from forecaster import registry
from forecaster.cli.choosing import model_arguments, one
from forecaster.cli.common import (
    import_tensorflow,
    json_option,
    models_dir_option,
    print_json,
)
from forecaster.cli.comparing import standings
from forecaster.cli.registering import export
from forecaster.cli.roles import delete, promote, prune, rollback
from forecaster.cli.trying import canary
from forecaster.errors import ArtifactError, ForecasterError


class ListByDefault(click.Group):
    """A group whose verb may be left out: `models --json` is `models list --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` in front unless a verb, or a question for help, comes first."""
        left_out = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(ctx, ["list", *args] if left_out else args)


@click.group(cls=ListByDefault)
def models() -> None:
    """List, check and change the versions of models; `list` when nothing else is said."""


for command in (standings, promote, rollback, canary, delete, prune, export):
    models.add_command(command)


@models.command("list")
@models_dir_option
@json_option
def list_(models_dir: Path, as_json: bool) -> None:
    """List every version of every model, oldest first."""
    rows = [
        _row(models_dir, name, version)
        for name in registry.names(models_dir)
        for version in registry.versions(models_dir, name)
    ]
    if as_json:
        print_json({"models": rows})
    elif rows:
        click.echo(_table(rows))
    else:
        click.echo(
            f"No model in {models_dir}: 'forecaster train DATA --name NAME' makes one."
        )


@models.command()
@model_arguments(name="[NAME]", version="[VERSION]")
@models_dir_option
@json_option
def show(models_dir: Path, as_json: bool, **given: str | None) -> None:
    """Show the manifest of a version, or of the champion."""
    path = registry.resolve(models_dir, one(given, "name"), one(given, "version"))
    content = asdict(manifests.read(path))
    content["aliases"] = _aliases_of(models_dir, path.parent.name, path.name)
    if as_json:
        print_json(content)
        return
    content["files"] = f"{len(content['files'])} ('models verify' checks them)"
    for key, value in content.items():
        click.echo(f"{key:15} {_text(value)}")


@models.command()
@model_arguments(name="[NAME]", version="[VERSION]")
@click.option(
    "--quick", is_flag=True, help="Compare files with their checksums, and load none."
)
@models_dir_option
@json_option
def verify(models_dir: Path, quick: bool, as_json: bool, **given: str | None) -> None:
    """Say whether versions could go live: all, those of NAME, or one VERSION.

    Files are compared with their checksums; then each version is loaded, its functions
    and weights are looked at, and it forecasts a few made series. The exit code is 1 if
    anything is wrong with any of them.
    """
    chosen = _chosen(models_dir, one(given, "name"), one(given, "version"))
    check = registry.verify if quick else _prover()
    results = [
        {
            "name": path.parent.name,
            "version": path.name,
            "problem": _problem(path, check),
        }
        for path in chosen
    ]
    sound = all(result["problem"] is None for result in results)
    if as_json:
        print_json({"sound": sound, "versions": results})
    else:
        for result in results:
            state = result["problem"] or "sound"
            click.echo(f"{result['name']}  {result['version']}  {state}")
    click.get_current_context().exit(0 if sound else 1)


def _chosen(models_dir: Path, name: str | None, version: str | None) -> list[Path]:
    if version is not None:
        return [registry.resolve(models_dir, name, version)]
    if name is None and registry.names(models_dir):
        chosen = registry.names(models_dir)
    else:
        chosen = [registry.resolve(models_dir, name).parent.name]
    return [
        models_dir / each / found
        for each in chosen
        for found in registry.versions(models_dir, each)
    ]


def _prover() -> Callable[[Path], object]:
    """Return what loads a version and tries it."""
    import_tensorflow()
    from forecaster.proving import prove  # what it stands on is slow to import

    return prove


def _problem(path: Path, check: Callable[[Path], object]) -> str | None:
    try:
        check(path)
    except ForecasterError as error:
        return str(error)
    return None


def _aliases_of(models_dir: Path, name: str, version: str) -> list[str]:
    roles = registry.aliases(models_dir, name)
    return [alias for alias, target in roles.items() if target == version]


def _row(models_dir: Path, name: str, version: str) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "version": version, "aliases": []}
    try:
        row["aliases"] = _aliases_of(models_dir, name, version)
        manifest = manifests.read(models_dir / name / version)
    except ArtifactError as error:
        return {**row, "problem": str(error)}
    return {
        **row,
        "freq": manifest.freq,
        "horizon": manifest.horizon,
        "metrics": manifest.metrics,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """Return the rows under a heading, in aligned columns."""
    columns = ("name", "version", "aliases", "freq", "horizon", "metrics")
    cells = [
        [_text(row.get(column, "")) for column in columns[:-1]]
        + [row.get("problem") or _text(row["metrics"])]
        for row in rows
    ]
    lines = [[column.upper() for column in columns], *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns) - 1)]
    return "\n".join(
        "  ".join([*map(str.ljust, line, widths), line[-1]]).rstrip() for line in lines
    )


def _text(value: object) -> str:
    """Return a value of a manifest as a person reads it.

    >>> _text({"mase": 0.81234, "series": 5}), _text(["champion", "previous"])
    ('mase 0.8123, series 5', 'champion, previous')
    """
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
