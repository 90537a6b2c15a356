"""Statistical baselines of a backtest, by `statsforecast`, an optional extra.

Each model is fitted anew at each cutoff to all that precedes it, gaps filled with the
value before, in as many processes as there are cores. Its mean stands for the median.
Shapes: `N` series, `W` windows, `H` horizon, `Q` quantiles.
"""

import inspect
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from forecaster.baselines import forward_fill, seasonal_naive
from forecaster.errors import ConfigError
from forecaster.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Say = Callable[[str], None]

# The models of statsforecast that know intervals of any level.
MODELS = (
    "AutoARIMA",
    "AutoCES",
    "AutoETS",
    "AutoTheta",
    "DynamicOptimizedTheta",
    "DynamicTheta",
    "Holt",
    "HoltWinters",
    "OptimizedTheta",
    "Theta",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What each fit is asked for."""

    horizon: int
    levels: tuple[float, ...]  # the `Q` probabilities
    season_length: int


def check(names: Sequence[str]) -> None:
    """Refuse, before any work is done, baselines that could not be fitted.

    Raises:
        ConfigError: there is no such model, or statsforecast is not installed.
    """
    for name in names:
        if name not in MODELS:
            raise ConfigError(
                f"--baselines: expected some of {', '.join(MODELS)}; got {name!r}"
            )
    if names and find_spec("statsforecast") is None:
        raise ConfigError(
            "--baselines: expected statsforecast, which is not installed. Install it with: "
            "pip install 'forecaster[stats]', or from a clone: pip install -e '.[stats]'"
        )


def forecast_all(
    panel: Panel, origins: Ints, shape: Shape, names: Sequence[str], say: Say
) -> dict[str, Floats]:
    """Quantiles `[N, W, H, Q]` of each model, by name.

    Where a model cannot be fitted, to three values for instance, the seasonal naive
    forecast stands in; `say` is told how often.

    Args:
        panel: `N` series.
        origins: `[N, W]`, how many values are known at each cutoff.
        shape: horizon, levels and season.
        names: some of `MODELS`.
        say: takes lines of progress.
    """
    histories = [
        forward_fill(panel.values_of(i))[:end]
        for i, ends in enumerate(origins)
        for end in ends
    ]
    found = {}
    workers = max(1, min(os.cpu_count() or 1, len(histories)))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for name in names:
            say(f"fitting {name} {len(histories)} times, {workers} at once")
            fit = partial(fitted, name, shape)
            each = pool.map(
                fit, histories, chunksize=-(-len(histories) // (8 * workers))
            )
            found[name] = _filled(name, list(each), histories, shape, say)
    size = (*origins.shape, shape.horizon, len(shape.levels))
    return {name: quantiles.reshape(size) for name, quantiles in found.items()}


def fitted(name: str, shape: Shape, history: Floats) -> Floats | None:
    """Quantiles `[H, Q]` after a history `[T]`; None where the model cannot be fitted."""
    from statsforecast import models  # optional, and slow to import

    maker = getattr(models, name)
    seasonal = "season_length" in inspect.signature(maker).parameters
    model = maker(**({"season_length": shape.season_length} if seasonal else {}))
    percents = sorted({_percent(p) for p in shape.levels if p != 0.5})
    try:
        with np.errstate(all="ignore"):
            answer = model.forecast(y=history, h=shape.horizon, level=percents)
    except Exception:  # noqa: BLE001 - whatever a short or constant series makes it raise
        return None
    columns = [_column(answer, p) for p in shape.levels]
    quantiles = np.stack(columns, axis=-1).astype(np.float64)
    return np.sort(quantiles, axis=-1) if np.isfinite(quantiles).all() else None


def _column(answer: dict[str, Floats], probability: float) -> Floats:
    if probability == 0.5:
        return answer["mean"]
    side = "lo" if probability < 0.5 else "hi"
    return answer[f"{side}-{_percent(probability)}"]


def _percent(probability: float) -> float | int:
    """The central interval that a quantile bounds, a whole number where it is one.

    >>> _percent(0.025), _percent(0.9)
    (95, 80)
    """
    percent = round(abs(200.0 * probability - 100.0), 6)
    return int(percent) if percent == int(percent) else percent


def _filled(
    name: str,
    forecasts: Sequence[Floats | None],
    histories: Sequence[Floats],
    shape: Shape,
    say: Say,
) -> Floats:
    """All of them `[N * W, H, Q]`, the seasonal naive one where there is none."""
    absent = sum(one is None for one in forecasts)
    if absent:
        say(f"{name} could not be fitted {absent} times; SeasonalNaive stands in there")
    return np.stack(
        [
            seasonal_naive(
                history,
                np.array([len(history)]),
                shape.horizon,
                shape.levels,
                shape.season_length,
            )[0]
            if one is None
            else one
            for one, history in zip(forecasts, histories, strict=True)
        ]
    )
