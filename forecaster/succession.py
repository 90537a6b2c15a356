"""Who is champion after whom: the aliases of a model, changed in one step.

    promoted: C       champion B → C, previous A → B; challenger C → none

Nothing is loaded here; `promotion` proves a version first.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from forecaster import registry
from forecaster.errors import ModelNotFound
from forecaster.registry import CHAMPION, PREVIOUS


@dataclass(frozen=True, slots=True)
class Succession:
    """What came of a promotion.

    Attributes:
        name: the model.
        version: its champion now.
        previous: the champion before it, None when there was none.
        changed: whether it was not champion already.
    """

    name: str
    version: str
    previous: str | None
    changed: bool


def appoint(models_dir: Path, name: str, version: str) -> Succession:
    """Make a version the champion, and the champion `previous`, in one atomic write.

    The version is not looked at: that was done by who calls this.

    Raises:
        ModelNotFound: there is no such version, or no longer.
    """
    folder = models_dir / registry.check_name(name)
    registry.resolve(models_dir, name, version)  # so that there is a folder to lock
    with registry.locked(folder):
        version = registry.resolve(models_dir, name, version).name
        roles = registry.aliases(models_dir, name)
        wanted = after(roles, version, registry.versions(models_dir, name))
        if wanted != roles:
            registry.write_aliases(folder, wanted)
    changed = roles.get(CHAMPION) != version
    return Succession(name, version, wanted.get(PREVIOUS), changed)


def predecessor(models_dir: Path, name: str) -> Path:
    """The folder of the version that a rollback goes back to.

    Raises:
        ModelNotFound: there is none.
    """
    champion = registry.resolve(models_dir, name)
    if PREVIOUS not in registry.aliases(models_dir, name):
        raise ModelNotFound(
            f"model {name!r} has no previous version to go back to, only its champion "
            f"{champion.name}; promote the version you want"
        )
    return registry.resolve(models_dir, name, PREVIOUS)


def after(
    roles: Mapping[str, str], version: str, existing: Collection[str]
) -> dict[str, str]:
    """The aliases after a promotion; those of versions that are gone are dropped.

    >>> after({"champion": "b", "previous": "a", "challenger": "c"}, "c", "abc")
    {'champion': 'c', 'previous': 'b'}
    >>> after({"champion": "c", "previous": "b"}, "b", "abc")
    {'champion': 'b', 'previous': 'c'}
    >>> after({"champion": "c", "previous": "b"}, "c", "abc")
    {'champion': 'c', 'previous': 'b'}
    """
    before = roles.get(CHAMPION)
    past = roles.get(PREVIOUS) if before == version else before
    wanted = {**roles, CHAMPION: version, PREVIOUS: past}
    return {
        alias: target
        for alias, target in wanted.items()
        if target is not None
        and target in existing
        and (alias == CHAMPION or target != version)
    }
