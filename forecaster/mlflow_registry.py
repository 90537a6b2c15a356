"""A version goes into a registry of MLflow, with where it comes from: an optional extra.

    version       a run of the experiment NAME: parameters, metrics, tags, files
                  a version of the registered model NAME
    champion, …   aliases of the registered model

A version is registered once; aliases follow those in the models folder at each export.
"""

import logging
import tempfile
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster import __version__, registry
from forecaster import manifest as manifests
from forecaster.errors import ConfigError
from forecaster.manifest import Manifest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

VERSION_TAG = "forecaster.version"
FOLDER = "model"  # of the files of a run


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export.

    Attributes:
        name: the model, here and there.
        version: its version here.
        registered: its version there.
        uri: what `mlflow.pyfunc.load_model` takes.
        aliases: those that point at it there, by the models folder.
        added: whether it was not there already.
    """

    name: str
    version: str
    registered: str
    uri: str
    aliases: tuple[str, ...]
    added: bool


def check_installed() -> None:
    """Refuse, before any work is done, when MLflow is not installed.

    Raises:
        ConfigError: it is not.
    """
    if find_spec("mlflow") is None:
        raise ConfigError(
            "--mlflow: expected MLflow to be installed, it is not: "
            "pip install 'forecaster[mlflow]', or from a clone: pip install -e '.[mlflow]'"
        )


def export(folder: Path, tracking_uri: str) -> Exported:
    """Registers a version whose files are sound, or finds it registered already.

    Args:
        folder: `models/NAME/VERSION`.
        tracking_uri: of MLflow: a database or a server.

    Raises:
        ArtifactError: a file of the version is not what it was.
        ConfigError: MLflow does not take it.
    """
    import mlflow  # slow to import
    from mlflow.exceptions import MlflowException

    manifest = manifests.verify(folder)
    logging.getLogger("mlflow").setLevel(
        logging.WARNING
    )  # what it does with its tables
    try:
        mlflow.set_tracking_uri(tracking_uri)
        return _exported(mlflow.MlflowClient(tracking_uri), folder, manifest)
    except (MlflowException, OSError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"--tracking-uri {tracking_uri}: expected an MLflow that takes a model, such as "
            f"sqlite:///mlflow.db or http://HOST:5000; it says: {said}"
        ) from error


def _exported(client: "MlflowClient", folder: Path, manifest: Manifest) -> Exported:
    known = _known(client, manifest)
    version = _register(client, folder, manifest) if known is None else known
    aliases = _follow_aliases(client, folder, manifest, version.version)
    return Exported(
        name=manifest.name,
        version=manifest.version,
        registered=str(version.version),
        uri=f"models:/{manifest.name}/{version.version}",
        aliases=aliases,
        added=known is None,
    )


def _known(client: "MlflowClient", manifest: Manifest) -> "ModelVersion | None":
    """The version in the registry, if it is there."""
    if not client.search_registered_models(f"name='{manifest.name}'"):
        client.create_registered_model(manifest.name)
    found = client.search_model_versions(
        f"name='{manifest.name}' and tag.`{VERSION_TAG}`='{manifest.version}'"
    )
    return found[0] if found else None


def _register(
    client: "MlflowClient", folder: Path, manifest: Manifest
) -> "ModelVersion":
    run = client.create_run(
        _experiment(client, manifest.name), run_name=manifest.version
    ).info
    try:
        _log(client, run.run_id, manifest)
        with tempfile.TemporaryDirectory(prefix="forecaster-") as scratch:
            _save(folder, manifest, Path(scratch, FOLDER))
            client.log_artifacts(run.run_id, str(Path(scratch, FOLDER)), FOLDER)
        version = client.create_model_version(
            manifest.name,
            f"{run.artifact_uri}/{FOLDER}",
            run.run_id,
            tags={VERSION_TAG: manifest.version},
        )
    except BaseException:
        client.set_terminated(run.run_id, "FAILED")
        raise
    client.set_terminated(run.run_id)
    return version


def _experiment(client: "MlflowClient", name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _log(client: "MlflowClient", run_id: str, manifest: Manifest) -> None:
    """What the manifest says, in the places where MLflow shows it."""
    for key, value in manifest.metrics.items():
        client.log_metric(run_id, key, value)
    for key, value in parameters(manifest).items():
        client.log_param(run_id, key, value)
    for key, text in tags(manifest).items():
        client.set_tag(run_id, key, text)


def parameters(manifest: Manifest) -> dict[str, Any]:
    """What a training was asked for and what the data chose, by name."""
    return {
        "freq": manifest.freq,
        "horizon": manifest.horizon,
        "season_length": manifest.season_length,
        **{f"network.{key}": value for key, value in manifest.architecture.items()},
        **{f"training.{key}": value for key, value in manifest.training.items()},
        **{f"asked.{key}": v for key, v in (manifest.configuration or {}).items()},
    }


def tags(manifest: Manifest) -> dict[str, str]:
    """Where a version comes from."""
    lineage = {
        VERSION_TAG: manifest.version,
        "forecaster.parent": manifest.parent,
        "forecaster.git_revision": manifest.git_revision,
        **{f"forecaster.data.{key}": value for key, value in manifest.data.items()},
        **{f"forecaster.libraries.{k}": v for k, v in manifest.libraries.items()},
    }
    return {key: str(value) for key, value in lineage.items() if value is not None}


def _save(folder: Path, manifest: Manifest, path: Path) -> None:
    """Write a model that `mlflow.pyfunc` loads with this project installed."""
    from mlflow import pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import DataType, ParamSchema, ParamSpec

    from forecaster.pyfunc import LEVELS

    params = ParamSchema(
        [
            ParamSpec("horizon", DataType.long, manifest.horizon),
            ParamSpec("level", DataType.double, [float(x) for x in LEVELS], (-1,)),
        ]
    )
    with (
        warnings.catch_warnings()
    ):  # it would have an example of what it is to be given
        warnings.simplefilter("ignore")
        pyfunc.save_model(
            str(path),
            loader_module="forecaster.pyfunc",
            data_path=str(folder),
            signature=ModelSignature(params=params),
            pip_requirements=[f"forecaster=={__version__}"],
        )


def _follow_aliases(
    client: "MlflowClient", folder: Path, manifest: Manifest, registered: str
) -> tuple[str, ...]:
    """Give the version there the aliases it has here, and take away others of ours."""
    roles = registry.aliases(folder.parent.parent, manifest.name)
    here = tuple(a for a, version in roles.items() if version == manifest.version)
    there = client.get_registered_model(manifest.name).aliases
    for alias in here:
        client.set_registered_model_alias(manifest.name, alias, registered)
    for alias in {*registry.ALIASES} - {*here}:
        if str(there.get(alias)) == str(registered):
            client.delete_registered_model_alias(manifest.name, alias)
    return here
