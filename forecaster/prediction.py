"""Forecasts after the end of each series: prime the states, then read them off.

Shapes: `N` series, `H` horizon, `Q` quantiles, `L` levels of intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.covariates import Covariates, per_series
from forecaster.errors import ArtifactError, ConfigError
from forecaster.panel import Panel
from forecaster.streaming import (
    StepModel,
    advance_series,
    forecast_series,
    quantiles_at,
)

Floats = NDArray[np.float32]
Levels = tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """What comes after the end of each series, with central intervals.

    Attributes:
        ids: the `N` series.
        times: `[N, H]`, datetime64 or whole numbers.
        median: `[N, H]`.
        intervals: low and high `[N, H]` by column suffix: "lo-80", "hi-80", …
    """

    ids: tuple[str, ...]
    times: NDArray[Any]
    median: Floats
    intervals: dict[str, Floats]


def predict(
    model: StepModel, panel: Panel, horizon: int, levels: Sequence[float]
) -> Forecasts:
    """Forecast `horizon` steps after the last step of each series.

    Args:
        model: a loaded artefact, or anything with its methods.
        panel: `N` series of the model's frequency.
        horizon: `H`; beyond the model's own, medians are fed back.
        levels: percentages such as 80, see `check_levels`.
    """
    last = list(panel.frequency.times(panel.starts, panel.lengths - 1))
    values = [panel.values_of(i) for i in range(len(panel))]
    exog = per_series(Covariates.read(model.manifest.covariates), panel)
    states = advance_series(
        model, model.initial_state(len(panel)), values, list(panel.starts), exog.rows
    )
    ahead = [exog.known[i][len(values[i]) :] for i in range(len(panel))]
    quantiles = forecast_series(model, states, last, horizon, ahead)
    check_finite(quantiles, panel.ids)
    wanted = {"median": 0.5, **interval_probabilities(levels)}
    found = quantiles_at(model.manifest.quantiles, quantiles, list(wanted.values()))
    columns = {name: found[..., k] for k, name in enumerate(wanted)}
    return Forecasts(
        ids=panel.ids,
        times=_times_after(panel, horizon),
        median=columns.pop("median"),
        intervals=columns,
    )


def interval_probabilities(levels: Sequence[float]) -> dict[str, float]:
    """The quantiles that bound central intervals, by the suffix of their columns.

    >>> interval_probabilities([95, 80])
    {'lo-80': 0.1, 'hi-80': 0.9, 'lo-95': 0.025, 'hi-95': 0.975}
    """
    return {
        f"{side}-{level:g}": (100.0 + sign * level) / 200.0
        for level in sorted(set(levels))
        for side, sign in (("lo", -1.0), ("hi", 1.0))
    }


def check_levels(levels: Sequence[float], quantiles: Sequence[float]) -> None:
    """Refuse an interval that is wider than the widest the model knows.

    >>> check_levels([80, 99], quantiles=(0.025, 0.5, 0.975))
    Traceback (most recent call last):
    forecaster.errors.ConfigError: level 99: this model knows intervals up to 95. ...
    """
    widest = 100.0 * min(1.0 - 2.0 * quantiles[0], 2.0 * quantiles[-1] - 1.0)
    for level in levels:
        if level > widest + 1e-9:
            raise ConfigError(
                f"level {level:g}: this model knows intervals up to {widest:g}. "
                "Ask for that level or a lower one"
            )


def check_finite(quantiles: NDArray[np.floating], ids: Sequence[str]) -> None:
    """Refuse forecasts `[N, ...]` that are no numbers, naming the first such series."""
    axes = tuple(range(1, quantiles.ndim))
    wrong = ~np.isfinite(quantiles).all(axis=axes)
    if wrong.any():
        raise ArtifactError(
            f"the forecast of series {ids[int(wrong.argmax())]!r} is not a number; "
            "expected a finite one. Train again, or choose another version"
        )


def long_columns(forecasts: Forecasts, name: str) -> dict[str, NDArray[Any]]:
    """One row per series and step: `unique_id, ds, NAME, NAME-lo-80, NAME-hi-80, …`."""
    horizon = forecasts.times.shape[1]
    return {
        "unique_id": np.repeat(np.array(forecasts.ids, object), horizon),
        "ds": forecasts.times.ravel(),
        name: forecasts.median.ravel(),
        **{f"{name}-{key}": v.ravel() for key, v in forecasts.intervals.items()},
    }


def _times_after(panel: Panel, horizon: int) -> NDArray[Any]:
    """The times `[N, H]` of the steps after the last of each series."""
    steps = panel.lengths[:, None] + np.arange(horizon)
    starts = np.repeat(panel.starts, horizon)
    return panel.frequency.times(starts, steps.ravel()).reshape(steps.shape)
