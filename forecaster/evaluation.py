"""Rolling-origin evaluation in carried-state mode, beside the naive bars.

The states are primed once, up to the first cutoff of each series, and from there only
advanced, cutoff to cutoff, as a service would: no forecast sees a value past its own
cutoff, and no history is read twice. Shapes: `N` series, `W` windows, `H` horizon,
`Q` quantiles.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.baselines import bars
from forecaster.covariates import Covariates, per_series
from forecaster.errors import ConfigError, DataError
from forecaster.panel import Panel
from forecaster.prediction import check_finite
from forecaster.report import Report, actual_values
from forecaster.streaming import StepModel, advance_series, forecast_series

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def backtest(
    model: StepModel,
    panel: Panel,
    *,
    windows: int,
    step_size: int,
    name: str,
    horizon: int | None = None,
) -> Report:
    """Forecasts at the last cutoffs of each series, and their scores.

    Args:
        model: a loaded artefact, or anything with its methods.
        panel: series of the model's frequency.
        windows: `W`, how many cutoffs of each series.
        step_size: steps from one cutoff to the next.
        name: what to call the model.
        horizon: `H`, steps forecast at each cutoff; None means as trained.

    Raises:
        DataError: no series is long enough.
    """
    horizon = model.manifest.horizon if horizon is None else horizon
    panel, left_out = long_enough(panel, horizon, windows, step_size)
    origins = cutoffs(panel.lengths, horizon, windows, step_size)
    season, levels = model.manifest.season_length, tuple(model.manifest.quantiles)
    ours = list(carried_forecasts(model, panel, origins, horizon))
    naive = bars(panel, origins, horizon, levels, season)
    forecasts = {name: np.stack(ours, axis=1), **naive}
    return Report(
        panel=panel,
        left_out=left_out,
        origins=origins,
        levels=levels,
        forecasts=forecasts,
        scores=_scores(panel, origins, levels, forecasts, season),
    )


def long_enough(
    panel: Panel, horizon: int, windows: int, step_size: int
) -> tuple[Panel, tuple[str, ...]]:
    """The series with a value before their first cutoff, and the ids of the others."""
    if min(horizon, windows, step_size) < 1:
        raise ConfigError(
            "windows, step size and horizon: expected each to be at least 1, "
            f"got {windows}, {step_size} and {horizon}"
        )
    needed = horizon + step_size * (windows - 1) + 1
    kept = np.flatnonzero(panel.lengths >= needed)
    if not len(kept):
        longest = panel.lengths.max(initial=0)
        raise DataError(
            f"every series is too short: expected at least {needed} steps for {windows} "
            f"windows of {horizon}, got at most {longest}. Ask for fewer --windows, a "
            "smaller --step-size or a shorter --horizon"
        )
    short = np.flatnonzero(panel.lengths < needed)
    return panel.take(kept), tuple(panel.ids[i] for i in short)


def cutoffs(lengths: Ints, horizon: int, windows: int, step_size: int) -> Ints:
    """How many values are known at each cutoff, `[N, W]`; the last leaves `horizon`.

    >>> cutoffs(np.array([10, 7]), horizon=2, windows=3, step_size=1)
    array([[6, 7, 8],
           [3, 4, 5]])
    """
    back = step_size * np.arange(windows - 1, -1, -1)
    return np.asarray(lengths[:, None] - horizon - back, dtype=np.int64)


def carried_forecasts(
    model: StepModel, panel: Panel, origins: Ints, horizon: int
) -> Iterator[Floats]:
    """Quantiles `[N, H, Q]` at one origin after another, the states carried between.

    Args:
        model: as in `backtest`.
        panel: `N` series.
        origins: `[N, W]`, rising along `W`.
        horizon: `H`.
    """
    states = model.initial_state(len(panel))
    known = np.zeros(len(panel), dtype=np.int64)
    exog = per_series(Covariates.read(model.manifest.covariates), panel)
    for ends in origins.T:
        spans = [slice(*span) for span in zip(known, ends, strict=True)]
        fresh = [panel.values_of(i)[span] for i, span in enumerate(spans)]
        seen = [exog.rows[i][span] for i, span in enumerate(spans)]
        ahead = [exog.known[i][end : end + horizon] for i, end in enumerate(ends)]
        states = advance_series(model, states, fresh, _times(panel, known), seen)
        last = _times(panel, ends - 1)
        quantiles = forecast_series(model, states, last, horizon, ahead)
        check_finite(quantiles, panel.ids)
        known = ends
        yield quantiles.astype(np.float64)


def _scores(
    panel: Panel,
    origins: Ints,
    levels: tuple[float, ...],
    forecasts: Mapping[str, Floats],
    season_length: int,
) -> dict[str, dict[str, Floats]]:
    """Every measure of every forecast, the windows of a series pooled."""
    count, _, horizon, width = next(iter(forecasts.values())).shape
    actual = actual_values(panel, origins, horizon).reshape(count, -1)
    scale = np.array(
        [
            metrics.seasonal_scale(panel.values_of(i)[:first], season_length)
            for i, first in enumerate(origins[:, 0])
        ]
    )
    return {
        name: metrics.score(actual, q.reshape(count, -1, width), levels, scale)
        for name, q in forecasts.items()
    }


def _times(panel: Panel, steps: Ints) -> list[Any]:
    """The time of one step of each series."""
    return list(panel.frequency.times(panel.starts, steps))
