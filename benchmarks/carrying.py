"""Forecasts at many origins, with the state carried or from fresh windows.

Carried is how a service runs: primed once, then only advanced from origin to origin.
Fresh is how a forecasting library runs: at every origin the last values again, from a
state that knows nothing. Thousands of origins are read off in large batches.

Letters: `N` series, `W` windows, `H` horizon, `Q` quantiles, `S` state.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.covariates import Covariates, PerSeries, per_series
from forecaster.panel import Panel
from forecaster.streaming import BATCH, StepModel, advance_series, forecast_series

Floats = NDArray[np.float64]
States = NDArray[np.float32]
Ints = NDArray[np.int64]
Primed = tuple[States, Ints]  # states [N, S], and how many values they know [N]


def carried(model: StepModel, panel: Panel, origins: Ints, horizon: int) -> Floats:
    """Quantiles `[N, W, H, Q]` at `origins[N, W]`, the states carried between them."""
    reader = reader_of(model, panel, horizon)
    blocks: list[Floats] = []
    pending: list[Primed] = []
    for primed in reader.primed(origins):
        pending.append(primed)
        if len(pending) * len(panel) >= BATCH:
            blocks.append(reader.forecast(pending))
            pending = []
    if pending:
        blocks.append(reader.forecast(pending))
    return np.concatenate(blocks, axis=1)


def fresh(
    model: StepModel, panel: Panel, origins: Ints, horizon: int, window: int
) -> Floats:
    """Quantiles `[N, W, H, Q]`, each from the last `window` values alone."""
    reader = reader_of(model, panel, horizon)
    blocks = []
    for known in origins.T:
        nothing = model.initial_state(len(panel))
        states = reader.advance(nothing, np.maximum(known - window, 0), known)
        blocks.append(reader.forecast([(states, known)]))
    return np.concatenate(blocks, axis=1)


@dataclass(frozen=True, slots=True)
class Reader:
    """A model before a panel."""

    model: StepModel
    panel: Panel
    exog: PerSeries
    horizon: int

    def primed(self, origins: Ints) -> Iterator[Primed]:
        """The states at each origin in turn."""
        states = self.model.initial_state(len(self.panel))
        known = np.zeros(len(self.panel), dtype=np.int64)
        for ends in origins.T:
            states = self.advance(states, known, ends)
            known = ends
            yield states, known

    def advance(self, states: States, begins: Ints, ends: Ints) -> States:
        """The states after the values from `begins[N]` to `ends[N]`."""
        spans = [slice(*span) for span in zip(begins, ends, strict=True)]
        values = [self.panel.values_of(i)[span] for i, span in enumerate(spans)]
        seen = [self.exog.rows[i][span] for i, span in enumerate(spans)]
        return advance_series(self.model, states, values, self.times(begins), seen)

    def forecast(self, primed: list[Primed]) -> Floats:
        """The forecasts `[N, W, H, Q]` of `W` origins of all series, in one batch."""
        states = np.concatenate([states for states, _ in primed])
        last = [time for _, known in primed for time in self.times(known - 1)]
        ahead = [
            self.exog.known[i][end : end + self.horizon]
            for _, known in primed
            for i, end in enumerate(known)
        ]
        quantiles = forecast_series(self.model, states, last, self.horizon, ahead)
        shape = (len(primed), len(self.panel), self.horizon, -1)
        return quantiles.reshape(shape).swapaxes(0, 1).astype(np.float64)

    def times(self, steps: Ints) -> list[np.datetime64 | int]:
        """The time of one step of each series."""
        return list(self.panel.frequency.times(self.panel.starts, steps))


def reader_of(model: StepModel, panel: Panel, horizon: int) -> Reader:
    """A reader with the covariates that the model knows."""
    exog = per_series(Covariates.read(model.manifest.covariates), panel)
    return Reader(model, panel, exog, horizon)
