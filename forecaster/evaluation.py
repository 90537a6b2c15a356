"""Rolling-origin evaluation in carried-state mode, beside the naive bars.

The states are primed once, up to the first cutoff of each series, and from there only
advanced, cutoff to cutoff, as a service would: no forecast sees a value past its own
cutoff, and no history is read twice. Shapes: `N` series, `W` windows, `H` horizon,
`Q` quantiles.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics, scoring
from forecaster.baselines import BARS, bars
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
    where = cutoffs_of(panel, horizon, windows, step_size)
    ours = list(carried_forecasts(model, where.panel, where.origins, horizon))
    levels = tuple(model.manifest.quantiles)
    forecasts = {name: np.stack(ours, axis=1)}
    return judge(where, forecasts, levels, model.manifest.season_length)


@dataclass(frozen=True, slots=True, eq=False)
class Cutoffs:
    """Where forecasts are made.

    Attributes:
        panel: the `N` series that are long enough.
        left_out: ids of the series that are not.
        origins: `[N, W]`, how many values of each series are known at each cutoff.
        horizon: `H`, steps forecast at each.
    """

    panel: Panel
    left_out: tuple[str, ...]
    origins: Ints
    horizon: int


def judge(
    where: Cutoffs,
    forecasts: Mapping[str, Floats],
    levels: tuple[float, ...],
    season_length: int,
) -> Report:
    """Forecasts beside Naive and SeasonalNaive, with their scores.

    Args:
        where: the cutoffs they were made at.
        forecasts: quantiles `[N, W, H, Q]` by name, the model's own first.
        levels: the `Q` probabilities.
        season_length: `m`, of SeasonalNaive and of the scale.

    Raises:
        ConfigError: the model has the name of a bar.
    """
    check_name(next(iter(forecasts)))
    panel, origins = where.panel, where.origins
    naive = bars(panel, origins, where.horizon, levels, season_length)
    scale = np.array(
        [
            metrics.seasonal_scale(panel.values_of(i)[:first], season_length)
            for i, first in enumerate(origins[:, 0])
        ]
    )
    every = {**forecasts, **naive}
    actual = actual_values(panel, origins, where.horizon)
    judged = scoring.Judged(actual, every, levels, scale)
    return Report(
        panel=panel,
        left_out=where.left_out,
        origins=origins,
        levels=levels,
        forecasts=every,
        scale=scale,
        scores=scoring.by_series(judged),
    )


def check_name(name: str, others: Sequence[str] = ()) -> None:
    """Refuse a model that could not be told from a baseline in tables and columns.

    >>> check_name("Naive")
    Traceback (most recent call last):
    forecaster.errors.ConfigError: name 'Naive': expected another one than Naive, ...
    """
    taken = (*BARS, *others)
    if name in taken:
        raise ConfigError(
            f"name {name!r}: expected another one than {', '.join(taken)}, which forecast "
            "beside it. Train the model under another name"
        )


def cutoffs_of(panel: Panel, horizon: int, windows: int, step_size: int) -> Cutoffs:
    """The last cutoffs of the series that have a value before their first one.

    Raises:
        ConfigError: a count is below 1.
        DataError: no series is long enough.
    """
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
    panel, left_out = panel.take(kept), tuple(panel.ids[i] for i in short)
    origins = cutoffs(panel.lengths, horizon, windows, step_size)
    return Cutoffs(panel, left_out, origins, horizon)


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


def _times(panel: Panel, steps: Ints) -> list[Any]:
    """The time of one step of each series."""
    return list(panel.frequency.times(panel.starts, steps))
