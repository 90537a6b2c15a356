"""A version on trial: it answers for a share of the series beside the champion.

    models/demo/aliases.json   {"champion": "…-1a2b", "canary": "…-77c1"}
    models/demo/canary.json    {"version": "…-77c1", "share": 0.05}

The alias says which version, and ends with it: promoted it is champion, deleted it is none.
The file says how large the share is. Which series belong to it is told by a hash of their
ids, in every process the same, so that a series does not go to and fro between versions, and
a share that grows only adds series.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from forecaster import registry
from forecaster.covariates import Covariates
from forecaster.errors import ArtifactError, InputError
from forecaster.manifest import Manifest
from forecaster.registry import CANARY, CHAMPION

DIGEST_BYTES = 8
ALL = 2 ** (8 * DIGEST_BYTES)
LINE = 80  # characters of a value in an error


@dataclass(frozen=True, slots=True)
class Canary:
    """A version and the share of the series that it answers for, above 0 and up to 1."""

    version: str
    share: float


def answers_for(name: str, unique_id: str, share: float) -> bool:
    """Whether a series of a model belongs to a share of all.

    >>> [answers_for("demo", "store-1", share) for share in (0.0, 0.5, 1.0)]
    [False, True, True]
    """
    data = f"{name}\0{unique_id}".encode(errors="surrogatepass")
    digest = blake2b(data, digest_size=DIGEST_BYTES).digest()
    return int.from_bytes(digest) < int(share * ALL)


def read(models_dir: Path, name: str) -> Canary | None:
    """Return the canary of a model, None where there is none.

    Raises:
        ArtifactError: its share is not said, or is none.
        OSError: the folder cannot be read.
    """
    version = registry.aliases(models_dir, name).get(CANARY)
    if version is None:
        return None
    path = _path(models_dir, name)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        found = Canary(str(told["version"]), check_share(told["share"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError, InputError) as error:
        raise ArtifactError(
            f"{path}: expected the share of {version}, such as "
            f'{{"version": "{version}", "share": 0.05}}: {error}. Begin the canary again '
            "with 'forecaster models canary'."
        ) from error
    return found if found.version == version else None  # just being begun or ended


def begin(models_dir: Path, name: str, version: str, share: float) -> Canary:
    """Let a version answer for a share of the series, or for another share than before.

    Args:
        models_dir: the models folder.
        name: the model.
        version: a version or an alias; who calls this has proven it (`check_alike`).
        share: above 0, at most 1.

    Raises:
        InputError: it is the champion, or the share is none.
        ModelNotFound: there is no such version.
    """
    share = check_share(share)
    model = registry.resolve(models_dir, name, version).parent  # there is one to lock
    with registry.locked(model):
        folder = registry.resolve(models_dir, name, version)
        if folder == registry.resolve(models_dir, name):
            raise InputError(
                f"{folder.name} is the {CHAMPION}: it answers for all series"
            )
        canary, roles = Canary(folder.name, share), registry.aliases(models_dir, name)
        if roles.get(CANARY) not in (None, folder.name):
            # Killed in between, there is no canary, rather than one without a share.
            _appoint(model, roles, None)
        registry.write_atomically(_path(models_dir, name), json.dumps(asdict(canary)))
        _appoint(model, roles, folder.name)
    return canary


def end(models_dir: Path, name: str) -> str | None:
    """Let the champion answer for all series; return what the canary was.

    Raises:
        ModelNotFound: there is no such model.
    """
    model = registry.resolve(models_dir, name).parent
    with registry.locked(model):
        roles = registry.aliases(models_dir, name)
        if CANARY in roles:
            _appoint(model, roles, None)
    return roles.get(CANARY)


def check_share(share: Any) -> float:
    """Return a share if it is one.

    >>> check_share(0.05)
    0.05

    Raises:
        InputError: it is not above 0 and at most 1.
    """
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    if is_number and 0 < share <= 1:
        return float(share)
    raise InputError(f"share: expected a number above 0 and at most 1, got {share!r}")


def check_alike(champion: Manifest, canary: Manifest) -> None:
    """Refuse a version whose answers would have another form than those of the champion.

    Raises:
        ArtifactError: names the first difference.
    """
    for what, old in _form(champion).items():
        new = _form(canary)[what]
        if old != new:
            raise ArtifactError(
                f"{canary.version} cannot be a canary beside {champion.version}: expected "
                f"the same {what}, {_short(old)}, got {_short(new)}. Promote it instead."
            )


def _form(manifest: Manifest) -> dict[str, object]:
    """What who asks would notice, if it differed from series to series."""
    return {
        "frequency": manifest.freq,
        "horizon": manifest.horizon,
        "quantiles": tuple(manifest.quantiles),
        "covariates": Covariates.read(manifest.covariates).names,
    }


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LINE else f"{text[:LINE]}…"


def _appoint(model: Path, roles: Mapping[str, str], version: str | None) -> None:
    """Write the aliases of a model with another canary, or none."""
    others = {alias: one for alias, one in roles.items() if alias != CANARY}
    canary = {} if version is None else {CANARY: version}
    registry.write_aliases(model, others | canary)


def _path(models_dir: Path, name: str) -> Path:
    return models_dir / registry.check_name(name) / "canary.json"
