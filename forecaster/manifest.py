"""The manifest of a model version: what it is, and the checksum of every file of it.

A version is a folder `models/NAME/VERSION/` with `saved_model/` and `manifest.json`.
Nothing of the training data is kept, only a summary of it.
"""

import hashlib
import json
from dataclasses import MISSING, Field, asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from forecaster.errors import ArtifactError

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"
SAVED_MODEL = "saved_model"


@dataclass(frozen=True, slots=True)
class Facts:
    """The entries of a manifest that are known when training has ended.

    Attributes: as in `Manifest`.
    """

    name: str
    freq: str
    season_length: int
    features: tuple[str, ...]
    covariates: dict[str, Any]
    architecture: dict[str, Any]
    data: dict[str, Any]
    metrics: dict[str, float]
    training: dict[str, Any]
    parent: str | None = None
    configuration: dict[str, Any] | None = None

    def entries(self) -> dict[str, Any]:
        """All entries by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a model version except its weights.

    Attributes:
        name: name of the model.
        version: version, sorts by creation.
        freq: pandas alias of the frequency, or the integer step.
        horizon: steps forecast at once, H.
        quantiles: levels forecast, rising, 0.5 among them.
        season_length: m, in steps.
        features: names of the known features of each step, in order.
        covariates: columns by kind with their order and scaling; empty when none is used.
        state_size: width of the carried state, S.
        architecture: cell, layers, units and so on.
        data: summary of the training data: series, points, first and last time, and a
            fingerprint that other data do not have; `learned`, the last time of the data of
            its parents, where that is a later one.
        metrics: scores on the held-out end of the training data.
        training: seed, steps planned and done, seconds, device.
        libraries: versions of Python, of this project and of the libraries that made it.
        git_revision: revision of the code, when known.
        files: sha256 of every other file of the folder, by relative path.
        parent: the version whose weights training began with, if any.
        configuration: what was asked for; what the data chose is absent. None in versions
            from before it was written down.
        format_version: version of this format.
    """

    name: str
    version: str
    freq: str
    horizon: int
    quantiles: tuple[float, ...]
    season_length: int
    features: tuple[str, ...]
    covariates: dict[str, Any]
    state_size: int
    architecture: dict[str, Any]
    data: dict[str, Any]
    metrics: dict[str, float]
    training: dict[str, Any]
    libraries: dict[str, str]
    git_revision: str | None
    files: dict[str, str]
    parent: str | None = None
    configuration: dict[str, Any] | None = None
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def read(folder: Path) -> Manifest:
    """The manifest of a version's folder.

    Raises:
        ArtifactError: when it is absent, unreadable or of a format not known here.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path}: expected the manifest of a model version, could not read it "
            f"({type(error).__name__}). Train again or choose another version."
        ) from error
    return parse(content, str(path))


def parse(content: object, place: str) -> Manifest:
    """A manifest as JSON has it; `place` says where it stands, for errors.

    Raises:
        ArtifactError: it is not one, or of a format not known here.
    """
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
        raise ArtifactError(
            f"{place}: expected format_version {FORMAT_VERSION}, got "
            f"{_format_of(content)}. Train again with this release or install the one that made it."
        )
    try:
        entries = {field.name: _entry(field, content) for field in fields(Manifest)}
        levels = entries["quantiles"]
        if 0.5 not in levels or list(levels) != sorted(set(levels)):
            raise ValueError(f"quantiles: expected rising ones and 0.5, got {levels}")
    except ValueError as error:
        raise ArtifactError(
            f"{place}: {error}. Train again or choose another version."
        ) from error
    return Manifest(**entries)


def _entry(field: Field[Any], content: dict[str, Any]) -> Any:
    """One entry of a manifest, of the type of its field.

    Raises:
        ValueError: it is absent or of another type.
    """
    if field.name not in content and field.default is not MISSING:
        return field.default
    if field.name not in content:
        raise ValueError(f"expected the entry {field.name!r}, which is absent")
    value = content[field.name]
    if not _fits(value, field.type):
        kind = getattr(field.type, "__name__", str(field.type))
        raise ValueError(f"{field.name}: expected {kind}, got {str(value)[:40]!r}")
    return tuple(value) if get_origin(field.type) is tuple else value


def _fits(value: object, kind: Any) -> bool:
    """Whether a value read from JSON can stand where a field of that type is.

    >>> _fits(5, tuple[float, ...]), _fits([0.5], tuple[float, ...]), _fits(None, str)
    (False, True, False)
    """
    inner = get_args(kind)
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in inner)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(
            _fits(one, inner[1]) for one in value.values()
        )
    if get_origin(kind) is tuple:
        return isinstance(value, list) and all(_fits(one, inner[0]) for one in value)
    if kind is Any:
        return True
    plain = (int, float) if kind is float else kind
    return isinstance(value, plain) and not isinstance(value, bool)


def learned_until(manifest: Manifest) -> Any:
    """The last time that a version has learned from, its parents too; None if untold."""
    return manifest.data.get("learned", manifest.data.get("last"))


def checksums(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder but the manifest, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path != folder / FILE_NAME
    }


def verify(folder: Path) -> Manifest:
    """Reads the manifest and compares every file of the folder with it.

    Raises:
        ArtifactError: names the first file that is absent, changed or foreign.
    """
    manifest = read(folder)
    found = checksums(folder)
    for path in sorted(manifest.files.keys() | found.keys()):
        if path not in found:
            raise ArtifactError(f"{folder / path}: absent. Copy the version again.")
        if path not in manifest.files:
            raise ArtifactError(
                f"{folder / path}: not in the manifest. Remove the file."
            )
        if found[path] != manifest.files[path]:
            raise ArtifactError(
                f"{folder / path}: expected sha256 {manifest.files[path][:12]}…, got "
                f"{found[path][:12]}…. The file is damaged: copy the version again."
            )
    return manifest


def _format_of(content: object) -> str:
    """What stands where the format version should."""
    if isinstance(content, dict):
        return repr(content.get("format_version"))
    return type(content).__name__
