"""A model version in memory: pure functions from arrays to arrays.

TensorFlow is imported by `load` alone, so that a process may decide when (for a server:
after the fork). Nothing of Keras is needed to run a loaded version. Letters: B batch,
T new steps, H horizon, F features, Q quantiles, S state.
"""

from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import manifest as manifests
from forecaster import signatures
from forecaster.errors import ArtifactError
from forecaster.holding import reading
from forecaster.manifest import Manifest

Floats = NDArray[np.float32]
MOST_TOLD = 300  # characters of what TensorFlow says


class Artifact:
    """A loaded model version. Safe to call from several threads: it holds no state."""

    def __init__(self, manifest: Manifest, module: Any) -> None:
        """Wraps a loaded SavedModel; use `load`."""
        self.manifest = manifest
        # The module must live as long as its signatures (tensorflow#46708).
        self._module = module
        self._functions = {name: module.signatures[name] for name in signatures.NAMES}

    def initial_state(self, batch: int) -> Floats:
        """States of series that have not begun [B, S]."""
        return np.zeros((batch, self.manifest.state_size), np.float32)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """The states after T more steps.

        Args:
            state: [B, S].
            y: raw values [B, T], NaN = missing.
            x: features of the same steps [B, T, F], NaN = missing.
        """
        return self.observe(state, y, x)[0]

    def observe(self, state: Floats, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """The same, and what was expected of each value just before it came.

        Args:
            state: [B, S].
            y: raw values [B, T], NaN = missing.
            x: features of the same steps [B, T, F], NaN = missing.

        Returns:
            States [B, S]; raw quantiles one step ahead [B, T, Q], NaN where a series
            had not begun a step before.
        """
        result = self._call("advance", state=state, y=y, x=x)
        return result["state_out"], result["expected"]

    def imagine(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """The states after values that nobody observed: intervals learn nothing of them.

        Args:
            state: [B, S].
            y: raw values [B, T].
            x: features of the same steps [B, T, F], NaN = missing.
        """
        return self._call("imagine", state=state, y=y, x=x)["state_out"]

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """Raw quantiles of the next H steps [B, H, Q].

        Args:
            state: [B, S].
            x: features of these steps [B, H, F], NaN = missing; only those known ahead
                are looked at.
        """
        return self._call("forecast", state=state, x=x)["quantiles"]

    def step(
        self, state: Floats, y: Floats, x: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """`observe` of one value each and `forecast`, in one call.

        Args:
            state: [B, S].
            y: raw values [B, 1], NaN = missing.
            x: features of their steps and the H steps after them [B, 1 + H, F].

        Returns:
            States [B, S]; quantiles one step ahead [B, 1, Q]; of the next H [B, H, Q].
        """
        result = self._call("step", state=state, y=y, x=x)
        return result["state_out"], result["expected"], result["quantiles"]

    def _call(self, name: str, **arrays: Floats) -> dict[str, Floats]:
        """One call of a signature, NumPy in and out."""
        result = self._functions[name](
            **{key: self._constant(value) for key, value in arrays.items()}
        )
        return {key: value.numpy() for key, value in result.items()}

    @staticmethod
    def _constant(value: Floats) -> Any:
        """A float32 tensor."""
        import tensorflow as tf  # loaded by `load` already

        return tf.constant(value, tf.float32)


def load(folder: Path) -> Artifact:
    """Loads a version, once its files, its functions and its weights are what they should be.

    Files are compared with their checksums before TensorFlow sees them: a SavedModel is
    a program.

    Raises:
        ArtifactError: when a file is damaged, the SavedModel is not what the manifest
            says, or a weight is no finite number.
    """
    with reading(folder):
        manifest = manifests.verify(folder)
        module = _loaded(folder)
    signatures.check(folder, manifest, module)
    _check_weights(folder, module)
    return Artifact(manifest, module)


def _loaded(folder: Path) -> Any:
    """The SavedModel of a version whose files were verified."""
    import tensorflow as tf  # slow to import, and must not happen before a fork

    try:
        return tf.saved_model.load(str(folder / manifests.SAVED_MODEL))
    except Exception as error:
        # A foreign graph raises whatever it likes; what is wrong stands in it.
        raise ArtifactError(
            f"{folder}: expected a SavedModel, TensorFlow could not load it "
            f"({type(error).__name__}: {first_line(error)}). "
            "Train again or choose another version."
        ) from error


def first_line(error: Exception) -> str:
    """What an error says, short enough for one line."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    return lines[0][:MOST_TOLD]


def _check_weights(folder: Path, module: Any) -> None:
    """Refuses weights that are NaN or infinite: every forecast would be."""
    for number, variable in enumerate(getattr(module, "weights", ())):
        values = variable.numpy()
        wrong = int(values.size - np.isfinite(values).sum())
        if wrong:
            raise ArtifactError(
                f"{folder}: weight {number} of shape {values.shape}: expected finite "
                f"numbers, {wrong} of {values.size} are NaN or infinite. Train again or "
                "choose another version."
            )


def weights(folder: Path) -> list[NDArray[Any]]:
    """The weights of a version, in the order of its network's.

    Raises:
        ArtifactError: when they cannot be read.
    """
    import tensorflow as tf

    prefix = folder / manifests.SAVED_MODEL / "variables" / "variables"
    key = "weights/{}/.ATTRIBUTES/VARIABLE_VALUE"
    try:
        reader = tf.train.load_checkpoint(str(prefix))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ArtifactError(
            f"{prefix}: expected the weights of a version, TensorFlow could not read "
            f"them ({type(error).__name__}). Choose another version."
        ) from error
    names = takewhile(reader.has_tensor, (key.format(i) for i in count()))
    return [np.asarray(reader.get_tensor(name)) for name in names]
