"""A service beside the reference: asked the same, compared in everything."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from forecaster.frequency import Frequency
from forecaster.streaming import forecast_series
from service import turning
from service.carrying import Wanted
from service.database import reading
from service.errors import UnknownSeries
from service.records import Carried, unpack_state
from service.rendering import portrayed
from service.store import Snapshot
from service.tables import milestones
from service.work import Result
from tests.service.processes import HORIZON, LIMITS, Processes
from tests.service.reference import How, Said, Sent, Truth, told
from tests.service.strategies import IDS, KEYS, MAX_GAP, Request

CLOSE = 1e-5


class Beside(Processes):
    """Two processes on one database, and what must be kept there."""

    def __init__(self, url: str, name: str, frequency: str, folder: Path) -> None:
        super().__init__(url, name, frequency, folder)
        self.truths: dict[str, Truth] = {}
        self.archived: dict[str, Truth] = {}  # series as they were exported
        self.copies: list[dict[str, Any]] = []  # of states

    def forget(self, which: int, unique_id: str) -> None:
        """A series is deleted."""
        if self.truths.pop(unique_id, None) is not None:
            self.engines[which].forget(unique_id, None)
            return
        with pytest.raises(UnknownSeries):
            self.engines[which].forget(unique_id, None)

    def look(self, which: int, unique_id: str) -> None:
        """What is shown of a series is what was sent and is kept, and its forecast."""
        if unique_id not in self.truths:
            with pytest.raises(UnknownSeries):
                self.engines[which].portray(unique_id, None)
            return
        portrait = self.engines[which].portray(unique_id, None)
        request = Request((Sent(unique_id, None, ()),), How(), Wanted())
        said = told(self.truths[unique_id], request.sent[0], self.how(request))
        assert said.truth is not None
        self.truths[unique_id] = truth = said.truth
        shown = portrayed(portrait)
        assert shown["count"] == truth.end - truth.first
        ends = (truth.first, truth.kept, truth.end - 1)
        for key, step in zip(("first_ds", "kept_ds", "last_ds"), ends, strict=True):
            assert shown[key] == self.time(step)
        recent = range(max(truth.kept, truth.end - 100), truth.end)
        assert list(shown["recent"]["ds"]) == [self.time(step) for step in recent]
        np.testing.assert_array_equal(shown["recent"]["y"], truth.known(recent))
        assert portrait.forecast is not None
        same(portrait.forecast.values, self.forecast(truth, (), HORIZON))

    def request(
        self, parts: tuple[Sent, ...], how: How, wanted: Wanted | None
    ) -> Request:
        """The request with the steps that its points are meant for."""
        placed = []
        for one in parts:
            truth = self.truths.get(one.unique_id, Truth(0, 0))
            begin = getattr(truth, one.counted_from)
            steps = one.steps and tuple(begin + step for step in one.steps)
            fitting = one if one.unfitting else self.fitting(one)
            placed.append(replace(fitting, steps=steps))
        return Request(tuple(placed), how, wanted)

    def fitting(self, one: Sent) -> Sent:
        """The same without covariates that the model does not take."""
        takes = self.columns()
        return replace(
            one,
            promo=one.promo if "promo" in takes else (),
            stock=one.stock if "stock" in takes else (),
            size=one.size if "size" in takes else None,
        )

    def how(self, request: Request) -> How:
        """What holds for the request here."""
        return replace(
            request.how,
            begins_at=1 if self.frequency == "1" else None,
            max_gap=MAX_GAP,
            horizon=LIMITS.max_horizon,
            version=self.serving.live.version,
            takes=frozenset(self.columns()),
        )

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
        same(answer.state, self.state(self.serving.live.version, truth))
        assert (answer.forecast is None) == (wanted is None)
        if answer.forecast is not None and wanted is not None:
            expected = self.forecast(truth, said.ahead, wanted.horizon or HORIZON)
            same(answer.forecast.values, expected)

    def state(self, version: str, truth: Truth) -> np.ndarray:
        """One pass of a version over the steps it has seen, one after the other."""
        model, columns = self.models[version], self.columns(version)
        seen = truth.seen[version]
        state = model.initial_state(1)
        for value, row in zip(truth.known(seen), truth.rows(seen), strict=True):
            x = np.full((1, 1, len(model.manifest.features)), np.nan, np.float32)
            x[0, 0, x.shape[2] - len(columns) :] = [row.get(c, np.nan) for c in columns]
            state = model.advance(state, np.array([[value]], np.float32), x)
        return state[0]

    def forecast(
        self, truth: Truth, ahead: tuple[float, ...], horizon: int
    ) -> np.ndarray:
        """The forecast of the version that serves [Q, H]."""
        live = self.serving.live
        last = Frequency(self.frequency).parse_time(self.time(truth.end - 1))
        some = np.array(ahead[:horizon], np.float32)  # more may be known
        known = [some[:, None]] if self.columns() else None
        state = self.state(live.version, truth)[None]
        return forecast_series(live.model, state, [last], horizon, known)[0].T

    def check_kept(self) -> None:
        """The log holds what was sent and not forgotten, and every state has seen it once."""
        with self.reader.snapshot() as log:
            for version in self.models:
                found = log.carried(self.name, version, IDS)
                assert found.keys() == self.truths.keys()
                for unique_id, carried in found.items():
                    self.check_state(version, self.truths[unique_id], carried)
            for unique_id, carried in found.items():
                self.check_log(log, self.truths[unique_id], carried)
            self.check_milestones(found)
            page = log.page(self.name, "", ("", ""), 9)
        assert [one.unique_id for one in page] == sorted(self.truths)

    def check_state(self, version: str, truth: Truth, carried: Carried) -> None:
        """A state is there where one must be, and has seen what it must have."""
        assert (carried.kept is None) == (version not in truth.seen)
        if carried.kept is not None:
            seen = carried.kept.end - carried.span.first
            assert seen == truth.seen[version].stop - truth.first
            same(carried.kept.state, self.state(version, truth))

    def check_milestones(self, found: Mapping[str, Carried]) -> None:
        """Where one may go back to is where one was, of the history as it is now."""
        by_pk = {one.pk: one for one in found.values()}
        with reading(self.database) as connection:
            mine = select(milestones).where(milestones.c.series_pk.in_(by_pk))
            rows = connection.execute(mine).mappings().all()
        for row in rows:
            carried = by_pk[row["series_pk"]]
            span, version, end = carried.span, row["version"], row["end_step"]
            kept = unpack_state({**row}, turning.OF_ANY, end)
            if row["revision"] != span.revision or kept is None:
                continue  # nobody goes back to it
            assert span.pruned == 0
            truth = self.truths[carried.unique_id]
            seen = range(truth.first, truth.first + end - span.first)
            assert len(seen) <= span.length
            same(kept, self.state(version, replace(truth, seen={version: seen})))

    def check_log(self, log: Snapshot, truth: Truth, carried: Carried) -> None:
        """Values and covariates that are kept are those that came, and others are gone."""
        span = carried.span
        assert self.shown(carried.grid.start, span.first) == self.time(truth.first)
        assert (span.length, span.pruned) == (truth.end - truth.first, truth.pruned)
        values = truth.known(range(truth.first, truth.end))
        values[: truth.pruned] = [np.nan] * truth.pruned
        stored = log.values(carried.pk, span.first, span.end)
        np.testing.assert_array_equal(stored, values)
        rows = {step: row for step, row in truth.exog.items() if step >= truth.kept}
        first = truth.rows(range(truth.kept, truth.kept + 1))[0]
        if truth.pruned and first:
            rows[truth.kept] = first
        kept = log.exog(carried.pk, span.first, span.end)
        start = truth.first - span.first
        assert {start + step: kept[step] for step in kept} == rows
        appends = [log.appends(key, [carried.pk]).get(carried.pk) for key in KEYS]
        places = {a.key: (start + a.step, a.count) for a in appends if a}
        assert places == truth.keys


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Numbers agree within what is promised, beside the largest of them."""
    size = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=CLOSE, atol=CLOSE * size)
