"""`forecaster models promote`, `rollback`, `delete`, `prune`: what changes the registry."""

from dataclasses import asdict
from pathlib import Path

import click

from forecaster import registry, removal
from forecaster.cli.choosing import model_arguments, needed, one
from forecaster.cli.common import (
    import_tensorflow,
    json_option,
    models_dir_option,
    print_json,
)
from forecaster.succession import Succession, predecessor


@click.command()
@model_arguments(name="NAME", version="[VERSION|challenger]")
@models_dir_option
@json_option
def promote(models_dir: Path, as_json: bool, **given: str | None) -> None:
    """Make a version of NAME the champion: the challenger, when no other is named.

    It is looked at first as by `models verify`; if anything is wrong with it the champion
    stays. What was champion is `previous` then. A running service takes over by itself.
    """
    name, version = needed(given, "name"), one(given, "version")
    version = registry.CHALLENGER if version is None else version
    registry.resolve(models_dir, name, version)  # before what takes long
    import_tensorflow()
    from forecaster import promotion  # what it stands on is slow to import

    _tell(promotion.promote(models_dir, name, version), as_json)


@click.command()
@model_arguments(name="NAME")
@models_dir_option
@json_option
def rollback(models_dir: Path, as_json: bool, **given: str | None) -> None:
    """Make the version that was champion before the champion of NAME again.

    What was champion is `previous` then: another rollback goes forward again.
    """
    name = needed(given, "name")
    predecessor(models_dir, name)
    import_tensorflow()
    from forecaster import promotion  # what it stands on is slow to import

    _tell(promotion.rollback(models_dir, name), as_json)


@click.command()
@model_arguments(name="NAME", version="VERSION")
@models_dir_option
@json_option
def delete(models_dir: Path, as_json: bool, **given: str | None) -> None:
    """Remove a version of NAME; never its champion."""
    name = needed(given, "name")
    version = removal.delete(models_dir, name, needed(given, "version"))
    if as_json:
        print_json({"name": name, "version": version})
    else:
        click.echo(f"{name}: {version} is deleted")


@click.command()
@model_arguments(name="NAME")
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    required=True,
    help="How many of the newest versions without an alias stay.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would go, and remove nothing.")
@models_dir_option
@json_option
def prune(
    models_dir: Path, keep: int, dry_run: bool, as_json: bool, **given: str | None
) -> None:
    """Remove old versions of NAME, all but the newest ones.

    Those that are champion, previous, challenger or canary stay, and are not counted.
    """
    name = needed(given, "name")
    choose = removal.superfluous if dry_run else removal.prune
    gone = choose(models_dir, name, keep)
    found = registry.versions(models_dir, name)
    kept = [version for version in found if version not in gone]
    if as_json:
        print_json({"name": name, "deleted": gone, "kept": kept, "dry_run": dry_run})
        return
    for version in gone:
        click.echo(f"{name}: {version} {'would be' if dry_run else 'is'} deleted")
    click.echo(f"{name}: {'would keep' if dry_run else 'keeps'} {len(kept)} in all")


def _tell(made: Succession, as_json: bool) -> None:
    """Print what came of a promotion."""
    if as_json:
        print_json(asdict(made))
        return
    before = f"; previous is {made.previous}" if made.previous else ""
    now = "is champion" if made.changed else "was champion already"
    click.echo(f"{made.name}: {made.version} {now}{before}")
