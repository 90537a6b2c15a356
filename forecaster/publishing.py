"""A new version on disk: written where nobody looks, then named, all or nothing.

Several processes may publish versions of one model at once. What is named, and which
version becomes the first champion, is decided under the lock of the model's folder.
"""

import fcntl
import os
import platform
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path

from forecaster import __version__, export, holding, registry
from forecaster import manifest as manifests
from forecaster.artifact import Artifact, load
from forecaster.manifest import Facts, Manifest
from forecaster.network import Network
from forecaster.tracking import Tracker

LIBRARIES = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "pandas")
UNNAMED = "not yet published"

Measure = Callable[[Artifact], dict[str, float]]


def publish(
    network: Network,
    models_dir: Path,
    facts: Facts,
    measure: Measure | None = None,
    alias: str | None = None,
) -> Manifest:
    """Writes a new version of a model; it is seen whole or not at all.

    The first version of a model becomes its champion.

    Args:
        network: trained.
        models_dir: the models folder, made if absent.
        facts: what the manifest says of the model and how it came about.
        measure: scores the version as it was written, before anyone sees it; what it
            returns is added to the metrics.
        alias: its role from the moment it is seen, so that no `prune` comes in between;
            None means none.

    Raises:
        ArtifactError: when the exported graph needs a GPU.
    """
    folder = models_dir / registry.check_name(facts.name)
    folder.mkdir(parents=True, exist_ok=True)
    with _partial(folder) as partial:
        export.save(network, partial / manifests.SAVED_MODEL)
        manifest = _described(network, facts, partial)
        if measure is not None:
            _write(manifest, partial)
            scores = {**manifest.metrics, **measure(load(partial))}
            manifest = replace(manifest, metrics=scores)
        for path in partial.rglob("*"):
            registry.flush(path)
        return _name(manifest, partial, models_dir, alias)


def rehearsed(network: Network, facts: Facts, measure: Measure) -> dict[str, float]:
    """What `measure` says of a network as it would be written; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="forecaster-") as folder:
        export.save(network, Path(folder) / manifests.SAVED_MODEL)
        _write(_described(network, facts, Path(folder)), Path(folder))
        return measure(load(Path(folder)))


def _described(network: Network, facts: Facts, partial: Path) -> Manifest:
    """The manifest of a version that has no name yet."""
    return Manifest(
        **facts.entries(),
        version=UNNAMED,
        horizon=network.task.horizon,
        quantiles=network.task.quantiles,
        state_size=Tracker(network).state_size,
        libraries=_libraries(),
        git_revision=git_revision(Path(__file__)),
        files=manifests.checksums(partial),
    )


def _name(
    manifest: Manifest, partial: Path, models_dir: Path, alias: str | None
) -> Manifest:
    """Gives a finished folder the name of the newest version, for all to see, and a role."""
    folder = partial.parent
    with registry.locked(folder):
        existing = registry.versions(models_dir, manifest.name)
        token = secrets.token_hex(2)
        version = registry.new_version(existing, datetime.now(UTC), token)
        manifest = replace(manifest, version=version)
        _write(manifest, partial)
        registry.flush(partial / manifests.FILE_NAME)
        registry.flush(partial)
        partial.rename(folder / version)
        registry.flush(folder)
        registry.flush(models_dir)
        roles = registry.aliases(models_dir, manifest.name)
        role = alias if registry.CHAMPION in roles else registry.CHAMPION
        if role is not None:
            registry.write_aliases(folder, {**roles, role: version})
    return manifest


def _write(manifest: Manifest, folder: Path) -> None:
    (folder / manifests.FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """A new folder that nobody reads, gone afterwards unless it was renamed.

    Its maker holds a lock on it for as long as the process lives: so the next one knows
    an abandoned folder, whatever machine it was left by, and clears it away.
    """
    with registry.locked(folder):
        holding.clear_abandoned(folder)
        partial = folder / f"{holding.HALF_MADE}{secrets.token_hex(8)}"
        partial.mkdir()
        held = os.open(partial, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(held)


def _libraries() -> dict[str, str]:
    """Versions of all that made the model, as far as it is installed."""
    found = {"python": platform.python_version(), "forecaster": __version__}
    for name in LIBRARIES:
        with suppress(ImportError):
            found[name] = library_version(name)
    return found


def git_revision(file: Path) -> str | None:
    """The revision of the checkout that a source file belongs to.

    None where it is no part of one: a package installed below some other repository is
    not described by that repository's revision.
    """
    tracked = _git(file.parent, "ls-files", "--error-unmatch", file.name)
    return None if tracked is None else _git(file.parent, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers, None if it fails or is not there."""
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip() or None
