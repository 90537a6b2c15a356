"""Forecasts at many origins, with the state carried or from fresh windows.

Carried is how a service runs: primed once, then only advanced from origin to origin.
Fresh is how a forecasting library runs: at every origin the last values again, from a
state that knows nothing. Thousands of origins are read off in large batches.

Letters: `N` series, `W` windows, `H` horizon, `Q` quantiles, `S` state.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forecaster.panel import Panel
from forecaster.streaming import BATCH, StepModel, advance_series, forecast_series

Floats = NDArray[np.float64]
States = NDArray[np.float32]
Ints = NDArray[np.int64]


def carried(model: StepModel, panel: Panel, origins: Ints, horizon: int) -> Floats:
    """Quantiles `[N, W, H, Q]` at `origins[N, W]`, the states carried between them."""
    blocks: list[Floats] = []
    pending: list[tuple[States, Ints]] = []
    for states, known in _primed(model, panel, origins):
        pending.append((states, known))
        if len(pending) * len(panel) >= BATCH:
            blocks.append(_read_off(model, panel, pending, horizon))
            pending = []
    if pending:
        blocks.append(_read_off(model, panel, pending, horizon))
    return np.concatenate(blocks, axis=1)


def fresh(
    model: StepModel, panel: Panel, origins: Ints, horizon: int, window: int
) -> Floats:
    """Quantiles `[N, W, H, Q]`, each from the last `window` values alone."""
    blocks = []
    for known in origins.T:
        begin = np.maximum(known - window, 0)
        values = [panel.values_of(i)[begin[i] : known[i]] for i in range(len(panel))]
        states = advance_series(
            model, model.initial_state(len(panel)), values, _times(panel, begin)
        )
        blocks.append(_read_off(model, panel, [(states, known)], horizon))
    return np.concatenate(blocks, axis=1)


def _primed(
    model: StepModel, panel: Panel, origins: Ints
) -> Iterator[tuple[States, Ints]]:
    """The states `[N, S]` at each origin in turn, and how many values they know `[N]`."""
    states = model.initial_state(len(panel))
    known = np.zeros(len(panel), dtype=np.int64)
    for ends in origins.T:
        values = [panel.values_of(i)[known[i] : ends[i]] for i in range(len(panel))]
        states = advance_series(model, states, values, _times(panel, known))
        known = ends
        yield states, known


def _read_off(
    model: StepModel, panel: Panel, primed: list[tuple[States, Ints]], horizon: int
) -> Floats:
    """The forecasts `[N, W, H, Q]` of `W` origins of all series, in one batch."""
    states = np.concatenate([states for states, _ in primed])
    last = [time for _, known in primed for time in _times(panel, known - 1)]
    quantiles = forecast_series(model, states, last, horizon)
    shaped = quantiles.reshape(len(primed), len(panel), horizon, -1).swapaxes(0, 1)
    return shaped.astype(np.float64)


def _times(panel: Panel, steps: Ints) -> list[np.datetime64 | int]:
    """The time of one step of each series."""
    return list(panel.frequency.times(panel.starts, steps))
