"""Versions that go: one by one, or all but the newest; never the champion.

A version is renamed first, in one step, to a name that nobody looks at, and then
removed file by file: it is there whole or not at all, also after a kill in the middle.
What such a kill leaves is cleared away by the next that removes or publishes a version.
"""

import secrets
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from forecaster import holding, registry
from forecaster.errors import BusyError, InputError, ModelNotFound
from forecaster.registry import ALIASES, CHAMPION

PATIENCE_S = 10.0  # how long to wait for somebody who loads the version just now


def delete(
    models_dir: Path, name: str, version: str, patience_s: float = PATIENCE_S
) -> str:
    """Remove a version, and the aliases that stand for it.

    Args:
        models_dir: the models folder.
        name: the model.
        version: a version or an alias.
        patience_s: how long to wait for those who are loading it.

    Returns:
        The version.

    Raises:
        InputError: it is the champion.
        ModelNotFound: there is no such version.
        BusyError: somebody is loading it for longer than that.
    """
    folder = registry.resolve(models_dir, name, version)
    _remove(folder, (CHAMPION,), patience_s)
    return folder.name


def superfluous(models_dir: Path, name: str, keep: int) -> list[str]:
    """Return the versions that have no role, but for the newest `keep`, oldest first.

    Raises:
        InputError: `keep` is negative.
        ModelNotFound: there is no such model, or it has no champion: then nobody has
            said which version matters.
    """
    if keep < 0:
        raise InputError(f"keep: expected a number of versions from 0 on, got {keep}")
    registry.resolve(models_dir, name)
    roles = registry.aliases(models_dir, name).values()
    free = [one for one in registry.versions(models_dir, name) if one not in roles]
    return free[: max(0, len(free) - keep)]


def prune(models_dir: Path, name: str, keep: int) -> list[str]:
    """Remove all `superfluous` versions; those being loaded are left for the next time.

    Returns:
        What was removed, oldest first.

    Raises:
        InputError, ModelNotFound: as `superfluous`.
    """
    removed = []
    for version in superfluous(models_dir, name, keep):
        # Being read, given a role or removed by somebody else since it was chosen.
        with suppress(BusyError, InputError):
            _remove(models_dir / name / version, ALIASES, 0.0)
            removed.append(version)
    return removed


def _remove(folder: Path, spared: Collection[str], patience_s: float) -> None:
    """Remove a version's folder unless it has one of the `spared` roles."""
    model, version = folder.parent, folder.name
    _refuse(folder, spared)  # before any waiting
    gone = model / f"{holding.HALF_REMOVED}{version}-{secrets.token_hex(4)}"
    try:
        with holding.alone(folder, patience_s):
            with registry.locked(model):
                holding.clear_abandoned(model)
                roles = _refuse(folder, spared)
                kept = {alias: one for alias, one in roles.items() if one != version}
                if kept != roles:
                    registry.write_aliases(model, kept)
                folder.rename(gone)
                registry.flush(model)
            shutil.rmtree(gone, ignore_errors=True)
    except FileNotFoundError as error:
        raise ModelNotFound(
            f"{folder}: somebody else removed it in the meantime."
        ) from error


def _refuse(folder: Path, spared: Collection[str]) -> dict[str, str]:
    """Return the aliases of the model, if none of the spared ones is the version's.

    Raises:
        InputError: one is.
    """
    roles = registry.aliases(folder.parent.parent, folder.parent.name)
    for alias in spared:
        if roles.get(alias) == folder.name:
            raise InputError(
                f"{folder.name} is the {alias} of model {folder.parent.name!r} and stays: "
                "promote another version first."
            )
    return roles
