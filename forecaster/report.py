"""What an evaluation found: forecasts at every cutoff, and their scores.

Shapes: `N` series, `W` windows, `H` horizon, `Q` quantiles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics, scoring
from forecaster.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INTERVALS = (80, 95)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a model and the naive bars forecast at each cutoff, and how well.

    Attributes:
        panel: the `N` series that are long enough.
        left_out: ids of the series that are not.
        origins: `[N, W]`, how many values of each series were known at each cutoff.
        levels: the `Q` probabilities of the quantiles.
        forecasts: quantiles `[N, W, H, Q]` by name: the model, then the baselines.
        scale: `[N]`, the scale of MASE and MSIS, from before the first cutoff.
        scores: one value per series `[N]` by name and measure (`metrics.NAMES`).
    """

    panel: Panel
    left_out: tuple[str, ...]
    origins: Ints
    levels: tuple[float, ...]
    forecasts: Mapping[str, Floats]
    scale: Floats
    scores: Mapping[str, Mapping[str, Floats]]

    @property
    def horizon(self) -> int:
        """How many steps were forecast at each cutoff, `H`."""
        return int(next(iter(self.forecasts.values())).shape[2])

    @property
    def actual(self) -> Floats:
        """The values that came after each cutoff, `[N, W, H]`, NaN where missing."""
        return actual_values(self.panel, self.origins, self.horizon)

    @property
    def name(self) -> str:
        """The model that is evaluated; the other forecasts are baselines."""
        return next(iter(self.forecasts))

    @property
    def baselines(self) -> tuple[str, ...]:
        """What the model is compared with."""
        return tuple(self.forecasts)[1:]

    @property
    def judged(self) -> scoring.Judged:
        """What the scores are scores of."""
        return scoring.Judged(self.actual, self.forecasts, self.levels, self.scale)

    def summary(self) -> dict[str, dict[str, float]]:
        """The average over series of each measure, by name (`scoring.averaged`)."""
        return scoring.averaged(self.scores)

    def __repr__(self) -> str:
        series, windows = self.origins.shape
        return (
            f"Report({', '.join(self.forecasts)}: {series} series, {windows} windows of "
            f"{self.horizon} steps, {len(self.left_out)} series left out)"
        )


def actual_values(panel: Panel, origins: Ints, horizon: int) -> Floats:
    """The `horizon` values after each origin, `[N, W, H]`."""
    steps = origins[..., None] + np.arange(horizon)
    return np.stack([panel.values_of(i)[steps[i]] for i in range(len(panel))])


def long_columns(report: Report) -> dict[str, NDArray[Any]]:
    """The report as columns of equal length, see `long_frame`."""
    return long_frame(report.panel, report.origins, report.levels, report.forecasts)


def long_frame(
    panel: Panel,
    origins: Ints,
    levels: tuple[float, ...],
    forecasts: Mapping[str, Floats],
) -> dict[str, NDArray[Any]]:
    """Forecasts as columns of equal length, one row per series, cutoff and step.

    `unique_id, ds, cutoff, y`, then for each model its median under its name and its
    intervals as `NAME-lo-80, NAME-hi-80, NAME-lo-95, NAME-hi-95`. A cutoff is the time
    of the last value known, as in Nixtla's libraries, so that
    `utilsforecast.evaluation.evaluate` takes the frame as it is.

    Args:
        panel: `N` series.
        origins: `[N, W]`, how many values of each are known at each cutoff.
        levels: the `Q` probabilities of the quantiles.
        forecasts: quantiles `[N, W, H, Q]` by name, at least one.
    """
    horizon = next(iter(forecasts.values())).shape[2]
    steps = origins[..., None] + np.arange(horizon)  # [N, W, H]
    last = np.broadcast_to(origins[..., None] - 1, steps.shape)
    columns: dict[str, NDArray[Any]] = {
        "unique_id": np.repeat(np.array(panel.ids, object), steps[0].size),
        "ds": _grid_times(panel, steps),
        "cutoff": _grid_times(panel, last),
        "y": actual_values(panel, origins, horizon).ravel(),
    }
    for name, quantiles in forecasts.items():
        columns[name] = metrics.at(quantiles, levels, 0.5).ravel()
        for level in INTERVALS:
            low, high = metrics.interval(quantiles, levels, level)
            columns[f"{name}-lo-{level}"] = low.ravel()
            columns[f"{name}-hi-{level}"] = high.ravel()
    return columns


def _grid_times(panel: Panel, steps: Ints) -> NDArray[Any]:
    """The times of `steps[N, W, H]`, flat."""
    starts = np.repeat(panel.starts, steps[0].size)
    return panel.frequency.times(starts, steps.ravel())
