"""What it would save to compile the step of a model with XLA, and what compiling takes.

    make demo
    python -m benchmarks.compiled --models-dir models --name demo

TensorFlow runs the graph of a step operation by operation; XLA makes one program of it, for
one number of series. Both do the same steps, in turns, on one thread each, as a worker
does; times are of the processor, which other work disturbs least.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.markdown import number, table
from forecaster import artifact, registry
from forecaster.artifact import Artifact
from forecaster.manifest import SAVED_MODEL

BATCHES = (1, 32, 512)  # series of a step
TURNS, STEPS = 3, 200  # steps of one series; of more at once there are fewer
LEAST_STEPS = 5


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--models-dir", type=click.Path(path_type=Path), default=Path("models"))
@click.option("--name", default="demo", show_default=True)
def main(models_dir: Path, name: str) -> None:
    """Print the time of a step as it is and compiled, for some numbers of series."""
    import tensorflow as tf  # slow to import

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    folder = registry.resolve(models_dir, name, registry.CHAMPION)
    # The graph itself, for `Artifact.step` turns arrays into tensors and back; the module
    # must live as long as its signatures (tensorflow#46708).
    module = tf.saved_model.load(str(folder / SAVED_MODEL))
    model, step = artifact.load(folder), module.signatures["step"]
    rows = [_compared(model, step, batch) for batch in BATCHES]
    print(table(("series", "as it is ms", "compiled ms", "to compile s"), rows))


def _compared(model: Artifact, step: Callable[..., Any], batch: int) -> list[str]:
    """A row of the table."""
    import tensorflow as tf

    compiled = tf.function(lambda **given: step(**given), jit_compile=True)
    given = _given(model, batch)
    compiling = _cpu_s(lambda: compiled(**given))
    step(**given)
    count = max(LEAST_STEPS, STEPS // batch)
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(TURNS):
        for is_compiled, way in ((False, step), (True, compiled)):
            seconds = _cpu_s(lambda way=way: [way(**given) for _ in range(count)])  # type: ignore[misc]
            took[is_compiled].append(seconds / count * 1000)
    best = [number(min(took[is_compiled]), 2) for is_compiled in (False, True)]
    return [f"{batch}", *best, number(compiling, 1)]


def _given(model: Artifact, batch: int) -> dict[str, Any]:
    """One new value of each of some series that have begun."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    about = model.manifest
    width = len(about.features)
    states = model.initial_state(batch)
    for _ in range(40):
        y = rng.normal(100.0, 10.0, (batch, 1)).astype(np.float32)
        states = model.advance(states, y, np.zeros((batch, 1, width), np.float32))
    x = np.zeros((batch, 1 + about.horizon, width), np.float32)
    return {"state": tf.constant(states), "y": tf.constant(y), "x": tf.constant(x)}


def _cpu_s(call: Callable[[], object]) -> float:
    """Seconds of the processor that a call takes."""
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    main()
