"""From a trained network to a version on disk: SavedModel, manifest, atomic rename.

The SavedModel holds pure functions over a plain `tf.Module`: state in, state out, no
Keras and no code of this project needed to run it. It is traced from a network built
without cuDNN, so that what a GPU trained runs on a CPU (keras#18504).
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import tensorflow as tf

from forecaster import manifest as manifests
from forecaster import memory, registry
from forecaster.artifact import Artifact, load
from forecaster.errors import ArtifactError
from forecaster.manifest import Manifest
from forecaster.network import Network

LIBRARIES = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "pandas")


Measure = Callable[[Artifact], dict[str, float]]


def publish(
    network: Network,
    models_dir: Path,
    facts: dict[str, Any],
    measure: Measure | None = None,
) -> Manifest:
    """Writes a new version of a model; it is seen whole or not at all.

    The first version of a model becomes its champion.

    Args:
        network: trained.
        models_dir: the models folder, made if absent.
        facts: the fields of the manifest that this function does not know itself: name,
            freq, season_length, features, covariates, data, metrics, training, architecture.
        measure: scores the version as it was written, before anyone sees it; what it
            returns is added to the metrics.

    Raises:
        ArtifactError: when the exported graph needs a GPU.
    """
    folder = models_dir / registry.check_name(facts["name"])
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".partial-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        save(network, partial / manifests.SAVED_MODEL)
        existing = registry.versions(models_dir, facts["name"])
        manifest = Manifest(
            version=registry.new_version(
                existing, datetime.now(UTC), secrets.token_hex(2)
            ),
            horizon=network.task.horizon,
            quantiles=network.task.quantiles,
            state_size=network.state_size,
            libraries=_libraries(),
            git_revision=_git_revision(),
            files=manifests.checksums(partial),
            **facts,
        )
        _describe(partial, manifest)
        if measure is not None:
            scores = {**manifest.metrics, **measure(load(partial))}
            manifest = replace(manifest, metrics=scores)
            _describe(partial, manifest)
        _flush(partial)
        partial.rename(folder / manifest.version)
        _flush(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if registry.CHAMPION not in registry.aliases(models_dir, manifest.name):
        registry.set_alias(
            models_dir, manifest.name, registry.CHAMPION, manifest.version
        )
    return manifest


def _describe(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest of a version that nobody sees yet."""
    (folder / manifests.FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")


def save(network: Network, path: Path) -> None:
    """Writes the SavedModel of a network, with its four pure signatures.

    Raises:
        ArtifactError: when the exported graph needs a GPU.
    """
    portable = Network(network.task, network.size, cudnn=False)
    portable.initialise()
    portable.set_weights(network.get_weights())
    module = tf.Module()
    # Every variable once: exporting through Keras writes each of them twice (keras#23553).
    module.weights = [variable.value for variable in portable.variables]
    functions = signatures(portable)
    tf.saved_model.save(module, str(path), signatures=functions)
    for name, function in functions.items():
        gpu_only = {
            op.type for op in function.graph.get_operations() if "Cudnn" in op.type
        }
        if gpu_only:
            raise ArtifactError(f"{name}: the exported graph needs a GPU ({gpu_only}).")


def signatures(network: Network) -> dict[str, Any]:
    """The exported functions: initial_state, advance, forecast and step."""
    task, width = network.task, network.state_size

    def floats(*shape: int | None, name: str) -> tf.TensorSpec:
        return tf.TensorSpec(shape, tf.float32, name=name)

    state = floats(None, width, name="state")
    y = floats(None, None, name="y")
    x = floats(None, None, task.features, name="x")

    def initial_state(batch: Any) -> dict[str, Any]:
        return {"state_out": tf.zeros((batch, width))}

    def advance(state: Any, y: Any, x: Any) -> dict[str, Any]:
        return {"state_out": network.observe(state, y, x)[1]}

    def forecast(state: Any, x: Any) -> dict[str, Any]:
        view = network.recall(state)
        scaled = network.read(view, x[:, None])
        return {"quantiles": memory.unbend(view.frames, scaled)[:, 0]}

    def step(state: Any, y: Any, x: Any) -> dict[str, Any]:
        steps = tf.shape(y)[1]
        moved = advance(state, y, x[:, :steps])["state_out"]
        return {**forecast(moved, x[:, steps:]), "state_out": moved}

    batch = tf.TensorSpec((), tf.int32, name="batch")
    return {
        "initial_state": tf.function(initial_state).get_concrete_function(batch),
        "advance": tf.function(advance).get_concrete_function(state, y, x),
        "forecast": tf.function(forecast).get_concrete_function(state, x),
        "step": tf.function(step).get_concrete_function(state, y, x),
    }


def _libraries() -> dict[str, str]:
    """Versions of the libraries that made the model, those that are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = library_version(name)
        except ImportError:
            continue
    return found


def _git_revision() -> str | None:
    """The revision of this code, None outside a checkout."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return answer.stdout.strip() or None


def _flush(folder: Path) -> None:
    """Forces a folder and everything below it to disk."""
    for path in [folder, *folder.rglob("*")]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
