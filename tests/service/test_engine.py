"""Laws of the use cases, with a model of three numbers and a real store."""

import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.frequency import Frequency
from forecaster.settings import Limits
from service import engine, queries
from service.beside import NOBODY, Beside
from service.carrying import Live, Wanted
from service.database import open_database
from service.engine import Engine
from service.errors import (
    AllRefused,
    Conflict,
    Contended,
    StoreFailure,
    Unacceptable,
    UnknownModel,
    UnknownSeries,
)
from service.exchange import Ask
from service.exog import Given
from service.metrics import Metrics
from service.placing import Points
from service.records import Change
from service.store import Snapshot, Store
from service.work import Result
from tests.service.fakes import FakeModel, manifest, states_of

LIMITS = Limits(max_series=50, max_points=2_000, max_horizon=40, max_gap=100)
HOUR = np.timedelta64(1, "h")
BEGIN = np.datetime64("2024-01-01T00", "us")
MISSING = float("nan")


class OneModel:
    """Serves one model; a test may put another in its place."""

    def __init__(self, live: Live) -> None:
        self.live = live

    def get(self, name: str | None) -> Live:
        """The model, whatever it is called."""
        if name not in (None, self.live.name):
            raise UnknownModel("no model of that name")
        return self.live

    def beside(self, live: Live) -> Beside:
        """Nobody."""
        return NOBODY

    def only_name(self) -> str:
        """Its name."""
        return self.live.name


class Bench:
    """An engine with its parts at hand."""

    def __init__(self, database: str, frequency: str = "h") -> None:
        self.store = Store(open_database(database))
        self.model = FakeModel(manifest(frequency))
        self.models = OneModel(Live("demo", "v1", self.model))
        self.engine = self.another()

    def another(self, limits: Limits = LIMITS) -> Engine:
        """An engine on the same store, as another process has it."""
        return Engine(self.models, self.store, limits, Metrics(), pause=lambda _: None)

    def send(
        self, hours: dict[int, float], unique_id: str = "a", **how: object
    ) -> Result:
        """Send values by hour; one series, one result."""
        ask = Ask((by_hour(hours, unique_id),), wanted=Wanted(), **how)  # type: ignore[arg-type]
        return self.engine.observe(ask).results[0]

    def state(self, unique_id: str = "a") -> np.ndarray:
        """The state that is kept."""
        with self.store.snapshot() as log:
            kept = log.carried("demo", "v1", [unique_id])[unique_id].kept
        assert kept is not None
        return kept.state


def by_hour(hours: dict[int, float], unique_id: str = "a") -> Points:
    """Points at hours after the beginning, in the order given."""
    times = tuple(str(BEGIN + hour * HOUR) for hour in hours)
    return Points(unique_id, times, np.array(list(hours.values()), dtype=np.float64))


def history(hours: dict[int, float]) -> list[float]:
    """The values from the first hour to the last, absent ones missing."""
    return [hours.get(h, MISSING) for h in range(min(hours), max(hours) + 1)]


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """An empty service."""
    made = Bench(database)
    yield made
    made.store.close()


