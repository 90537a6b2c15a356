"""Carrying states forward with a model: from what is kept to the newest point.

No store and no request in here: a `Journey` says from which state, over which values,
`carry` walks all of them at once, `forecast` reads forecasts off the states.
Letters: `N` series, `S` state, `H` horizon, `Q` quantiles of the model, `W` wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.anomaly import scores
from forecaster.covariates import Covariates
from forecaster.errors import InputError
from forecaster.frequency import Frequency
from forecaster.streaming import (
    StepModel,
    expect_series,
    forecast_series,
    quantiles_at,
)
from service.errors import Unacceptable
from service.exog import matrix
from service.planning import Plan, frequency_of, times_at
from service.records import Carried, Floats, Grid, Row, State
from service.store import Snapshot


@dataclass(frozen=True, slots=True)
class Live:
    """One version of a model, loaded and warm."""

    name: str
    version: str
    model: StepModel
    covariates: Covariates = field(init=False)  # what it takes beside values

    def __post_init__(self) -> None:
        found = Covariates.read(self.model.manifest.covariates)
        object.__setattr__(self, "covariates", found)

    @property
    def frequency(self) -> Frequency:
        """How long one step of its series is."""
        return frequency_of(self.model.manifest.freq)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which forecasts are asked for; ``horizon`` None means the model's own."""

    horizon: int | None = None
    levels: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    """From a state over values to a new state; ``state`` None begins anew.

    ``exog`` holds what is known of the steps beside their values, by step.
    """

    grid: Grid
    state: State | None
    begin: int  # the step of the first value
    values: Floats
    exog: Mapping[int, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecasts of one series: the times, and a row of values for each level."""

    times: NDArray[Any]  # [H]
    levels: tuple[float, ...]  # [W], among them 0.5
    values: NDArray[np.float32]  # [W, H]


def journey(
    grid: Grid, carried: Carried | None, plan: Plan, log: Snapshot | None
) -> Journey:
    """Return the way from what is kept to the end of the plan.

    With a state of the newest step at hand, and points behind it, nothing of the log
    is read. Otherwise the missing part of it is: all that is kept when history is
    rewritten.
    """
    kept = carried.kept if carried is not None else None
    if carried is not None and plan.span.revision != carried.span.revision:
        kept = None
    begin = plan.span.kept if kept is None else kept.end
    values = np.full(plan.span.end - begin, np.nan)
    exog: dict[int, Row] = {}
    if carried is not None and log is not None and begin < carried.span.end:
        known = log.values(carried.pk, begin, carried.span.end)
        values[: len(known)] = known
        exog |= log.exog(carried.pk, begin, carried.span.end)
    values[plan.steps - begin] = plan.values
    state = None if kept is None else kept.state
    return Journey(grid, state, begin, values, {**exog, **plan.exog})


def carry(
    model: StepModel, journeys: Sequence[Journey]
) -> tuple[NDArray[np.float32], list[Floats]]:
    """Return the states [N, S] at the end of each journey, and how unusual values were.

    The second are the anomaly scores of the values of each journey, NaN where one is
    missing or nothing was expected of it yet.
    """
    states = model.initial_state(len(journeys)).copy()
    for row, one in enumerate(journeys):
        if one.state is not None:
            states[row] = one.state
    if not any(len(one.values) for one in journeys):
        return states, [one.values for one in journeys]
    starts = [times_at(one.grid, np.array([one.begin]))[0] for one in journeys]
    values = [one.values for one in journeys]
    covariates = Covariates.read(model.manifest.covariates)
    exog = [
        matrix(covariates, one.exog, one.begin, len(one.values)) for one in journeys
    ]
    # What overflows is found and refused afterwards, series by series.
    with np.errstate(over="ignore", invalid="ignore"):
        states, expected = expect_series(model, states, values, starts, exog)
        unusual = scores(  # all at once: one by one they cost more than the model
            np.concatenate(values), np.concatenate(expected), model.manifest.quantiles
        )
    ends = np.cumsum([len(one) for one in values])
    return states, np.split(unusual, ends[:-1])


def levels_of(wanted: Wanted, known: tuple[float, ...]) -> tuple[float, ...]:
    """Return the quantile levels that answer a wish, the median among them.

    >>> levels_of(Wanted(levels=(80,)), (0.1, 0.5, 0.9))
    (0.1, 0.5, 0.9)
    """
    sides = [share_of(level) for level in wanted.levels]
    asked = {side for pair in sides for side in pair} | set(wanted.quantiles)
    return tuple(sorted({0.5} | (asked or set(known))))


def check_levels(wanted: Wanted, known: tuple[float, ...]) -> None:
    """Raise Unacceptable unless a model of these quantiles can answer a wish."""
    try:
        quantiles_at(
            known, np.zeros((1, len(known)), np.float32), levels_of(wanted, known)
        )
    except InputError as error:
        raise Unacceptable(str(error), "level") from error


def share_of(level: float) -> tuple[float, float]:
    """Return the two quantile levels that bound a central interval of ``level`` %.

    >>> share_of(80)
    (0.1, 0.9)
    """
    return round(0.5 - level / 200, 9), round(0.5 + level / 200, 9)


def forecast(
    model: StepModel,
    states: NDArray[np.float32],
    ends: Sequence[tuple[Grid, int]],
    wanted: Wanted,
    ahead: Sequence[NDArray[np.float32]],
) -> list[Forecast]:
    """Return the forecasts after the last step of each series.

    Args:
        model: reads forecasts off states.
        states: [N, S].
        ends: of each series the grid, and the step after the last.
        wanted: horizon and levels.
        ahead: of each series what is known of the steps ahead [K, futr].
    """
    known = model.manifest.quantiles
    levels = levels_of(wanted, known)
    horizon = wanted.horizon or model.manifest.horizon
    last = [times_at(grid, np.array([end - 1]))[0] for grid, end in ends]
    with np.errstate(over="ignore", invalid="ignore"):
        raw = forecast_series(model, states, last, horizon, ahead)
        values = quantiles_at(known, raw, levels)
    return [
        Forecast(
            times_at(grid, end + np.arange(horizon)),
            levels,
            np.ascontiguousarray(values[row].T),
        )
        for row, (grid, end) in enumerate(ends)
    ]
