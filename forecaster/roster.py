"""Which versions of a model are in play, and as what: those that an alias stands for."""

from pathlib import Path

from forecaster import registry
from forecaster.registry import CHAMPION


def in_play(models_dir: Path, name: str) -> dict[str, list[str]]:
    """Return the aliases of each version that has any and is there, the champion first.

    Of a model without a champion nothing is in play.

    Raises:
        ArtifactError: the aliases cannot be read.
    """
    there = registry.versions(models_dir, name)
    return grouped(
        {
            alias: version
            for alias, version in registry.aliases(models_dir, name).items()
            if version in there
        }
    )


def grouped(aliases: dict[str, str]) -> dict[str, list[str]]:
    """Return the aliases of each version.

    >>> grouped({"canary": "c", "previous": "a", "champion": "b", "challenger": "c"})
    {'b': ['champion'], 'c': ['canary', 'challenger'], 'a': ['previous']}
    >>> grouped({"challenger": "a"})
    {}
    """
    if CHAMPION not in aliases:
        return {}
    found: dict[str, list[str]] = {aliases[CHAMPION]: []}
    for alias, version in sorted(aliases.items()):
        found.setdefault(version, []).append(alias)
    return found