@given(
    values=st.lists(
        st.floats(-1e6, 1e6, width=32) | st.just(MISSING), min_size=1, max_size=150
    ),
    cuts=st.lists(st.integers(1, 150), max_size=6),
    resend=st.integers(0, 20),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_carrying_is_replaying(
    bench: Bench, values: list[float], cuts: list[int], resend: int
) -> None:
    """However points are grouped, and sent again, the state is that of one pass."""
    hours = dict(enumerate(values))
    bounds = [0, *sorted(cut for cut in cuts if cut < len(values)), len(values)]
    for begin, end in pairwise(bounds):
        group = {h: hours[h] for h in range(max(0, begin - resend), end)}
        result = bench.send(group)
        assert result.span.length == end
        assert result.counts.applied == end - begin
        assert result.counts.duplicates == begin - max(0, begin - resend)

    np.testing.assert_allclose(
        bench.state(), states_of(bench.model, values), rtol=1e-5, atol=1e-5
    )
    bench.engine.forget("a", None)


def test_a_gap_is_stepped_through_as_missing(bench: Bench) -> None:
    """Skipping hours and sending null for them is the same."""
    bench.send({0: 1.0, 5: 2.0}, "skipped")
    said = bench.send({0: 1.0, 1: MISSING, 2: MISSING, 3: MISSING, 4: MISSING, 5: 2.0})

    assert said.span.length == 6
    assert bench.state().tolist() == bench.state("skipped").tolist()


def test_a_retry_changes_nothing(bench: Bench) -> None:
    """The same request again gives the same forecast, and counts what it knew."""
    first = bench.send({0: 1.0, 1: MISSING, 3: 2.0})
    again = bench.send({0: 1.0, 1: MISSING, 3: 2.0})

    assert (again.counts.applied, again.counts.duplicates) == (0, 3)
    assert again.span == first.span
    assert forecasts(again) == forecasts(first)


def test_a_retry_of_values_without_times_is_known_by_its_key(bench: Bench) -> None:
    """With the same key they go where they went; with another one, or none, behind."""

    def append(values: list[float], key: str | None) -> tuple[int, int]:
        ask = Ask((Points("a", None, np.array(values)),), key=key)
        result = bench.engine.observe(ask).results[0]
        return result.span.length, result.counts.duplicates

    bench.send({0: 1.0})
    assert append([2.0, 3.0], "k1") == (3, 0)
    assert append([2.0, 3.0], "k1") == (3, 2)
    bench.send({3: 4.0})
    assert append([2.0, 3.0], "k1") == (4, 2)
    assert append([2.0, 3.0], "k2") == (6, 0)
    assert append([2.0, 3.0], None) == (8, 0)
    assert append([2.0, 3.0], "k1") == (8, 2)
    with pytest.raises(AllRefused, match="2 values before, now with 3"):
        append([2.0, 3.0, 4.0], "k1")
    with pytest.raises(AllRefused) as caught:
        append([2.0, 9.0], "k2")
    assert isinstance(caught.value.refusals[0].error, Conflict)


def test_a_thousand_keys_of_a_series_are_remembered(bench: Bench) -> None:
    """Older ones are forgotten, those of other series are not, and all go with it."""
    assert queries.KEYS_PER_SERIES == 1_000

    def append(key: str, unique_id: str = "a") -> int:
        ask = Ask((Points(unique_id, None, np.array([1.0])),), key=key)
        return bench.engine.observe(ask).results[0].counts.applied

    bench.send({0: 1.0}, "b")
    append("0", "b")
    bench.send({0: 1.0})
    assert sum(append(str(n)) for n in range(1_001)) == 1_001

    assert append("1") == 0
    assert append("0", "b") == 0
    assert append("0") == 1
    bench.engine.forget("a", None)
    bench.send({0: 1.0})
    assert append("1") == 1


def test_a_conflict_is_refused_as_a_whole(bench: Bench) -> None:
    """Nothing of the series is applied, not even what is new."""
    bench.send({0: 1.0, 1: 2.0})
    with pytest.raises(AllRefused, match='"revise"') as caught:
        bench.send({1: 9.0, 2: 3.0})

    assert isinstance(caught.value.refusals[0].error, Conflict)
    assert bench.send({}).span.length == 2


def test_ignoring_keeps_what_is_carried(bench: Bench) -> None:
    """The old value stays, the new steps are applied, and each is counted."""
    bench.send({0: 1.0, 1: 2.0})
    result = bench.send({0: 1.0, 1: 9.0, 2: 3.0}, on_conflict="ignore")

    counts = result.counts
    assert (counts.applied, counts.duplicates, counts.ignored) == (1, 1, 1)
    assert bench.state().tolist() == states_of(bench.model, [1.0, 2.0, 3.0]).tolist()


@pytest.mark.parametrize(
    ("correction", "corrected"),
    [
        ({1: 9.0}, [1.0, 9.0, 3.0, MISSING, 5.0]),
        ({1: MISSING}, [1.0, MISSING, 3.0, MISSING, 5.0]),
        ({3: 4.0}, [1.0, 2.0, 3.0, 4.0, 5.0]),
        ({0: 8.0, 6: 7.0}, [8.0, 2.0, 3.0, MISSING, 5.0, MISSING, 7.0]),
        ({-2: 8.0}, [8.0, MISSING, 1.0, 2.0, 3.0, MISSING, 5.0]),
    ],
)
def test_revising_replays_the_corrected_history(
    bench: Bench, correction: dict[int, float], corrected: list[float]
) -> None:
    """As if it had been right from the beginning; also later, from the log alone."""
    bench.send({0: 1.0, 1: 2.0, 2: 3.0, 4: 5.0})

    result = bench.send(correction, on_conflict="revise")

    assert result.span.length == len(corrected)
    assert bench.state().tolist() == states_of(bench.model, corrected).tolist()
    bench.models.live = Live("demo", "v2", bench.model)  # knows only the log
    assert forecasts(bench.send({})) == forecasts(result)


def test_a_late_point_for_a_known_gap_is_a_conflict(bench: Bench) -> None:
    """It would revise a missing value."""
    bench.send({0: 1.0, 2: 3.0})
    with pytest.raises(AllRefused, match="at 2024-01-01T01:00:00"):
        bench.send({1: 2.0})


def test_a_gap_beyond_the_limit_is_refused(bench: Bench) -> None:
    """The message says how long it is, the limit, and what to do."""
    bench.send({0: 1.0})
    bench.send({101: 1.0})
    with pytest.raises(AllRefused, match=r"101 steps are absent .* at most 100"):
        bench.send({203: 1.0})


@pytest.mark.parametrize("on_conflict", ["error", "ignore", "revise"])
def test_points_from_another_age_cost_nothing(bench: Bench, on_conflict: str) -> None:
    """Seventeen million hours before the first one are neither read nor walked."""
    bench.send({0: 1.0})
    times = ("0001-01-01", "2024-01-01", "9999-12-31T23:00")
    far = Points("a", times, np.array([1.0, 1.0, 2.0]))
    tracemalloc.start()
    with pytest.raises(AllRefused):
        bench.engine.observe(Ask((far,), on_conflict=on_conflict))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_many_gaps_in_one_request_are_bounded_together(bench: Bench) -> None:
    """Fifty series of a hundred absent steps are more than two thousand."""
    series = tuple(by_hour({0: 1.0, 101: 1.0}, f"s{i}") for i in range(50))
    answer = bench.engine.observe(Ask(series))

    assert len(answer.results) == 20
    assert all("fewer series" in r.error.detail for r in answer.refusals)


def test_the_gaps_of_one_series_are_bounded_together(bench: Bench) -> None:
    """Absent steps beyond the limit of the request are refused unlaid."""
    sparse = by_hour(dict.fromkeys(range(0, 100 * 30, 100), 1.0))
    with pytest.raises(AllRefused, match=r"absent steps in all .* shorter time"):
        bench.engine.observe(Ask((sparse,)))


def test_good_series_are_served_beside_bad_ones(bench: Bench) -> None:
    """Each series of a request stands alone."""
    bench.send({0: 1.0}, "known")
    answer = bench.engine.observe(
        Ask(
            (
                by_hour({0: 5.0}, "known"),
                by_hour({0: 1.0, 1: 2.0}, "good"),
                by_hour({}, "unknown"),
                by_hour({0: 1e30, 1: -1e30}, "large"),
                by_hour({0: 1.0}, "twice"),
                by_hour({0: 1.0}, "twice"),
            ),
            wanted=Wanted(),
        )
    )

    assert [result.unique_id for result in answer.results] == ["good", "large"]
    refused = {r.unique_id: type(r.error) for r in answer.refusals}
    assert refused == {
        "known": Conflict,
        "unknown": UnknownSeries,
        "twice": Unacceptable,
    }


def test_each_series_gets_its_own_forecast(bench: Bench) -> None:
    """The same as alone, whatever the order and the company."""
    ids = ["c", "a", "b"]
    series = tuple(by_hour({0: float(ord(i))}, i) for i in ids)
    together = bench.engine.observe(Ask(series, wanted=Wanted())).results

    assert [result.unique_id for result in together] == ids
    for result in together:
        alone = bench.send({0: float(ord(result.unique_id))}, result.unique_id + "'")
        assert forecasts(result) == forecasts(alone)


def test_without_a_store_to_write_to_forecasts_are_still_given(bench: Bench) -> None:
    """New points are refused as a whole; a state made anew is not needed there."""
    bench.send({0: 1.0})

    def fail(name: str, version: str, changes: list[Change]) -> set[str]:
        raise StoreFailure("disk full")

    bench.store.commit = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreFailure):
        bench.send({1: 2.0})
    bench.models.live = Live("demo", "v2", bench.model)
    assert bench.send({0: 1.0}).span.length == 1


