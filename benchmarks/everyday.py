"""What everyday operations cost on this machine, with the model of `make demo`.

    python -m benchmarks.everyday

Reading a file, one step (advance and forecast) for one series and for 64, and priming
states from their history. The best of several runs is shown: what disturbs a machine
only ever makes it slower.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from forecaster import artifact, registry
from forecaster.artifact import Artifact, Floats
from forecaster.errors import ForecasterError
from forecaster.reading import read_panel

ROOT = Path(__file__).parents[1]
RUNS = 7
STEPS = 1024  # of history, primed at once
BATCHES = (1, 64)


def main() -> None:
    """Print a table of operations, their time and their rate."""
    try:
        model = artifact.load(registry.resolve(ROOT / "models", "demo"))
    except ForecasterError as error:
        raise SystemExit(f"{error}. Or: make demo") from error
    print(f"{'operation':44} {'ms':>10} {'per second':>16}")
    for name, count, unit, operation in operations(model):
        seconds = best_time(operation)
        rate = f"{count / seconds:,.0f} {unit}"
        print(f"{name:44} {1000 * seconds:>10.2f} {rate:>16}")


def operations(
    model: Artifact,
) -> Iterator[tuple[str, int, str, Callable[[], object]]]:
    """Yield what is measured: name, how much it does, of what, and the call itself."""
    sample = ROOT / "data" / "sample.csv"
    rows = sum(1 for _ in sample.open()) - 1
    yield f"read {sample.name}", rows, "rows", partial(read_panel, sample)
    call: Callable[[], object]
    for batch in BATCHES:
        call = partial(model.step, *inputs(model, batch, 1, model.manifest.horizon))
        yield f"step and forecast, {batch} series at once", batch, "series", call
    for batch in BATCHES:
        call = partial(model.advance, *inputs(model, batch, STEPS, 0))
        name = f"prime {batch} series with {STEPS} values each"
        yield name, batch * STEPS, "values", call


def inputs(
    model: Artifact, batch: int, steps: int, ahead: int
) -> tuple[Floats, Floats, Floats]:
    """Return states [B, S], values [B, T] and features [B, T + ahead, F] of no series."""
    features = len(model.manifest.features)
    return (
        model.initial_state(batch),
        np.ones((batch, steps), np.float32),
        np.zeros((batch, steps + ahead, features), np.float32),
    )


def best_time(operation: Callable[[], object]) -> float:
    """Return the seconds of the fastest of several runs, the first left out."""
    operation()  # traces, fills caches
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        operation()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
