"""Versions like another one, with other weights: made in a second, where training is not the point."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from forecaster import manifest as manifests
from forecaster import registry

SPREAD = 0.1  # of each weight, so that forecasts are told apart and stay sensible


def altered(source: Path, version: str, seed: int) -> Path:
    """Write a sound version beside another.

    Args:
        source: the folder of a version.
        version: the name of the new one.
        seed: of the changes to its weights.

    Returns:
        Its folder.
    """
    # Under another name until it is whole, as training does it.
    partial = source.parent / f".partial-{version}"
    shutil.copytree(source, partial)
    _change_weights(partial / manifests.SAVED_MODEL, np.random.default_rng(seed))
    path = partial / manifests.FILE_NAME
    told = {**json.loads(path.read_text(encoding="utf-8")), "version": version}
    told["files"] = manifests.checksums(partial)
    path.write_text(json.dumps(told), encoding="utf-8")
    return partial.rename(source.parent / version)


def versions_like(source: Path, count: int) -> list[str]:
    """Write so many further versions beside one; the names of all, oldest first."""
    made = [source.name]
    for number in range(1, count + 1):
        version = f"2099010{number}T000000Z-{number:04x}"
        altered(source, version, seed=number)
        made.append(version)
    return made


def alone(source: Path, models_dir: Path, name: str | None = None) -> Path:
    """Copy a version into a models folder of its own, as the champion; its folder there."""
    name = source.parent.name if name is None else name
    folder = models_dir / name / source.name
    shutil.copytree(source, folder)
    path = folder / manifests.FILE_NAME
    told = {**json.loads(path.read_text(encoding="utf-8")), "name": name}
    path.write_text(json.dumps(told), encoding="utf-8")
    registry.set_alias(models_dir, name, registry.CHAMPION, source.name)
    return folder


def _change_weights(saved_model: Path, rng: np.random.Generator) -> None:
    import tensorflow as tf  # slow to import

    prefix = str(saved_model / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    tensors: dict[str, Any] = {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }
    for name in sorted(tensors):
        if name.startswith("weights/"):
            noise = rng.normal(1.0, SPREAD, tensors[name].shape)
            tensors[name] = (tensors[name] * noise).astype(tensors[name].dtype)
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )
