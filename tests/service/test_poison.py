"""Values that nobody should send harm nobody else: with a model that was really trained."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.artifact import Artifact
from forecaster.frequency import Frequency
from forecaster.settings import Limits
from service.carrying import Live, Wanted
from service.database import open_database
from service.engine import Engine
from service.errors import AllRefused, Unacceptable
from service.exchange import Ask
from service.metrics import Metrics
from service.placing import Points
from service.store import Store
from service.work import Result
from tests.service.test_engine import OneModel

pytestmark = pytest.mark.tf
LENGTH = 90  # chunks of every size, on the way
TIMES = tuple(
    Frequency("MS").format(
        Frequency("MS").times(np.datetime64("2000-01-01", "us"), np.arange(LENGTH))
    )
)
WAVE = 20 + 5 * np.sin(np.arange(LENGTH) / 2)
SIGNS = np.resize([1.0, -1.0], LENGTH)
NUMBERS = itertools.count()
POISONS = {
    "huge": np.full(LENGTH, 1e300),
    "huge and alternating": 1e300 * SIGNS,
    "the largest that may be sent": 1e30 * SIGNS,
    "the largest of a float32": 3.4e38 * SIGNS,
    "the smallest": np.full(LENGTH, 5e-324),
    "denormal and alternating": 1e-310 * SIGNS,
    "denormal as float32": 1e-40 * SIGNS,
    "zeros": np.zeros(LENGTH),
    "zeros of both signs": 0.0 * SIGNS,
    "zeros and then huge": np.r_[np.zeros(LENGTH - 2), 1e30, -1e30],
    "huge and then zeros": np.r_[1e30, np.zeros(LENGTH - 1)],
    "tiny beside huge": np.where(SIGNS > 0, 1e-30, 1e30),
    "nothing at all": np.full(LENGTH, np.nan),
    "one huge value": np.r_[np.full(LENGTH - 1, np.nan), 1e30],
}


class Bench:
    """An engine with a real model."""

    def __init__(self, folder: Path, model: Artifact) -> None:
        self.store = Store(open_database(f"sqlite:///{folder}/x.db"))
        live = Live("tiny", model.manifest.version, model)
        limits = Limits(max_points=5_000)
        self.version = live.version
        self.engine = Engine(OneModel(live), self.store, limits, Metrics())

    def send(self, *series: np.ndarray) -> list[Result | str]:
        """Send series of new names together, in two parts; what became of each."""
        names = [f"s{next(NUMBERS)}" for _ in series]
        found: dict[str, Result | str] = {}
        for begin, end in ((0, LENGTH - 9), (LENGTH - 9, LENGTH)):
            points = [
                Points(name, TIMES[begin:end], values[begin:end])
                for name, values in zip(names, series, strict=True)
            ]
            found |= self._send(points)
        self._check_store(names)
        return [found[name] for name in names]

    def _send(self, points: list[Points]) -> dict[str, Result | str]:
        try:
            answer = self.engine.observe(Ask(tuple(points), wanted=Wanted(30)))
            refusals, results = answer.refusals, answer.results
        except AllRefused as error:
            refusals, results = error.refusals, ()
        assert all(isinstance(one.error, Unacceptable) for one in refusals)
        for result in results:
            assert np.isfinite(result.state).all()
            assert result.forecast is not None
            assert np.isfinite(result.forecast.values).all()
            known = result.scores[~np.isnan(result.scores)]
            assert ((known >= 0) & (known <= 1)).all()
        refused = {str(one.unique_id): one.error.detail for one in refusals}
        return {**{one.unique_id: one for one in results}, **refused}

    def _check_store(self, names: list[str]) -> None:
        with self.store.snapshot() as log:
            for carried in log.carried("tiny", self.version, names).values():
                assert carried.kept is not None
                assert np.isfinite(carried.kept.state).all()
                values = log.values(carried.pk, carried.span.first, carried.span.end)
                assert not np.isinf(values).any()


@pytest.fixture(scope="module")
def bench(
    tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """An engine for all tests: series have names of their own."""
    made = Bench(tmp_path_factory.mktemp("poison"), tiny_artifact)
    yield made
    made.store.close()


def bits(result: Result | str) -> list[bytes]:
    """All numbers of a result, as they are."""
    assert isinstance(result, Result)
    assert result.forecast is not None
    numbers = (result.state, result.forecast.values, result.scores)
    return [np.ascontiguousarray(one).tobytes() for one in numbers]


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
def test_a_poisoned_series_leaves_its_neighbours_bit_for_bit(
    bench: Bench, poison: np.ndarray
) -> None:
    """As they are in a batch of the same size without it; nothing stored is not finite."""
    neighbours = (WAVE, 1e-3 * WAVE[::-1])
    clean = bench.send(neighbours[0], WAVE + 1, neighbours[1])
    beside = bench.send(neighbours[0], poison, neighbours[1])

    assert bits(beside[0]) == bits(clean[0])
    assert bits(beside[2]) == bits(clean[2])


EXTREMES = [1e300, 3.5e38, 3e38, 1e30, 1e19, 1.0, 1e-20, 1e-38, 1e-45, 5e-324, 0.0]
extreme = st.sampled_from([*EXTREMES, np.nan]) | st.floats(-1e30, 1e30)
runs = st.lists(st.tuples(extreme, st.integers(1, 40)), min_size=1, max_size=6)


@given(parts=runs, alternating=st.booleans())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_values_all_that_is_kept_and_answered_is_finite(
    bench: Bench, parts: list[tuple[float, int]], alternating: bool
) -> None:
    """Or the series is refused, and its neighbour as it is beside any other."""
    values = np.resize(np.concatenate([np.full(n, v) for v, n in parts]), LENGTH)
    poison = values * SIGNS if alternating else values
    clean = bench.send(WAVE, WAVE + 1)
    assert bits(bench.send(WAVE, poison)[0]) == bits(clean[0])
