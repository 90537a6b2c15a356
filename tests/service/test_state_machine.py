"""Any order of anything that may happen to a series, beside a reference in plain Python.

`FORECASTER_TEST_DEEP=1` looks for an hour rather than for seconds.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from forecaster.settings import Retention
from service import milestones, pruning
from service.carrying import Wanted
from service.errors import StoreFailure
from service.records import Change
from tests.service import upheavals
from tests.service.comparison import Beside
from tests.service.processes import VERSIONS
from tests.service.reference import How, Sent, told
from tests.service.strategies import (
    IDS,
    Request,
    hows,
    keeps,
    several,
    straight,
    wishes,
)

DEEP = bool(os.environ.get("FORECASTER_TEST_DEEP"))
EXAMPLES, STEPS = (3_000, 60) if DEEP else (16, 30)
SEARCH = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink takes minutes
NAMES = count()

either = st.integers(0, 1)  # of the two processes
ids = st.sampled_from(IDS)
versions = st.sampled_from(sorted(VERSIONS))


class Events(RuleBasedStateMachine):
    """What may happen to the series of a service."""

    url = ""  # of the database; each run has a model name of its own in it
    folder = Path()  # for archives
    empty_database: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self.pair: Beside | None = None
        self.last: Request | None = None

    @initialize(
        frequency=st.sampled_from(["6h", "1"]),
        version=versions,
        parts=st.tuples(*map(straight, IDS[:2])),
        later=straight(IDS[0]),
    )
    def begin(
        self, frequency: str, version: str, parts: tuple[Sent, ...], later: Sent
    ) -> None:
        """A service with two series; all versions have seen the beginning of one."""
        self.pair = Beside(self.url, f"demo{next(NAMES)}", frequency, self.folder)
        self.post(0, parts, How(), None)
        for one in (*VERSIONS, version):
            self.pair.promote(one)
            self.pair.look(0, later.unique_id)
        self.post(0, (later,), How(), None)

    @rule(which=either, part=ids.flatmap(straight), how=hows)
    def go_on(self, which: int, part: Sent, how: How) -> None:
        """The points that follow, many of them."""
        self.post(which, (part,), how, Wanted())

    @rule(which=either, parts=several(), how=hows, wanted=wishes)
    def post(
        self, which: int, parts: tuple[Sent, ...], how: How, wanted: Wanted | None
    ) -> None:
        """New, repeated, late, conflicting points; gaps; none at all."""
        self.last = self.pair.request(parts, how, wanted)
        self.pair.judge(self.last, self.pair.ask(which, self.last), self.pair.truths)

    @precondition(lambda self: self.last is not None)
    @rule(which=either)
    def retry(self, which: int) -> None:
        """The request before once more."""
        self.pair.judge(self.last, self.pair.ask(which, self.last), self.pair.truths)

    @rule(which=either, parts=several(), wanted=wishes)
    def ask_stateless(
        self, which: int, parts: tuple[Sent, ...], wanted: Wanted | None
    ) -> None:
        """What is answered there leaves no trace."""
        request = replace(self.pair.request(parts, How(), wanted), stateless=True)
        self.pair.judge(request, self.pair.ask(which, request), {})

    @rule(
        parts=several(),
        how=hows,
        theirs=several(),
        their_how=hows,
        meanwhile=st.sampled_from(sorted(upheavals.MEANWHILE)),
    )
    def race(
        self,
        parts: tuple[Sent, ...],
        how: How,
        theirs: tuple[Sent, ...],
        their_how: How,
        meanwhile: str,
    ) -> None:
        """Another process is quicker, between our reading and our commit."""
        pair = self.pair
        request = pair.request(parts, how, Wanted())
        rival = pair.request(theirs, their_how, Wanted())
        before, ours = dict(pair.truths), set()

        def overtaken(commit: Callable[[], set[str]], changes: Sequence[Change]) -> Any:
            ours.update(change.unique_id for change in changes)
            upheavals.MEANWHILE[meanwhile](pair)
            pair.judge(rival, pair.ask(1, rival), pair.truths)
            return commit()

        answers = self.ask_in_trouble(request, overtaken)
        for one in request.sent:  # those that wrote nothing were answered before
            truths = pair.truths if one.unique_id in ours else before
            answer = {one.unique_id: answers[one.unique_id]}
            pair.judge(replace(request, sent=(one,)), answer, truths)

    @rule(parts=several(), how=hows, kept=st.booleans())
    def fail(self, parts: tuple[Sent, ...], how: How, kept: bool) -> None:
        """A commit fails; perhaps it was kept all the same, and only not told."""
        pair = self.pair
        self.last = request = pair.request(parts, how, Wanted())
        written: set[str] = set()

        def failing(commit: Callable[[], set[str]], changes: Sequence[Change]) -> Any:
            written.update(c.unique_id for c in changes if len(c.steps))
            if kept:
                assert commit() == set()
            raise StoreFailure("the disk is full")

        answers = self.ask_in_trouble(request, failing)
        for one in [one for one in parts if one.unique_id in written]:
            assert answers.pop(one.unique_id) == 503
        for one in [one for one in request.sent if one.unique_id in written]:
            said = told(pair.truths.get(one.unique_id), one, pair.how(request))
            assert said.status == 200
            if kept:
                pair.truths[one.unique_id] = said.truth
        rest = tuple(one for one in request.sent if one.unique_id in answers)
        truths = pair.truths if kept else dict(pair.truths)  # states were lost, too
        pair.judge(replace(request, sent=rest), answers, truths)

    def ask_in_trouble(self, request: Request, trouble: Any) -> dict[str, Any]:
        """Answers of the first process, to whose first commit something happens."""
        self.pair.stores[0].trouble = trouble
        try:
            return self.pair.ask(0, request)
        finally:
            self.pair.stores[0].trouble = None

    @rule(which=either, unique_id=ids)
    def forget(self, which: int, unique_id: str) -> None:
        """A series is deleted."""
        self.pair.forget(which, unique_id)

    @rule(which=either, unique_id=ids)
    def look(self, which: int, unique_id: str) -> None:
        """Somebody looks at a series."""
        self.pair.look(which, unique_id)

    @rule(which=either)
    def restart(self, which: int) -> None:
        """A process ends, and another one begins."""
        self.pair.restart(which)

    @rule(version=versions, part=ids.flatmap(straight))
    def promote(self, version: str, part: Sent) -> None:
        """Another version is the champion now, or the older one again."""
        self.pair.promote(version)
        self.post(0, (part,), How(), Wanted())

    @rule(version=versions)
    def prime(self, version: str) -> None:
        """A version is made ready, and perhaps never serves."""
        upheavals.prime(self.pair, version)

    @rule(keep=keeps)
    def prune(self, keep: Retention) -> None:
        """What is too old is forgotten."""
        upheavals.prune(self.pair, keep)

    @rule(some=st.frozensets(ids, min_size=1))
    def export(self, some: frozenset[str]) -> None:
        """Series are written to a file."""
        upheavals.export(self.pair, some)

    @precondition(lambda self: self.pair.archived)
    @rule(instead=st.booleans())
    def take_in(self, instead: bool) -> None:
        """They are imported, as they were."""
        upheavals.take_in(self.pair, instead)

    @rule(whole=st.booleans())
    def move(self, whole: bool) -> None:
        """The service goes on with an empty database, once that has all."""
        upheavals.move(self.pair, self.empty_database(), whole)

    @rule(what=st.sampled_from(["copied", *upheavals.OF_STATES]))
    def befall_states(self, what: str) -> None:
        """States are copied, lost, damaged, or those of some time ago."""
        upheavals.OF_STATES[what](self.pair)

    @rule(how=st.sampled_from(upheavals.DAMAGES_OF_MILESTONES))
    def befall_milestones(self, how: str) -> None:
        """States to go back to are lost, or damaged."""
        upheavals.damage_milestones(self.pair, how)

    @invariant()
    def all_is_kept(self) -> None:
        """After every event the log and the states are what they must be."""
        if self.pair is not None:
            self.pair.check_kept()

    def teardown(self) -> None:
        """A process that comes later forecasts as one pass over the history does."""
        if self.pair is None:
            return
        try:
            self.pair.restart(0)
            for unique_id in IDS:
                self.pair.look(0, unique_id)
        finally:
            self.pair.close()


def test_no_order_of_events_makes_a_difference(
    database: str,
    empty_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is kept and answered is what the reference says, after every single event."""
    monkeypatch.setattr(pruning, "STEPS_AT_ONCE", 7)  # several transactions each time
    monkeypatch.setattr(milestones, "SPACING", 2)  # corrections go back to some
    monkeypatch.setattr(milestones, "FACTOR", 2)
    places = {
        "url": database,
        "folder": tmp_path,
        "empty_database": staticmethod(empty_database),
    }
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        type("Service", (Events,), places),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=SEARCH,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
