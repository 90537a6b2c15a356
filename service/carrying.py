"""Carrying states forward with a model: from what is kept to the newest point.

No store and no request in here: a `Journey` says from which state, over which values,
`carry` walks all of them at once, `forecast` reads forecasts off the states.
Letters: `N` series, `S` state, `H` horizon, `Q` quantiles of the model, `W` wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
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
    step_series,
)
from service.errors import Unacceptable
from service.exog import matrix
from service.grids import frequency_of, times_of
from service.planning import Plan
from service.records import Carried, Floats, Grid, Row, State
from service.store import Snapshot


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which forecasts are asked for; ``horizon`` None means the model's own."""

    horizon: int | None = None
    levels: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()


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

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The levels it forecasts [Q]."""
        return self.model.manifest.quantiles

    def horizon_of(self, wanted: Wanted) -> int:
        """How many steps are wanted."""
        return wanted.horizon or self.model.manifest.horizon


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

    @property
    def end(self) -> int:
        """The step behind the last value."""
        return self.begin + len(self.values)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecasts of one series: the times, and a row of values for each level."""

    times: NDArray[Any]  # [H]
    levels: tuple[float, ...]  # [W], among them 0.5
    values: NDArray[np.float32]  # [W, H]


def journey(
    version: str,
    grid: Grid,
    carried: Carried | None,
    plan: Plan,
    log: Snapshot | None,
) -> Journey:
    """Return the way from what is kept to the end of the plan.

    With a state of the newest step at hand, and points behind it, nothing of the log
    is read. Otherwise the missing part of it is: where history is rewritten that from the
    last of the `milestones` before, or all that is kept.
    """
    kept = carried.kept if carried is not None else None
    if carried is not None and plan.span.revision != carried.span.revision:
        kept = None if log is None else log.milestone(carried, version, plan.steps)
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
    live: Live, journeys: Sequence[Journey]
) -> tuple[NDArray[np.float32], list[Floats]]:
    """Return the states [N, S] at the end of each journey, and how unusual values were.

    The second are the anomaly scores of the values of each journey, NaN where one is
    missing or nothing was expected of it yet.
    """
    states = _begun(live, journeys)
    values = [one.values for one in journeys]
    if not any(len(one) for one in values):
        return states, values
    # What overflows is found and refused afterwards, series by series.
    with np.errstate(over="ignore", invalid="ignore"):
        states, expected = expect_series(
            live.model, states, values, _starts(journeys), _exog(live, journeys)
        )
        unusual = scores(  # all at once: one by one they cost more than the model
            np.concatenate(values), np.concatenate(expected), live.quantiles
        )
    ends = np.cumsum([len(one) for one in values])
    return states, np.split(unusual, ends[:-1])


def carry_one(
    live: Live, journeys: Sequence[Journey], ahead: Sequence[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], list[Floats], NDArray[np.float32]]:
    """`carry` for journeys of one value each, with forecasts of the model's horizon.

    One call of the model where `carry` and `forecasts` need two.

    Args:
        live: the model.
        journeys: of one value.
        ahead: of each series what is known of the steps behind it [K, futr].

    Returns:
        States [N, S], anomaly scores, quantiles [N, H, Q].
    """
    values = np.concatenate([one.values for one in journeys])
    with np.errstate(over="ignore", invalid="ignore"):
        states, expected, found = step_series(
            live.model,
            _begun(live, journeys),
            values,
            _starts(journeys),
            _exog(live, journeys),
            _known(live, ahead),
        )
        unusual = scores(values, expected, live.quantiles)
    return states, list(unusual[:, None]), found


def _begun(live: Live, journeys: Sequence[Journey]) -> NDArray[np.float32]:
    """Return the states that the journeys begin with [N, S]."""
    states = live.model.initial_state(len(journeys)).copy()
    for row, one in enumerate(journeys):
        if one.state is not None:
            states[row] = one.state
    return states


def _starts(journeys: Sequence[Journey]) -> Any:
    """Return the times of the first values [N]."""
    begins = np.array([one.begin for one in journeys])
    return times_of([one.grid for one in journeys], begins[:, None])[:, 0]


def _exog(live: Live, journeys: Sequence[Journey]) -> list[NDArray[np.float32]] | None:
    """Return the covariates of the values; None for a model without any."""
    if not live.covariates.columns:
        return None
    return [
        matrix(live.covariates, one.exog, one.begin, len(one.values))
        for one in journeys
    ]


def _known(
    live: Live, ahead: Sequence[NDArray[np.float32]]
) -> Sequence[NDArray[np.float32]] | None:
    return ahead if live.covariates.columns else None


def levels_of(wanted: Wanted, known: tuple[float, ...]) -> tuple[float, ...]:
    """Return the quantile levels that answer a wish, the median among them.

    >>> levels_of(Wanted(levels=(80,)), (0.1, 0.5, 0.9))
    (0.1, 0.5, 0.9)
    """
    sides = [share_of(level) for level in wanted.levels]
    asked = {side for pair in sides for side in pair} | set(wanted.quantiles)
    return tuple(sorted({0.5} | (asked or set(known))))


@lru_cache(maxsize=1024)  # the same few wishes, with each request
def check_levels(wanted: Wanted, known: tuple[float, ...]) -> None:
    """Raise Unacceptable unless a model of these quantiles can answer a wish."""
    try:
        quantiles_at(
            known, np.zeros((1, len(known)), np.float32), levels_of(wanted, known)
        )
    except InputError as error:
        loc = "quantiles" if wanted.quantiles else "level"
        raise Unacceptable(str(error), loc) from error


def share_of(level: float) -> tuple[float, float]:
    """Return the two quantile levels that bound a central interval of ``level`` %.

    >>> share_of(80)
    (0.1, 0.9)
    """
    return round(0.5 - level / 200, 9), round(0.5 + level / 200, 9)


def forecasts(
    live: Live,
    states: NDArray[np.float32],
    ends: Sequence[tuple[Grid, int]],
    horizon: int,
    ahead: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Return the quantiles [N, horizon, Q] after the last step of each series.

    Args:
        live: the model, which reads forecasts off states.
        states: [N, S].
        ends: of each series the grid, and the step after the last.
        horizon: how many steps.
        ahead: of each series what is known of the steps ahead [K, futr].
    """
    last = np.array([end - 1 for _, end in ends])
    times = times_of([grid for grid, _ in ends], last[:, None])[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):
        return forecast_series(live.model, states, times, horizon, _known(live, ahead))


def shown(
    live: Live,
    quantiles: NDArray[np.float32],
    ends: Sequence[tuple[Grid, int]],
    wanted: Wanted,
) -> list[Forecast]:
    """Return forecasts as they are wanted, from quantiles [N, H or more, Q].

    Args:
        live: the model.
        quantiles: of each series.
        ends: of each series the grid, and the step after the last.
        wanted: horizon and levels.
    """
    levels = levels_of(wanted, live.quantiles)
    horizon = live.horizon_of(wanted)
    with np.errstate(over="ignore", invalid="ignore"):
        values = quantiles_at(live.quantiles, quantiles[:, :horizon], levels)
    rows = np.ascontiguousarray(values.transpose(0, 2, 1))
    steps = np.array([end for _, end in ends])[:, None] + np.arange(horizon)
    times = times_of([grid for grid, _ in ends], steps)
    return [Forecast(one, levels, row) for one, row in zip(times, rows, strict=True)]
