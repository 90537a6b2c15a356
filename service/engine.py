"""The use cases: observe points, forecast, show and forget what is carried.

A request is planned against one snapshot of the store, walked through the model with
no lock held, and committed by compare-and-swap; a series that somebody else moved in
the meantime is planned again. Nothing is answered before it is durable.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Protocol

import numpy as np

from forecaster.settings import Limits
from service.carrying import Live, Wanted
from service.errors import (
    AllRefused,
    Contended,
    Refusal,
    ServiceError,
    StoreFailure,
    Unacceptable,
    UnknownSeries,
)
from service.exchange import Answer, Ask, Portrait, forecast_only
from service.planning import Points, times_at
from service.records import Listed
from service.store import Store
from service.turns import Turns
from service.work import Result, Rules, plan_all, walk

PATIENCE_S = 10.0  # with a series that others write too: for a turn, then to commit
MAX_FORECAST_STEPS = 2_000_000  # series times horizon of one request
RECENT = 100  # values shown of a series
NOT_CARRIED = "nothing is carried for that series; GET /series lists what is"


class Models(Protocol):
    """Where the engine finds the model of a request."""

    def get(self, name: str | None) -> Live:
        """The live model of that name; None means the only one."""

    def only_name(self) -> str:
        """The name of the only model."""


class Engine:
    """The use cases on one store and the models of one folder."""

    def __init__(
        self,
        models: Models,
        store: Store,
        limits: Limits,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._models = models
        self._store = store
        self._limits = limits
        self._pause = pause
        self._turns = Turns()

    def observe(self, ask: Ask) -> Answer:
        """Apply the points, durably, and forecast where forecasts are wanted.

        Raises:
            AllRefused: not one series could be served.
            ServiceError: the request as a whole cannot be.
        """
        self._check(ask)
        live = self._models.get(ask.name)
        _check_steps(len(ask.series), self._wanted(live, ask))
        with self._turns.taken(_written(live.name, ask), PATIENCE_S):
            results, refusals = self._settle(live, ask, _distinct(ask.series))
        refusals = [*ask.refused, *_twice(ask.series), *refusals]
        if refusals and not results:
            raise AllRefused(tuple(refusals))
        place = {points.unique_id: i for i, points in enumerate(ask.series)}
        results.sort(key=lambda result: place[result.unique_id])
        return Answer(live.name, live.version, tuple(results), tuple(refusals))

    def portray(self, unique_id: str, name: str | None) -> Portrait:
        """Return what is carried of a series, with a forecast where one can be had."""
        name = self._models.only_name() if name is None else name
        with self._store.snapshot() as log:
            carried = log.carried(name, "", [unique_id]).get(unique_id)
            if carried is None:
                raise UnknownSeries(NOT_CARRIED)
            span = carried.span
            first = max(span.first, span.end - RECENT)
            values = log.values(carried.pk, first, span.end)
        listed = Listed(name, unique_id, carried.grid, span)
        times = times_at(carried.grid, np.arange(first, span.end))
        try:
            answer = self.observe(forecast_only(unique_id, name, Wanted()))
        except ServiceError:  # the history can be shown without a model
            return Portrait(listed, times, values, None, None)
        newest = answer.results[0].forecast
        return Portrait(listed, times, values, answer.version, newest)

    def page(
        self, name: str | None, prefix: str, after: tuple[str, str], limit: int
    ) -> list[Listed]:
        """Return up to ``limit`` series, by model name and id, behind ``after``."""
        with self._store.snapshot() as log:
            return log.page(name, prefix, after, limit)

    def forget(self, unique_id: str, name: str | None) -> None:
        """Delete a series, its observations and its states.

        Raises:
            UnknownSeries: there is none.
        """
        name = self._models.only_name() if name is None else name
        if not self._store.drop(name, unique_id):
            raise UnknownSeries(NOT_CARRIED)

    def _settle(
        self, live: Live, ask: Ask, todo: list[Points]
    ) -> tuple[list[Result], list[Refusal]]:
        """Plan, walk and commit until every series is either applied or refused."""
        results: list[Result] = []
        refusals: list[Refusal] = []
        deadline = time.monotonic() + PATIENCE_S
        for attempt in count():
            done, refused = self._walk(live, ask, todo)
            lost = self._commit(live, ask, done)
            results += [result for result in done if result.unique_id not in lost]
            refusals += refused
            todo = [points for points in todo if points.unique_id in lost]
            if not todo or time.monotonic() > deadline:
                break
            self._pause(random.uniform(0, 0.001 * 2 ** min(attempt, 6)))
        contended = Contended("others write to this series all the time; try again")
        return results, [
            *refusals,
            *(Refusal(points.unique_id, contended) for points in todo),
        ]

    def _walk(
        self, live: Live, ask: Ask, todo: Sequence[Points]
    ) -> tuple[list[Result], list[Refusal]]:
        limits = self._limits
        wanted = self._wanted(live, ask)
        horizon = (wanted and wanted.horizon) or limits.max_horizon
        rules = Rules(
            ask.on_conflict, ask.key, limits.max_gap, limits.max_points, horizon
        )
        if ask.stateless:
            jobs, unplanned = plan_all(live, todo, None, rules)
        else:
            with self._store.snapshot() as log:
                jobs, unplanned = plan_all(live, todo, log, rules)
        results, overflown = walk(live, jobs, wanted)
        return results, [*unplanned, *overflown]

    def _wanted(self, live: Live, ask: Ask) -> Wanted | None:
        """Return what is wanted; the model's own horizon only up to the limit."""
        if ask.wanted is None or ask.wanted.horizon is not None:
            return ask.wanted
        horizon = min(live.model.manifest.horizon, self._limits.max_horizon)
        return replace(ask.wanted, horizon=horizon)

    def _commit(self, live: Live, ask: Ask, results: Sequence[Result]) -> set[str]:
        changes = [result.change for result in results if result.change is not None]
        if ask.stateless or not changes:
            return set()
        try:
            return self._store.commit(live.name, live.version, changes)
        except StoreFailure:
            if any(len(change.steps) for change in changes):
                raise
            return set()  # only states would be lost, which the log can give again

    def _check(self, ask: Ask) -> None:
        limits = self._limits
        series = len(ask.series) + len(ask.refused)
        points = sum(len(one.values) for one in ask.series)
        horizon = 1 if ask.wanted is None else ask.wanted.horizon or 1
        for came, limit, loc, name in (
            (series, limits.max_series, "series", "max_series"),
            (points, limits.max_points, "series", "max_points"),
            (horizon, limits.max_horizon, "h", "max_horizon"),
        ):
            if came > limit:
                raise Unacceptable(
                    f"{came} is more than one request may ask for ({name} is {limit})",
                    loc,
                )


def _check_steps(series: int, wanted: Wanted | None) -> None:
    steps = series * (0 if wanted is None else wanted.horizon or 1)
    if steps > MAX_FORECAST_STEPS:
        raise Unacceptable(
            f"{steps} forecast steps are more than one request may ask for (series "
            f"times h, at most {MAX_FORECAST_STEPS}); send fewer series or a smaller h",
            "h",
        )


def _written(name: str, ask: Ask) -> list[tuple[str, str]]:
    """Return the series that a request brings points for, to be kept."""
    if ask.stateless:
        return []
    return [(name, points.unique_id) for points in ask.series if len(points.values)]


def _distinct(series: Sequence[Points]) -> list[Points]:
    counts = Counter(points.unique_id for points in series)
    return [points for points in series if counts[points.unique_id] == 1]


def _twice(series: Sequence[Points]) -> list[Refusal]:
    error = Unacceptable("this series comes twice; send its points in one entry")
    counts = Counter(points.unique_id for points in series)
    return [Refusal(unique_id, error) for unique_id, n in counts.items() if n > 1]
