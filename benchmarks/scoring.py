"""The scores of forecasts on a benchmark set, each by the convention of its kind.

Every score is an average over series of what is pooled over the test points of a
series, missing ones left out; coverage is pooled over all points of all series. `OWA`
is a ratio of averages, to those of Naive2. `MSE` and `MAE` of the long-horizon sets are
on the scale of each series standardised by what a model may be fitted on.

Letters: `N` series, `W` windows, `H` horizon, `Q` quantiles.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from forecaster import metrics
from forecaster.baselines import seasonal_naive

Floats = NDArray[np.float64]
Scores = dict[str, float]
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def score(case: Case, quantiles: Floats, levels: Sequence[float]) -> Scores:
    """All scores of quantiles `[N, W, H, Q]` at the origins of a set."""
    median = metrics.at(quantiles, levels, 0.5)
    scores = score_points(case, median)
    actual = _pooled(case.actual)
    low, high = metrics.interval(quantiles, levels, 95)
    msis = metrics.msis(actual, _pooled(low), _pooled(high), case.scales, level=95)
    scores["MSIS-95"] = float(metrics.average(msis))
    for level in (80, 95):
        low, high = metrics.interval(quantiles, levels, level)
        inside = metrics.coverage(actual.ravel(), low.ravel(), high.ravel())
        scores[f"coverage-{level}"] = float(inside)
    return scores


def score_points(case: Case, forecast: Floats) -> Scores:
    """The scores of point forecasts `[N, W, H]`."""
    actual, forecast = _pooled(case.actual), _pooled(forecast)
    if case.spec.kind == "long":
        return _standardised(case, actual, forecast)
    found = {
        "sMAPE": metrics.smape(actual, forecast),
        "MASE": metrics.mase(actual, forecast, case.scales),
    }
    if case.spec.kind == "rolling":
        found["MAE"] = metrics.mae(actual, forecast)
    scores = {name: float(metrics.average(each)) for name, each in found.items()}
    if case.spec.kind == "competition":
        scores["OWA"] = _owa(case, scores)
    return scores


def bars(case: Case) -> dict[str, Scores]:
    """The scores of Naive, of SeasonalNaive for each season, and of a competition's Naive2."""
    names = {1: "Naive"} | {m: f"SeasonalNaive {m}" for m in case.spec.seasons if m > 1}
    found = {
        name: score(case, seasonal_quantiles(case, season), LEVELS)
        for season, name in names.items()
    }
    if case.spec.kind == "competition":
        found["Naive2"] = score_points(case, case.naive2)
    return found


def seasonal_quantiles(
    case: Case, season_length: int, levels: Sequence[float] = LEVELS
) -> Floats:
    """The last season before each origin with its intervals, `[N, W, H, Q]`."""
    spec, panel = case.spec, case.panel
    return np.stack(
        [
            seasonal_naive(
                panel.values_of(i), ends, spec.horizon, levels, season_length
            )
            for i, ends in enumerate(case.origins)
        ]
    )


def _owa(case: Case, scores: Scores) -> float:
    """The mean of two ratios to Naive2 (1.0 for Naive2 itself)."""
    actual, unit = _pooled(case.actual), _pooled(case.naive2)
    smape = float(metrics.average(metrics.smape(actual, unit)))
    mase = float(metrics.average(metrics.mase(actual, unit, case.scales)))
    return (scores["sMAPE"] / smape + scores["MASE"] / mase) / 2


def _standardised(case: Case, actual: Floats, forecast: Floats) -> Scores:
    """Squared and absolute error `[N, P]`, each series in units of its deviation."""
    training = case.training
    deviation = [np.nanstd(training.values_of(i)) for i in range(len(training))]
    error = (actual - forecast) / np.array(deviation)[:, None]
    return {
        "MSE": float(metrics.average(metrics.average(error**2))),
        "MAE": float(metrics.average(metrics.average(np.abs(error)))),
    }


def _pooled(values: Floats) -> Floats:
    """The windows `[N, W, H]` of each series as points `[N, P]`."""
    return np.asarray(values.reshape(len(values), -1))
