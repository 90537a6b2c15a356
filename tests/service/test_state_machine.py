"""Any order of anything that may happen to a series, beside a reference in plain Python.

`FORECASTER_TEST_DEEP=1` looks for an hour rather than for seconds.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

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
from sqlalchemy import text

from service.carrying import Wanted
from service.database import writing
from service.errors import StoreFailure
from service.records import Change
from tests.service.comparison import WEIGHTS, Beside
from tests.service.reference import How, Sent, told
from tests.service.strategies import IDS, Request, hows, sent, several, wishes

DEEP = bool(os.environ.get("FORECASTER_TEST_DEEP"))
EXAMPLES, STEPS = (3_000, 60) if DEEP else (12, 25)
SEARCH = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink takes minutes
NAMES = count()
MINE = "series_pk IN (SELECT pk FROM series WHERE name = :name)"
DAMAGES = (
    "DELETE FROM states",
    "UPDATE states SET crc32 = crc32 + 1",
    "UPDATE states SET format = 99",
    "UPDATE states SET end_step = end_step + 1000",
    "UPDATE states SET revision = revision + 1",
)

either = st.integers(0, 1)  # of the two processes


class Events(RuleBasedStateMachine):
    """What may happen to the series of a service."""

    url = ""  # of the database; each run has a model name of its own in it

    def __init__(self) -> None:
        super().__init__()
        self.pair: Beside | None = None
        self.last: Request | None = None
        self.rows: list[Any] = []

    @initialize(frequency=st.sampled_from(["h", "1"]))
    def begin(self, frequency: str) -> None:
        """An empty service."""
        self.pair = Beside(self.url, f"demo{next(NAMES)}", frequency)

    @rule(which=either, part=st.sampled_from(IDS).flatmap(sent), how=hows)
    def post_one(self, which: int, part: Sent, how: How) -> None:
        """New, repeated, late, conflicting points; gaps; none at all."""
        self.post(which, (part,), how, Wanted())

    @rule(which=either, parts=several(), how=hows, wanted=wishes)
    def post(
        self, which: int, parts: tuple[Sent, ...], how: How, wanted: Wanted | None
    ) -> None:
        """The same of several series, with forecasts or without."""
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
        drop=st.sampled_from([None, None, *IDS]),
    )
    def race(
        self,
        parts: tuple[Sent, ...],
        how: How,
        theirs: tuple[Sent, ...],
        their_how: How,
        drop: str | None,
    ) -> None:
        """Another process is quicker, between our reading and our commit."""
        pair = self.pair
        request = pair.request(parts, how, Wanted())
        rival = pair.request(theirs, their_how, Wanted())
        before, ours = dict(pair.truths), set()

        def overtaken(commit: Callable[[], set[str]], changes: Sequence[Change]) -> Any:
            ours.update(change.unique_id for change in changes)
            if drop is not None:
                pair.forget(1, drop)
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
        pair.judge(replace(request, sent=rest), answers, pair.truths)

    def ask_in_trouble(self, request: Request, trouble: Any) -> dict[str, Any]:
        """Answers of the first process, to whose first commit something happens."""
        self.pair.stores[0].trouble = trouble
        try:
            return self.pair.ask(0, request)
        finally:
            self.pair.stores[0].trouble = None

    @rule(which=either, unique_id=st.sampled_from(IDS))
    def forget(self, which: int, unique_id: str) -> None:
        """A series is deleted."""
        self.pair.forget(which, unique_id)

    @rule(which=either, unique_id=st.sampled_from(IDS))
    def look(self, which: int, unique_id: str) -> None:
        """Somebody looks at a series."""
        self.pair.look(which, unique_id)

    @rule(which=either)
    def restart(self, which: int) -> None:
        """A process ends, and another one begins."""
        self.pair.restart(which)

    @rule(version=st.sampled_from(sorted(WEIGHTS)))
    def promote(self, version: str) -> None:
        """Another version is the champion now, or the older one again."""
        self.pair.promote(version)

    @rule(damage=st.sampled_from(DAMAGES))
    def damage(self, damage: str) -> None:
        """States are a cache: they are lost, or rot."""
        with writing(self.pair.reader._engine) as connection:
            connection.execute(text(f"{damage} WHERE {MINE}"), {"name": self.pair.name})

    @rule()
    def copy_states(self) -> None:
        """States are copied, as by a backup."""
        query = text(f"SELECT * FROM states WHERE {MINE}")
        with writing(self.pair.reader._engine) as connection:
            found = connection.execute(query, {"name": self.pair.name})
            self.rows = [dict(row) for row in found.mappings()]

    @rule()
    def bring_old_states_back(self) -> None:
        """States are those of some time ago, perhaps of another history."""
        with writing(self.pair.reader._engine) as connection:
            there = set(connection.execute(text("SELECT pk FROM series")).scalars())
            for row in (row for row in self.rows if row["series_pk"] in there):
                columns = [name for name in row if name not in ("series_pk", "version")]
                put = ", ".join(f"{name} = :{name}" for name in columns)
                which = "series_pk = :series_pk AND version = :version"
                connection.execute(text(f"UPDATE states SET {put} WHERE {which}"), row)

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


def test_no_order_of_events_makes_a_difference(database: str) -> None:
    """What is kept and answered is what the reference says, after every single event."""
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        type("Service", (Events,), {"url": database}),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=SEARCH,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
