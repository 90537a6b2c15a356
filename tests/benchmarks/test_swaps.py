"""Laws of the benchmark of swaps: what mixes versions is found, and nothing else."""

import numpy as np
import pytest

from benchmarks import swaps
from benchmarks.streams import BEGIN, Streams, Told, distances
from forecaster.frequency import Frequency
from forecaster.streaming import advance_series, forecast_series
from tests.service.fakes import FakeModel, manifest

VERSIONS = {"a": FakeModel(manifest(), 0.25), "b": FakeModel(manifest(), 0.75)}


def answered(streams: Streams, series: int, seq: int, version: str) -> Told:
    """What a service that carries states would answer."""
    model, times = (
        VERSIONS[version],
        Frequency("h").times(BEGIN, np.array([0, seq - 1])),
    )
    values = streams.values[series, :seq]
    states = advance_series(model, model.initial_state(1), [values], [times[0]])
    found = forecast_series(model, states, [times[1]], model.manifest.horizon)
    return Told(series, seq, version, found[0].T.astype(np.float64))


def test_only_forecasts_of_the_version_they_name_are_those_of_its_replay() -> None:
    """Each of its own is found to be so, and each of another, or of a point too few."""
    streams = Streams(0, "demo", Frequency("h"), count=3)
    own = [answered(streams, series, 5 + series, "a") for series in range(3)]
    assert distances(own, VERSIONS["a"], streams).max() < swaps.CLOSE
    assert distances(own, VERSIONS["b"], streams).min() > swaps.CLOSE
    late = Told(0, 6, "a", own[0].quantiles)
    assert distances([late], VERSIONS["a"], streams)[0] > swaps.CLOSE


def test_the_report_tells_swaps_that_load_from_those_that_do_not() -> None:
    """And what memory was after the tenth, and at most since."""
    done = [
        swaps.Swap(number % 5 == 0, number, number + 0.5, number + 0.75, 100.0 + number)
        for number in range(12)
    ]
    streams = Streams(0, "demo", Frequency("h"), count=1)
    streams.tally.took = [(0.2, 10.0), (0.9, 20.0)]
    found = swaps._column(swaps.Run(done, streams, apart=1e-7, mixed=0))
    assert found["of these, of a version to be loaded"] == "3"
    assert found["s until it answers, at hand"] == "0.500"[:3]
    assert (found["MB after swap 10"], found["MB at most after swap 10"]) == (
        "109.0",
        "111.0",
    )
    assert (found["p50 ms, while swapping"], found["p50 ms, quiet"]) == ("10.0", "20.0")


def test_versions_that_are_not_loaded_come_round() -> None:
    """Of four, with two that stay loaded, each that is promoted has been let go."""
    wanted = [swaps._wanted(["a", "b", "c", "d"], swap) for swap in range(21)]
    assert [one for one in wanted if one] == ["b", "c", "d", "a", "b"]
    assert wanted.count(None) == pytest.approx(0.8 * 20)
