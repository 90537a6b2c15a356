"""The SavedModel of a trained network.

It holds pure functions over a plain `tf.Module`: state in, state out, no Keras and no
code of this project needed to run it. It is traced from a network built without cuDNN,
so that what a GPU trained runs on a CPU (keras#18504).
"""

from pathlib import Path
from typing import Any

import tensorflow as tf

from forecaster.errors import ArtifactError
from forecaster.network import Network
from forecaster.tracking import Tracker


def save(network: Network, path: Path) -> None:
    """Writes the SavedModel of a network, with its pure signatures.

    Raises:
        ArtifactError: when the exported graph needs a GPU.
    """
    portable = Network(network.task, network.size, cudnn=False)
    portable.initialise()
    portable.set_weights(network.get_weights())
    module = tf.Module()
    # Every variable once: exporting through Keras writes each of them twice (keras#23553).
    module.weights = [variable.value for variable in portable.weights]
    functions = signatures(portable)
    tf.saved_model.save(module, str(path), signatures=functions)
    for name, function in functions.items():
        gpu_only = {
            op.type for op in function.graph.get_operations() if "Cudnn" in op.type
        }
        if gpu_only:
            raise ArtifactError(f"{name}: the exported graph needs a GPU ({gpu_only}).")


def signatures(network: Network) -> dict[str, Any]:
    """The exported functions, see `Tracker`."""
    task, tracker = network.task, Tracker(network)
    width = tracker.state_size

    def floats(*shape: int | None, name: str) -> tf.TensorSpec:
        return tf.TensorSpec(shape, tf.float32, name=name)

    state = floats(None, width, name="state")
    y = floats(None, None, name="y")
    x = floats(None, None, task.features, name="x")
    one = floats(None, 1, name="y")
    around = floats(None, 1 + task.horizon, task.features, name="x")

    def initial_state(batch: Any) -> dict[str, Any]:
        return {"state_out": tf.zeros((batch, width))}

    def advance(state: Any, y: Any, x: Any) -> dict[str, Any]:
        moved, expected = tracker.advance(state, y, x)
        return {"state_out": moved, "expected": expected}

    def imagine(state: Any, y: Any, x: Any) -> dict[str, Any]:
        return {"state_out": tracker.imagine(state, y, x)}

    def forecast(state: Any, x: Any) -> dict[str, Any]:
        return {"quantiles": tracker.forecast(state, x)}

    def step(state: Any, y: Any, x: Any) -> dict[str, Any]:
        moved, expected, quantiles = tracker.step(state, y, x)
        return {"state_out": moved, "expected": expected, "quantiles": quantiles}

    batch = tf.TensorSpec((), tf.int32, name="batch")
    return {
        "initial_state": tf.function(initial_state).get_concrete_function(batch),
        "advance": tf.function(advance).get_concrete_function(state, y, x),
        "imagine": tf.function(imagine).get_concrete_function(state, y, x),
        "forecast": tf.function(forecast).get_concrete_function(state, x),
        "step": tf.function(step).get_concrete_function(state, one, around),
    }
