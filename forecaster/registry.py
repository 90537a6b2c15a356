"""The models folder: ``NAME/VERSION/`` with a manifest, and aliases beside them.

    models/demo/20260101T000000Z-1a2b/manifest.json   a version, never changed
    models/demo/20260101T000000Z-1a2b/saved_model/…
    models/demo/aliases.json                          {"champion": "20260101T…"}

A version's name sorts by its creation. Folders whose name is not a version's, such as
the half-written ones that begin with a dot, are never seen. An alias is the name of a
role: ``champion`` is served, ``previous`` was served before it, ``challenger`` waits,
``canary`` is served for a share of the series (`canary`).
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forecaster import manifest as manifests
from forecaster.errors import ArtifactError, InputError, ModelNotFound
from forecaster.manifest import Manifest

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
CANARY = "canary"
ALIASES = (CHAMPION, PREVIOUS, CHALLENGER, CANARY)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Columns that stand beside a model's own in the files of `predict` and `backtest`.
RESERVED = ("unique_id", "ds", "y", "cutoff", "Naive", "SeasonalNaive")
VERSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


def check_name(name: str) -> str:
    """Return a model's name if it can be the name of a folder.

    >>> check_name("store-sales.v2")
    'store-sales.v2'

    Raises:
        InputError: it cannot.
    """
    if name in RESERVED:
        raise InputError(
            f"a model's name becomes a column of its forecasts, so it must not be one of "
            f"{', '.join(RESERVED)}; got {name!r}"
        )
    if NAME.fullmatch(name) is None:
        raise InputError(
            "a model's name must be 1 to 64 letters, digits, '.', '_' or '-', "
            f"beginning with a letter or digit; got {name[:80]!r}"
        )
    return name


def new_version(existing: Sequence[str], now: datetime, token: str) -> str:
    """Name a version so that it sorts after those that exist.

    Args:
        existing: the versions there are, in any order.
        now: the time, with its time zone.
        token: four hexadecimal digits, so that two machines do not collide.

    >>> new_version([], datetime(2026, 1, 1, tzinfo=UTC), "1a2b")
    '20260101T000000Z-1a2b'
    """
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    newest = max(existing, default="")[: len(stamp)]
    if stamp <= newest:  # made within the same second, or the clock went back
        after = datetime.strptime(newest, "%Y%m%dT%H%M%SZ") + timedelta(seconds=1)  # noqa: DTZ007 - arithmetic on the stamp alone
        stamp = f"{after:%Y%m%dT%H%M%SZ}"
    return f"{stamp}-{token}"


def names(models_dir: Path) -> list[str]:
    """Return the names of the models that have a version, sorted."""
    if not models_dir.is_dir():
        return []
    found = (path.name for path in models_dir.iterdir())
    possible = [one for one in found if NAME.fullmatch(one) and one not in RESERVED]
    return sorted(name for name in possible if versions(models_dir, name))


def versions(models_dir: Path, name: str) -> list[str]:
    """Return the versions of a model, oldest first; none if there is no such model."""
    folder = models_dir / check_name(name)
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if VERSION.fullmatch(path.name) and path.is_dir()
    )


def aliases(models_dir: Path, name: str) -> dict[str, str]:
    """Return the version each alias of a model stands for."""
    path = models_dir / check_name(name) / "aliases.json"
    try:
        return _read_roles(path)
    except FileNotFoundError:
        return {}


def set_alias(models_dir: Path, name: str, alias: str, version: str | None) -> None:
    """Let an alias stand for a version, or for none; readers see old or new, whole.

    Raises:
        ModelNotFound: there is no such version.
    """
    folder = models_dir / check_name(name)
    if version is not None:
        _existing(models_dir, name, version)
    with locked(folder):
        changed = {**aliases(models_dir, name), alias: version}
        kept = {key: value for key, value in changed.items() if value is not None}
        write_aliases(folder, kept)


def write_aliases(folder: Path, roles: Mapping[str, str]) -> None:
    """Write all aliases of a model; its folder must be `locked`."""
    write_atomically(folder / "aliases.json", json.dumps(roles, indent=2) + "\n")


def resolve(
    models_dir: Path, name: str | None = None, version: str | None = None
) -> Path:
    """Return the folder of a version.

    Args:
        models_dir: the models folder.
        name: the model; None means the only one there is.
        version: a version or an alias; None means the champion.

    Raises:
        ModelNotFound: there is none; the message names what there is.
    """
    name = _only(models_dir) if name is None else name
    wanted = CHAMPION if version is None else version
    return models_dir / name / _existing(models_dir, name, wanted)


def verify(folder: Path) -> Manifest:
    """Return the manifest of a version's folder, if its files are whole and its own.

    Raises:
        ArtifactError: names the first thing that is wrong.
    """
    manifest = manifests.verify(folder)
    check_place(folder, manifest)
    return manifest


def check_place(folder: Path, manifest: Manifest) -> None:
    """Refuse a manifest that is not of the folder it lies in.

    Raises:
        ArtifactError: it names another model or version.
    """
    for what, told, there in (
        ("model", manifest.name, folder.parent.name),
        ("version", manifest.version, folder.name),
    ):
        if told != there:
            raise ArtifactError(
                f"{folder}: expected the manifest of the {what} {there!r}, this is that "
                f"of {told[:80]!r}. Copy the version to a folder of its own name."
            )


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, meets the old one or the new one.

    Writers take turns: what one that was killed left half written, the next overwrites.
    """
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    flush(path.parent)  # the new name too must survive a power cut


def flush(path: Path) -> None:
    """Force a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _only(models_dir: Path) -> str:
    found = names(models_dir)
    if not found:
        raise ModelNotFound(
            f"there is no model in {models_dir}; make one with "
            "'forecaster train DATA --name NAME', or give --models-dir"
        )
    if len(found) > 1:
        raise ModelNotFound(f"several models: say which of {', '.join(found)}")
    return found[0]


def _existing(models_dir: Path, name: str, wanted: str) -> str:
    """Return the version that a version or an alias stands for."""
    found = versions(models_dir, name)
    if not found:
        known = ", ".join(names(models_dir)) or "none"
        raise ModelNotFound(f"no model {name!r} in {models_dir}; there are: {known}")
    roles = aliases(models_dir, name)
    version = roles.get(wanted, wanted)
    if version not in found:
        known = ", ".join([*found[-5:], *roles])
        raise ModelNotFound(
            f"model {name!r} has no version {version[:80]!r}"
            f"{f', which is its {wanted}' if version != wanted else ''}; "
            f"there are: {known}"
        )
    return version


def _read_roles(path: Path) -> dict[str, str]:
    """Return the content of aliases.json: texts by texts."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(found, dict) or not all(
        isinstance(version, str) for version in found.values()
    ):
        raise ArtifactError(
            f"{path}: expected a JSON object of alias and version, such as "
            '{"champion": "20260101T000000Z-1a2b"}; mend it or remove it'
        )
    return found


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time name versions and rewrite the aliases of a model."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
