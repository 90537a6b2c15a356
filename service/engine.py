"""The use cases: observe points, forecast, show and forget what is carried.

A request becomes a piece for each of its series; pieces of concurrent requests are done
together (`batching`, `rounds`). Nothing is answered before it is durable.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from forecaster.settings import Limits
from service.batching import Batcher, QueueFull, Sizes, Unfinished
from service.beside import Beside
from service.carrying import Live, Wanted, check_levels
from service.errors import (
    AllRefused,
    Busy,
    Contended,
    Expired,
    Refusal,
    ServiceError,
    StoreFailure,
    Unacceptable,
    Unavailable,
    UnknownSeries,
)
from service.exchange import Answer, Ask, Portrait, forecast_only
from service.grids import times_at
from service.pieces import Allowance, Piece, Rules, Terms
from service.placing import Points
from service.records import Listed
from service.rounds import Outcome, Rounds, Watch, series_of
from service.store import Store
from service.work import Result

MAX_FORECAST_STEPS = 2_000_000  # series times horizon of one request
RECENT = 100  # values shown of a series
NOT_CARRIED = "nothing is carried for that series; GET /series lists what is"


class Models(Protocol):
    """Where the engine finds the model of a request."""

    def get(self, name: str | None) -> Live:
        """The live model of that name; None means the only one."""

    def beside(self, live: Live) -> Beside:
        """What answers for a share of the series beside a live version."""

    def only_name(self) -> str:
        """The name of the only model."""


class Engine:
    """The use cases on one store and the models of one folder."""

    def __init__(
        self,
        models: Models,
        store: Store,
        limits: Limits,
        watch: Watch,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._models = models
        self._store = store
        self._limits = limits
        self._batcher: Batcher[Piece, Outcome] = Batcher(
            Rounds(store, watch, pause).do,
            series_of,
            Sizes(room=limits.max_queue),
            waited=lambda seconds: watch.stage("queue", seconds),
        )

    def observe(self, ask: Ask) -> Answer:
        """Apply the points, durably, and forecast where forecasts are wanted.

        Raises:
            AllRefused: not one series could be served.
            ServiceError: the request as a whole cannot be.
        """
        self._check(ask)
        live = ask.live or self._models.get(ask.name)
        wanted = self._wanted(live, ask)
        _check_steps(len(ask.series), wanted)
        if wanted is not None:
            check_levels(wanted, live.model.manifest.quantiles)
        terms = self._terms(live, ask, wanted)
        once, twice = _apart(ask.series)
        pieces = _pieces(once, terms, self._models.beside(live))
        results, refusals = self._settled(pieces)
        refusals = [*ask.refused, *twice, *refusals]
        if refusals and not results:
            raise AllRefused(tuple(refusals))
        return _answer(live, pieces, results, refusals)

    def portray(self, unique_id: str, name: str | None) -> Portrait:
        """Return what is carried of a series, with a forecast where one can be had."""
        name = self._models.only_name() if name is None else name
        with self._store.snapshot() as log:
            carried = log.carried(name, "", [unique_id]).get(unique_id)
            if carried is None:
                raise UnknownSeries(NOT_CARRIED)
            span = carried.span
            first = max(span.kept, span.end - RECENT)
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

    def _terms(self, live: Live, ask: Ask, wanted: Wanted | None) -> Terms:
        limits = self._limits
        rules = Rules(ask.on_conflict, ask.key, limits.max_gap, limits.max_horizon)
        allowance = Allowance(limits.max_points)
        return Terms(live, rules, wanted, ask.stateless, allowance)

    def _settled(self, pieces: Sequence[Piece]) -> tuple[list[Result], list[Refusal]]:
        """Return what became of each piece, in their order."""
        deadline = time.monotonic() + self._limits.deadline_s
        try:
            outcomes = self._batcher.run(pieces, deadline)
        except QueueFull as error:
            raise Busy(
                "more series wait than the queue has room for (max_queue); try again "
                "after a moment, with fewer series at once"
            ) from error
        results: list[Result] = []
        refusals: list[Refusal] = []
        for piece, outcome in zip(pieces, outcomes, strict=True):
            if isinstance(outcome, Result):
                results.append(outcome)
            else:
                if isinstance(outcome, StoreFailure) and len(pieces) == 1:
                    raise outcome  # not about this series
                why = _late(outcome) if isinstance(outcome, Unfinished) else outcome
                refusals.append(Refusal(piece.points.unique_id, why))
        return results, refusals

    def _wanted(self, live: Live, ask: Ask) -> Wanted | None:
        """Return what is wanted; the model's own horizon only up to the limit."""
        if ask.wanted is None or ask.wanted.horizon is not None:
            return ask.wanted
        horizon = min(live.model.manifest.horizon, self._limits.max_horizon)
        return replace(ask.wanted, horizon=horizon)

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


def _pieces(series: Sequence[Points], terms: Terms, beside: Beside) -> list[Piece]:
    """Return a piece for each series, with the version that answers for it."""
    if beside.live is None:
        return [Piece(points, terms) for points in series]
    tried = replace(terms, live=beside.live)
    return [
        Piece(points, tried if beside.answers_for(points.unique_id) else terms)
        for points in series
    ]


def _answer(
    live: Live,
    pieces: Sequence[Piece],
    results: Sequence[Result],
    refusals: Sequence[Refusal],
) -> Answer:
    """Return the answer: of the one version that answered, or else of the live one."""
    if all(piece.terms.live is live for piece in pieces):  # there is no canary
        return Answer(live.name, live.version, tuple(results), tuple(refusals))
    versions = {piece.points.unique_id: piece.terms.live.version for piece in pieces}
    answered = {versions[result.unique_id] for result in results}
    version = answered.pop() if len(answered) == 1 else live.version
    others = {
        result.unique_id: versions[result.unique_id]
        for result in results
        if versions[result.unique_id] != version
    }
    return Answer(live.name, version, tuple(results), tuple(refusals), others)


def _check_steps(series: int, wanted: Wanted | None) -> None:
    steps = series * (0 if wanted is None else wanted.horizon or 1)
    if steps > MAX_FORECAST_STEPS:
        raise Unacceptable(
            f"{steps} forecast steps are more than one request may ask for (series "
            f"times h, at most {MAX_FORECAST_STEPS}); send fewer series or a smaller h",
            "h",
        )


def _late(piece: Unfinished) -> Unavailable:
    if piece.tries:
        return Contended("others write to this series all the time; try again")
    return Expired(
        "the time for this request was over before its turn came (deadline_s), and "
        "nothing of this series was done; try again after a moment"
    )


def _apart(series: Sequence[Points]) -> tuple[Sequence[Points], list[Refusal]]:
    """Return the series that come once, and refusals of those that come more often."""
    counts = Counter([points.unique_id for points in series])
    if len(counts) == len(series):
        return series, []
    once = [points for points in series if counts[points.unique_id] == 1]
    error = Unacceptable("this series comes twice; send its points in one entry")
    return once, [Refusal(name, error) for name, count in counts.items() if count > 1]
