"""Promotion and rollback: a version becomes champion once it is proven, or not at all."""

from pathlib import Path

from forecaster import registry
from forecaster.proving import prove
from forecaster.registry import CHALLENGER
from forecaster.succession import Succession, appoint, predecessor


def promote(models_dir: Path, name: str, version: str | None = None) -> Succession:
    """Proves a version and makes it the champion; the champion becomes `previous`.

    Args:
        models_dir: the models folder.
        name: the model.
        version: a version or an alias; None means the challenger.

    Raises:
        ModelNotFound: there is no such version.
        ArtifactError: something is wrong with it; the champion stays.
    """
    wanted = CHALLENGER if version is None else version
    folder = registry.resolve(models_dir, name, wanted)
    prove(folder)
    return appoint(models_dir, name, folder.name)


def rollback(models_dir: Path, name: str) -> Succession:
    """Makes `previous` the champion again, as a promotion of it would.

    What was champion is `previous` then: another rollback goes forward again.

    Raises:
        ModelNotFound: there is no version to go back to.
        ArtifactError: something is wrong with it; the champion stays.
    """
    return promote(models_dir, name, predecessor(models_dir, name).name)
