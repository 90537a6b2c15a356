"""How far the log reached when a job was first begun, for whoever takes it up again.

They learn from the same data then, whatever came meanwhile, so that the checkpoint of a
training that was cut off fits. Where the log has lost series since no checkpoint does, and
it is pinned anew. Kept beside those checkpoints until the job has ended.
"""

from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from forecaster.checkpoint import Checkpoint, Snapshot
from service.history import are_left, ends_of


def place_of(models_dir: Path, name: str, job: str) -> Checkpoint:
    """Where that is kept of a job on a model."""
    return Checkpoint(models_dir / name / f".training-{job}.npz")


def ends(place: Checkpoint, engine: Engine, name: str) -> dict[int, int]:
    """Return the ends that are kept there and hold, or else those of now, and keep them.

    Raises:
        StoreFailure: the store does not answer.
        OSError: they cannot be kept.
    """
    kept = place.read()
    if kept is not None:
        pks, behind = (kept.arrays[of].tolist() for of in ("pks", "ends"))
        pinned = dict(zip(pks, behind, strict=True))
        if are_left(engine, name, pinned):
            return pinned
    found = ends_of(engine, name)
    arrays = {"pks": list(found), "ends": list(found.values())}
    as_arrays = {of: np.array(values, np.int64) for of, values in arrays.items()}
    place.write(Snapshot(as_arrays, {}))
    return found
