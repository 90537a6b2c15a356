"""Engines on one database beside the reference: asked the same, compared in everything."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import note

from forecaster.covariates import Column, Covariates
from forecaster.frequency import Frequency
from forecaster.settings import Limits
from forecaster.streaming import forecast_series
from service.carrying import Live, Wanted
from service.database import open_database
from service.engine import Engine
from service.errors import AllRefused, StoreFailure, UnknownSeries
from service.exchange import Ask
from service.exog import Given
from service.metrics import Metrics
from service.placing import Points
from service.problems import status_of
from service.records import Change
from service.store import Store
from service.work import Result
from tests.service.fakes import FakeModel, manifest, states_of
from tests.service.reference import How, Said, Sent, Truth, told
from tests.service.strategies import IDS, MAX_GAP, Request
from tests.service.test_engine import BEGIN, HOUR, OneModel

HORIZON = 4
LIMITS = Limits(max_gap=MAX_GAP, max_points=500, max_horizon=40)
TAKEN = Covariates((Column("promo", "futr"), Column("size", "stat")))
WEIGHTS = {"v1": 0.25, "v2": 0.5}
CLOSE = 1e-5


class RoughStore(Store):
    """A store to whose next commit something happens."""

    trouble: Callable[[Callable[[], set[str]], Sequence[Change]], set[str]] | None = (
        None
    )

    def commit(self, name: str, version: str, changes: Sequence[Change]) -> set[str]:
        """Write the changes, if nothing comes between."""
        trouble, self.trouble = self.trouble, None
        if trouble is None:
            return super().commit(name, version, changes)
        return trouble(
            lambda: super(RoughStore, self).commit(name, version, changes), changes
        )


class Beside:
    """Two processes on one database, and what must be kept there."""

    def __init__(self, url: str, name: str, frequency: str) -> None:
        self.url, self.name, self.frequency = url, name, frequency
        self.truths: dict[str, Truth] = {}
        self.models = {
            version: FakeModel(
                manifest(frequency, horizon=HORIZON, covariates=TAKEN), weight
            )
            for version, weight in WEIGHTS.items()
        }
        self.serving = OneModel(Live(name, "v1", self.models["v1"]))
        self.stores = [self.opened(), self.opened()]
        self.engines = [self.engine_on(store) for store in self.stores]
        self.reader = Store(open_database(url))

    def opened(self) -> RoughStore:
        """A connection to the database, as each process has its own."""
        return RoughStore(open_database(self.url))

    def engine_on(self, store: Store) -> Engine:
        """An engine, as each process has its own."""
        return Engine(self.serving, store, LIMITS, Metrics(), pause=lambda _: None)

    def close(self) -> None:
        """End all processes."""
        for store in (*self.stores, self.reader):
            store.close()

    def restart(self, which: int) -> None:
        """A process ends, and another one begins."""
        self.stores[which].close()
        self.stores[which] = self.opened()
        self.engines[which] = self.engine_on(self.stores[which])

    def promote(self, version: str) -> None:
        """Another version is the champion now, or the older one again."""
        self.serving.live = Live(self.name, version, self.models[version])

    def forget(self, which: int, unique_id: str) -> None:
        """A series is deleted."""
        if self.truths.pop(unique_id, None) is not None:
            self.engines[which].forget(unique_id, None)
            return
        with pytest.raises(UnknownSeries):
            self.engines[which].forget(unique_id, None)

    def look(self, which: int, unique_id: str) -> None:
        """What is shown of a series is what was sent, and its forecast."""
        if unique_id not in self.truths:
            with pytest.raises(UnknownSeries):
                self.engines[which].portray(unique_id, None)
            return
        portrait = self.engines[which].portray(unique_id, None)
        values, _ = self.truths[unique_id].history()
        np.testing.assert_array_equal(portrait.values, values[-100:])
        assert portrait.forecast is not None
        expected = self.forecast(self.truths[unique_id], (), HORIZON)
        same(portrait.forecast.values, expected)

    def request(
        self, parts: tuple[Sent, ...], how: How, wanted: Wanted | None
    ) -> Request:
        """The request with the steps that its points are meant for."""
        placed = []
        for one in parts:
            truth = self.truths.get(one.unique_id, Truth(0, 0))
            begin = truth.first if one.counted_from == "first" else truth.end
            steps = one.steps and tuple(begin + step for step in one.steps)
            placed.append(replace(one, steps=steps))
        return Request(tuple(placed), how, wanted)

    def how(self, request: Request) -> How:
        """What holds for the request here."""
        begins_at = 1 if self.frequency == "1" else None
        limits = LIMITS.max_horizon if request.wanted is None else HORIZON
        horizon = (request.wanted and request.wanted.horizon) or limits
        return replace(
            request.how, begins_at=begins_at, max_gap=MAX_GAP, horizon=horizon
        )

    def ask(self, which: int, request: Request) -> dict[str, Result | int]:
        """Send it; for each series what was done, or the status of a refusal."""
        ask = Ask(
            tuple(self.points(one) for one in request.sent),
            on_conflict=request.how.on_conflict,  # type: ignore[arg-type]
            key=request.how.key,
            stateless=request.stateless,
            wanted=request.wanted,
        )
        try:
            answer = self.engines[which].observe(ask)
        except AllRefused as error:
            note(f"refused: {[one.error.detail for one in error.refusals]}")
            return {str(one.unique_id): status_of(one.error) for one in error.refusals}
        except StoreFailure:
            return {one.unique_id: 503 for one in request.sent}
        assert answer.version == self.serving.live.version
        refused = {str(r.unique_id): status_of(r.error) for r in answer.refusals}
        return {**{r.unique_id: r for r in answer.results}, **refused}

    def points(self, one: Sent) -> Points:
        """The series of a request, as the engine takes it."""
        times = one.steps and tuple(self.time(step) for step in one.steps)
        values = np.array([np.nan if v is None else v for v in one.values])
        futr = {"promo": list(one.promo)} if one.promo else {}
        stat = {} if one.size is None else {"size": one.size}
        return Points(one.unique_id, times, values, Given(futr=futr, stat=stat))

    def judge(
        self,
        request: Request,
        answers: dict[str, Result | int],
        truths: dict[str, Truth],
    ) -> None:
        """Compare answers with those of the reference, and keep what it keeps."""
        assert answers.keys() == {one.unique_id for one in request.sent}
        for one in request.sent:
            said = told(truths.get(one.unique_id), one, self.how(request))
            answer = answers[one.unique_id]
            if isinstance(answer, int):
                empty = request.stateless and said.status == 404
                assert answer == (422 if empty else said.status)
                continue
            self.compare(answer, said, request.wanted)
            assert said.truth is not None
            if truths is self.truths:
                self.truths[one.unique_id] = said.truth

    def compare(self, answer: Result, said: Said, wanted: Wanted | None) -> None:
        """Counts, the last time, the state, the scores and the forecast."""
        truth = said.truth
        assert said.status == 200
        assert truth is not None
        counts = answer.counts
        assert (counts.applied, counts.duplicates, counts.ignored) == (
            said.applied,
            said.duplicates,
            said.ignored,
        )
        assert answer.span.length == truth.end - truth.first
        assert answer.last_time == self.time(truth.end - 1)
        assert len(answer.scores) == said.applied
        known = answer.scores[~np.isnan(answer.scores)]
        assert ((known >= 0) & (known <= 1)).all()
        model = self.serving.live.model
        same(answer.state, self.state(model, truth, truth.end))
        assert (answer.forecast is None) == (wanted is None)
        if answer.forecast is not None and wanted is not None:
            expected = self.forecast(truth, said.ahead, wanted.horizon or HORIZON)
            same(answer.forecast.values, expected)

    def state(self, model: Any, truth: Truth, end: int) -> np.ndarray:
        """One pass over the history, step by step."""
        return states_of(model, *truth.history(end))

    def forecast(
        self, truth: Truth, ahead: tuple[float, ...], horizon: int
    ) -> np.ndarray:
        """The forecast after one pass over the history [Q, H]."""
        model: Any = self.serving.live.model
        last = Frequency(self.frequency).parse_time(self.time(truth.end - 1))
        known = np.array(ahead, np.float32)[:, None]
        state = self.state(model, truth, truth.end)[None]
        return forecast_series(model, state, [last], horizon, [known])[0].T

    def time(self, step: int) -> Any:
        """The time of a step, as it is written."""
        if self.frequency == "1":
            return step
        return f"{np.datetime_as_string(BEGIN + step * HOUR, unit='s')}"

    def shown(self, start: int, step: int) -> Any:
        """The time of a step of a grid, as it is written."""
        if self.frequency == "1":
            return start + step
        return f"{np.datetime_as_string(np.datetime64(start, 'us') + step * HOUR, unit='s')}"

    def check_kept(self) -> None:
        """The log holds what was sent, and every state has seen it once."""
        with self.reader.snapshot() as log:
            for version, model in self.models.items():
                found = log.carried(self.name, version, IDS)
                assert found.keys() == self.truths.keys()
                for unique_id, carried in found.items():
                    truth = self.truths[unique_id]
                    first, end = carried.span.first, carried.span.end
                    values, _ = truth.history()
                    assert self.shown(carried.grid.start, first) == self.time(
                        truth.first
                    )
                    assert carried.span.length == len(values)
                    stored = log.values(carried.pk, first, end)
                    np.testing.assert_array_equal(stored, values)
                    if carried.kept is not None:
                        seen = truth.first + carried.kept.end - first
                        same(carried.kept.state, self.state(model, truth, seen))
            page = log.page(self.name, "", ("", ""), 9)
        assert [one.unique_id for one in page] == sorted(self.truths)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Numbers agree within what is promised, beside the largest of them."""
    size = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=CLOSE, atol=CLOSE * size)