def test_a_poisoned_series_is_not_stored_and_harms_no_other(bench: Bench) -> None:
    """Its state would not be finite; its neighbours are as if it were not there."""
    bench.model.weight = np.float32(1e9)
    alone = bench.send({0: 1.0, 1: 2.0}, "alone")
    answer = bench.engine.observe(
        Ask((by_hour({0: 1e30, 1: -1e30}, "poison"), by_hour({0: 1.0, 1: 2.0}, "b")))
    )

    assert [r.unique_id for r in answer.refusals] == ["poison"]
    assert "nothing was stored" in answer.refusals[0].error.detail
    assert bench.state("b").tolist() == alone.state.tolist()
    with pytest.raises(UnknownSeries):
        bench.engine.portray("poison", None)


def test_one_new_point_costs_one_step(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the length of the history; and its log is not read."""
    bench.send(dict.fromkeys(range(1500), 1.0))
    before = bench.model.steps
    monkeypatch.setattr(Snapshot, "values", None)
    bench.send({1500: 2.0})
    assert bench.model.steps == before + 1


def test_a_forecast_changes_nothing(bench: Bench) -> None:
    """Asking is free: nothing is written, no step is taken."""
    bench.send({0: 1.0})
    before = bench.model.steps
    bench.store.commit = None  # type: ignore[method-assign, assignment]
    bench.send({})
    assert bench.model.steps == before


def test_a_new_version_begins_from_the_log(bench: Bench) -> None:
    """States of one version are never fed to another, and the way back works too."""
    hours = {0: 1.0, 1: 2.0, 3: 4.0}
    old = bench.send(hours)
    bench.models.live = Live("demo", "v2", FakeModel(manifest(), weight=0.5))
    new = bench.send({4: 5.0})
    bench.models.live = Live("demo", "v1", bench.model)
    back = bench.send({})

    expected = states_of(FakeModel(manifest(), weight=0.5), history({**hours, 4: 5.0}))
    assert new.state.tolist() == expected.tolist()
    assert (
        back.state.tolist()
        == states_of(bench.model, history({**hours, 4: 5.0})).tolist()
    )
    assert old.span.end + 1 == back.span.end


def test_stateless_requests_leave_no_trace(bench: Bench) -> None:
    """The same forecast as a stored series gets, and nothing is kept of it."""
    kept = bench.send({0: 1.0, 1: 2.0})
    passing = bench.send({0: 1.0, 1: 2.0}, "b", stateless=True)
    same_id = bench.send({7: 5.0}, "a", stateless=True)

    assert forecasts(passing) == forecasts(kept)
    assert same_id.span.length == 1
    assert [one.unique_id for one in bench.engine.page(None, "", ("", ""), 9)] == ["a"]
    with pytest.raises(AllRefused, match="needs points"):
        bench.send({}, stateless=True)


def test_a_writer_that_lost_plans_again(bench: Bench) -> None:
    """Here the same points arrive twice at once: one applies, the other repeats."""
    bench.send({0: 1.0})
    commit, other = bench.store.commit, bench.another()
    rivals = [{1: 2.0}, {2: 3.0}]

    def beaten(name: str, version: str, changes: list[Change]) -> set[str]:
        if rivals:
            bench.store.commit = commit  # type: ignore[method-assign]
            other.observe(Ask((by_hour(rivals.pop(), "a"),)))
            bench.store.commit = beaten  # type: ignore[method-assign, assignment]
        return commit(name, version, changes)

    rivals.reverse()
    bench.store.commit = beaten  # type: ignore[method-assign, assignment]
    result = bench.send({1: 2.0, 2: 3.0, 3: 4.0})

    assert (result.counts.applied, result.counts.duplicates) == (1, 2)
    assert (
        bench.state().tolist() == states_of(bench.model, [1.0, 2.0, 3.0, 4.0]).tolist()
    )


def test_a_writer_that_always_loses_is_told_to_come_back(bench: Bench) -> None:
    """After a bounded time, with nothing applied."""
    bench.engine = bench.another(replace(LIMITS, deadline_s=1))
    bench.store.commit = lambda *args: {"a"}  # type: ignore[method-assign]
    with pytest.raises(AllRefused) as caught:
        bench.send({0: 1.0})
    assert isinstance(caught.value.refusals[0].error, Contended)


def test_writers_at_once_apply_each_point_once(bench: Bench) -> None:
    """Eight threads send the same points in different groups."""
    values = [float(v) for v in range(60)]
    errors: list[Exception] = []

    def work(size: int) -> None:
        try:
            for begin in range(0, 60, size):
                bench.send({h: values[h] for h in range(begin, min(60, begin + size))})
        except AllRefused as error:  # a late point for a gap that the others left
            errors.append(error)

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 2, 3, 4) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    np.testing.assert_allclose(bench.state(), states_of(bench.model, values), rtol=1e-6)


def test_appending_at_once_wastes_no_work(bench: Bench) -> None:
    """Twenty-four clients of one series take turns: no commit is ever lost."""
    bench.send({0: 0.0})
    commit, lost = bench.store.commit, []

    def watched(name: str, version: str, changes: list[Change]) -> set[str]:
        moved = commit(name, version, changes)
        lost.extend(moved)
        return moved

    def work(value: float) -> None:
        for _ in range(3):
            bench.engine.observe(Ask((Points("a", None, np.array([value])),)))

    bench.store.commit = watched  # type: ignore[method-assign, assignment]
    threads = [threading.Thread(target=work, args=(v,)) for v in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lost == []
    assert bench.send({}).span.length == 1 + 24 * 3


@pytest.mark.parametrize(
    ("ask", "detail"),
    [
        (Ask(tuple(by_hour({}, str(i)) for i in range(51))), "max_series is 50"),
        (Ask((by_hour(dict.fromkeys(range(2001), 1.0)),)), "max_points is 2000"),
        (Ask((by_hour({0: 1.0}),), wanted=Wanted(41)), "max_horizon is 40"),
        (Ask((by_hour({0: 1.0}),), wanted=Wanted(levels=(99.0,))), "range this model"),
        (Ask((by_hour({0: 1.0}),), name="other"), "no model of that name"),
    ],
)
def test_a_request_beyond_the_limits_is_refused(
    bench: Bench, ask: Ask, detail: str
) -> None:
    """As a whole, with the name of the limit; nothing is stored."""
    with pytest.raises((Unacceptable, UnknownModel), match=detail):
        bench.engine.observe(ask)
    assert bench.engine.page(None, "", ("", ""), 9) == []


def test_the_default_horizon_keeps_to_the_limit(bench: Bench) -> None:
    """A model made for more steps than a request may ask for forecasts as many."""
    bench.models.live = Live("demo", "v1", FakeModel(manifest(horizon=60)))
    forecast = bench.send({0: 1.0}).forecast
    assert forecast is not None
    assert len(forecast.times) == LIMITS.max_horizon


@pytest.mark.parametrize("horizon", [10, None])
def test_series_times_horizon_is_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, horizon: int | None
) -> None:
    """Asked for or the model's own; observing alone is not touched by it."""
    monkeypatch.setattr(engine, "MAX_FORECAST_STEPS", 19)
    bench.models.live = Live("demo", "v1", FakeModel(manifest(horizon=10)))
    series = (by_hour({0: 1.0}, "a"), by_hour({0: 1.0}, "b"))
    with pytest.raises(Unacceptable, match=r"20 forecast steps .* at most 19"):
        bench.engine.observe(Ask(series, wanted=Wanted(horizon)))
    assert bench.engine.page(None, "", ("", ""), 9) == []
    assert len(bench.engine.observe(Ask(series)).results) == 2


def test_a_series_of_another_frequency_is_refused(bench: Bench) -> None:
    """When a model of that name is trained anew on another grid."""
    bench.send({0: 1.0})
    bench.models.live = Live("demo", "v2", FakeModel(manifest("D")))
    with pytest.raises(
        AllRefused, match="carried at frequency 'h', the model now has 'D'"
    ):
        bench.send({24: 1.0})


def test_covariates_for_a_model_without_are_named(bench: Bench) -> None:
    """Rather than dropped in silence."""
    points = Points("a", None, np.array([1.0]), Given(futr={"promo": [1.0]}))
    with pytest.raises(AllRefused, match="leave out 'futr_exog'"):
        bench.engine.observe(Ask((points,)))


def test_integer_steps_begin_at_one(database: str) -> None:
    """A series that counts its steps needs no times at all."""
    bench = Bench(database, frequency="1")
    for values in ([1.0, 2.0], [3.0]):
        ask = Ask((Points("a", None, np.array(values)),), wanted=Wanted(2))
        result = bench.engine.observe(ask).results[0]
    bench.store.close()

    assert result.last_time == 3
    assert result.forecast is not None
    assert Frequency("1").format(result.forecast.times) == [4, 5]


def test_a_portrait_shows_the_newest_values(bench: Bench) -> None:
    """At most a hundred of them, with what is missing, and the forecast."""
    sent = bench.send(
        {hour: float(hour) for hour in range(150) if hour != 149} | {150: 1.0}
    )
    portrait = bench.engine.portray("a", None)

    assert len(portrait.values) == 100
    assert portrait.values[-3] == 148.0
    assert np.isnan(portrait.values[-2])
    assert str(portrait.times[-1]).startswith("2024-01-07T06")
    assert portrait.forecast is not None
    assert sent.forecast is not None
    assert portrait.forecast.values.tolist() == sent.forecast.values.tolist()


def forecasts(result: Result) -> list[list[float]]:
    """The numbers of a forecast."""
    assert result.forecast is not None
    return result.forecast.values.tolist()


def test_a_request_is_answered_by_the_model_it_was_read_for(bench: Bench) -> None:
    """Also where another version has taken over since."""
    read_for = bench.models.live
    bench.models.live = Live("demo", "v2", FakeModel(manifest(), weight=0.75))
    ask = Ask((by_hour({0: 1.0}),), wanted=Wanted(), live=read_for)
    assert bench.engine.observe(ask).version == "v1"
    ask = Ask((by_hour({0: 1.0}),), wanted=Wanted())
    assert bench.engine.observe(ask).version == "v2"
