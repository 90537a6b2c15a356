"""Covariates of a request: checked, kept with their points, replayed, looked ahead."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.covariates import Column, Covariates
from forecaster.settings import Limits
from service.carrying import Live, Wanted
from service.database import open_database
from service.engine import Engine
from service.errors import AllRefused
from service.exchange import Ask
from service.exog import Given
from service.metrics import Metrics
from service.placing import Points
from service.store import Store
from service.work import Result
from tests.service.fakes import FakeModel, manifest, states_of
from tests.service.test_engine import BEGIN, HOUR, OneModel

TAKEN = Covariates(
    (
        Column("promo", "futr"),
        Column("temp", "hist"),
        Column("kind", "stat", categories=("inn", "shop")),
        Column("size", "stat"),
    )
)
LIMITS = Limits(max_series=50, max_points=2_000, max_horizon=40, max_gap=100)
MISSING = float("nan")


class Bench:
    """An engine whose model takes covariates of all kinds."""

    def __init__(self, database: str) -> None:
        self.store = Store(open_database(database))
        self.model = FakeModel(manifest(covariates=TAKEN))
        self.models = OneModel(Live("demo", "v1", self.model))
        self.engine = Engine(
            self.models, self.store, LIMITS, Metrics(), pause=lambda _: None
        )

    def send(self, first: int, values: list[float], **given: Any) -> Result:
        """Send values from an hour on, with covariates; `how` is for the request."""
        how = given.pop("how", {})
        hours = range(first, first + len(values))
        times = tuple(str(BEGIN + hour * HOUR) for hour in hours)
        points = Points("a", times, np.array(values, dtype=float), Given(**given))
        ask = Ask((points,), wanted=Wanted(4), **how)
        return self.engine.observe(ask).results[0]

    def state(self, version: str = "v1") -> np.ndarray:
        """The state that is kept."""
        with self.store.snapshot() as log:
            kept = log.carried("demo", version, ["a"])["a"].kept
        assert kept is not None
        return kept.state


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """An empty service."""
    made = Bench(database)
    yield made
    made.store.close()


COVARIATE = st.none() | st.floats(-100, 100, width=32)


@given(
    points=st.lists(
        st.tuples(st.just(MISSING) | st.floats(-100, 100), COVARIATE, COVARIATE),
        min_size=1,
        max_size=40,
    ),
    cuts=st.lists(st.integers(1, 40), max_size=4, unique=True),
    resend=st.integers(0, 9),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_covariates_are_carried_and_replayed_exactly(
    bench: Bench, points: list[Any], cuts: list[int], resend: int
) -> None:
    """In any grouping, with retries, and replayed for another version: one pass."""
    bench.models.live = Live("demo", "v1", bench.model)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(points)), len(points)]
    for begin, end in pairwise(bounds):
        again = max(0, begin - resend)
        values, promo, temp = zip(*points[again:end], strict=True)
        bench.send(again, list(values), futr={"promo": promo}, hist={"temp": temp})
    values = [value for value, _, _ in points]
    sums = [(promo or 0.0) + (temp or 0.0) for _, promo, temp in points]
    expected = states_of(bench.model, values, sums)
    np.testing.assert_allclose(bench.state(), expected, rtol=1e-4, atol=1e-4)

    bench.models.live = Live("demo", "v2", bench.model)
    bench.send(len(points), [])
    np.testing.assert_array_equal(bench.state("v2"), bench.state("v1"))
    bench.engine.forget("a", None)


def test_what_is_known_ahead_counts_at_its_own_step(bench: Bench) -> None:
    """Values behind those of the points belong to the steps forecast, in order."""
    plain = bench.send(0, [1.0, 2.0]).forecast
    known = bench.send(0, [1.0, 2.0], futr={"promo": [None, None, 5, None, 7]}).forecast
    assert plain is not None
    assert known is not None
    lifted = known.values[0] - plain.values[0]
    np.testing.assert_allclose(lifted, [5, 0, 7, 0], atol=1e-5)


def test_more_may_be_known_ahead_than_is_asked_for(bench: Bench) -> None:
    """A price list for a year goes with a forecast of four steps; the rest changes nothing."""
    few = bench.send(0, [1.0, 2.0], futr={"promo": [0, 0, 5, 6, 7, 8]}).forecast
    many = bench.send(0, [1.0, 2.0], futr={"promo": [0, 0, 5, 6, 7, 8, *[9] * 30]})
    assert few is not None
    assert many.forecast is not None
    np.testing.assert_array_equal(many.forecast.values, few.values)


def test_old_points_shift_what_is_ahead(bench: Bench) -> None:
    """A retry that comes late means the same steps as when it was first sent."""
    bench.send(0, [1.0, 2.0, 3.0])
    plain = bench.send(3, []).forecast
    late = bench.send(0, [1.0, 2.0], futr={"promo": [None, None, 9, 5]}).forecast
    assert plain is not None
    assert late is not None
    np.testing.assert_allclose(
        late.values[0] - plain.values[0], [5, 0, 0, 0], atol=1e-5
    )


def test_covariates_of_a_missing_value_are_kept(bench: Bench) -> None:
    """A null in y says nothing about the weather."""
    bench.send(0, [1.0, MISSING, 2.0], hist={"temp": [1, 20, 3]})
    expected = states_of(bench.model, [1.0, MISSING, 2.0], [1, 20, 3])
    np.testing.assert_allclose(bench.state(), expected, rtol=1e-6)
    bench.models.live = Live("demo", "v2", bench.model)
    bench.send(3, [])
    np.testing.assert_allclose(bench.state("v2"), expected, rtol=1e-6)


def test_a_point_with_other_covariates_is_another_point(bench: Bench) -> None:
    """It is a conflict, unless the history is to be kept or corrected."""
    bench.send(0, [1.0, 2.0], hist={"temp": [10, 20]})
    with pytest.raises(AllRefused, match="differ from what is carried"):
        bench.send(1, [2.0], hist={"temp": [21]})
    kept = bench.send(1, [2.0], hist={"temp": [21]}, how={"on_conflict": "ignore"})
    assert kept.counts.ignored == 1
    fewer = bench.send(1, [2.0])
    assert fewer.counts.duplicates == 1
    revised = bench.send(1, [2.0], hist={"temp": [21]}, how={"on_conflict": "revise"})
    assert revised.counts.applied == 1
    expected = states_of(bench.model, [1.0, 2.0], [10, 21])
    np.testing.assert_allclose(bench.state(), expected, rtol=1e-6)


def test_a_revision_of_a_value_keeps_its_covariates(bench: Bench) -> None:
    """What was not sent again stays known."""
    bench.send(0, [1.0, 2.0], hist={"temp": [10, 20]}, futr={"promo": [1, 1]})
    bench.send(0, [5.0], futr={"promo": [3]}, how={"on_conflict": "revise"})
    expected = states_of(bench.model, [5.0, 2.0], [13, 21])
    np.testing.assert_allclose(bench.state(), expected, rtol=1e-6)


def test_a_constant_stands_with_the_first_new_point(bench: Bench) -> None:
    """Once for each request that brings points; unknown texts have the code 0."""
    stat = {"kind": "shop", "size": 7.0}
    bench.send(0, [1.0, 2.0], stat=stat)
    bench.send(0, [1.0, 2.0, 3.0], stat={**stat, "kind": "school"})
    expected = states_of(bench.model, [1.0, 2.0, 3.0], [9, 0, 7])
    np.testing.assert_allclose(bench.state(), expected, rtol=1e-6)


def test_stateless_forecasts_know_covariates_too(bench: Bench) -> None:
    """All they need is in the request, and nothing is stored."""
    result = bench.send(
        0,
        [1.0],
        hist={"temp": [4]},
        stat={"size": 2},
        futr={"promo": [1, 3]},
        how={"stateless": True},
    )
    state = states_of(bench.model, [1.0], [7])
    assert result.forecast is not None
    middle = list(result.forecast.levels).index(0.5)
    expected = state[0] + np.array([3, 0, 0, 0])
    np.testing.assert_allclose(result.forecast.values[middle], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"futr": {"price": [1.0]}}, "futr_exog: promo; hist_exog: temp"),
        ({"hist": {"promo": [1.0]}}, "futr_exog: promo; hist_exog: temp"),
        ({"stat": {"temp": 1.0}}, "stat_exog: kind, size"),
        ({"hist": {"temp": [1.0]}}, "'temp' has 1 values; send one for each of the 2"),
        ({"hist": {"temp": [1.0] * 3}}, "'temp' has 3 values"),
        (
            {"futr": {"promo": [1.0]}},
            "'promo' has 1 values; send one for each of the 2",
        ),
        ({"futr": {"promo": [1.0] * 43}}, "steps ahead, 40 at most"),
        ({"stat": {"size": "large"}}, "'size': expected a number"),
    ],
)
def test_covariates_that_do_not_fit_are_refused(
    bench: Bench, given: dict[str, Any], words: str
) -> None:
    """The message names what the model takes, or how many values are expected."""
    with pytest.raises(AllRefused, match=words):
        bench.send(0, [1.0, 2.0], **given)
