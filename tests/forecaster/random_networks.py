"""Small networks with random weights: whatever holds of them holds of any."""

from typing import Any

import numpy as np

from forecaster.config import Architecture, Task


def functions_of(task: Task, cell: str = "lstm") -> dict[str, Any]:
    """The exported functions of such a network."""
    import keras

    from forecaster.export import signatures
    from forecaster.network import Network

    keras.utils.set_random_seed(3)
    size = Architecture(cell=cell, units=6, patch_units=8, head_units=8)
    net = Network(task, size)
    net.initialise()
    rng = np.random.default_rng(0)
    for variable in net.trainable_variables:
        variable.assign(rng.normal(0, 0.2, variable.shape))
    return signatures(net)
