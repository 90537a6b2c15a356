"""The manifest of a model version: what it is, and the checksum of every file of it.

A version is a folder `models/NAME/VERSION/` with `saved_model/` and `manifest.json`.
Nothing of the training data is kept, only a summary of it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from forecaster.errors import ArtifactError

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"
SAVED_MODEL = "saved_model"


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
        data: summary of the training data: series, points, first and last time.
        metrics: scores on the held-out end of the training data.
        training: seed, steps, seconds, device.
        libraries: versions of the libraries that made it.
        git_revision: revision of the code, when known.
        files: sha256 of every other file of the folder, by relative path.
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
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
        raise ArtifactError(
            f"{path}: expected format_version {FORMAT_VERSION}, got "
            f"{_format_of(content)}. Train again with this release or install the one that made it."
        )
    try:
        known = {field.name: content[field.name] for field in fields(Manifest)}
    except KeyError as error:
        raise ArtifactError(
            f"{path}: expected the entry {error}, which is absent. Train again."
        ) from error
    known["quantiles"] = tuple(known["quantiles"])
    known["features"] = tuple(known["features"])
    return Manifest(**known)


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
