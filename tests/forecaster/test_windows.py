"""Windows and lanes: counting shows that nothing is lost, doubled or crossed."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from forecaster.errors import ConfigError
from forecaster.windows import lane_batches, window_origins

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=12)
SMALL = st.integers(1, 9)


@given(st.integers(0, 80), st.integers(0, 20), st.integers(1, 20))
def test_the_number_of_windows_is_length_minus_lookback_minus_horizon_plus_one(
    length: int, lookback: int, horizon: int
) -> None:
    """At stride 1 every window that fits is there once, and none that does not."""
    origins = window_origins(length, lookback, horizon)
    assert len(origins) == max(0, length - lookback - horizon + 1)
    if len(origins):
        assert origins[0] == lookback
        assert origins[-1] + horizon == length


@given(st.integers(0, 80), st.integers(0, 9), SMALL, SMALL)
def test_a_stride_keeps_every_so_manieth_window(
    length: int, lookback: int, horizon: int, stride: int
) -> None:
    """Windows at a stride are the windows at stride 1, thinned out from the first on."""
    every = window_origins(length, lookback, horizon)
    assert window_origins(length, lookback, horizon, stride).tolist() == list(
        every[::stride]
    )


@pytest.mark.parametrize(
    "wrong", [{"length": -1}, {"lookback": -1}, {"horizon": 0}, {"stride": 0}]
)
def test_a_window_of_no_size_is_refused(wrong: dict[str, int]) -> None:
    """The message names the number that is out of range."""
    given_ = {"length": 10, "lookback": 2, "horizon": 1, "stride": 1, **wrong}
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        window_origins(**given_)


@given(LENGTHS, SMALL, SMALL, st.booleans())
def test_every_step_of_every_series_is_in_exactly_one_chunk(
    lengths: list[int], lanes: int, chunk: int, whole: bool
) -> None:
    """Laying out in lanes loses no step and repeats none."""
    seen = [np.zeros(n, dtype=int) for n in lengths]
    for batch in lane_batches(np.array(lengths), lanes, chunk, whole=whole):
        for series, begin, count in zip(
            batch.series, batch.begin, batch.count, strict=True
        ):
            if series >= 0:
                assert begin + count <= lengths[series]
                seen[series][begin : begin + count] += 1
    assert all((steps == 1).all() for steps in seen)


@given(LENGTHS, SMALL, SMALL, st.booleans())
def test_a_lane_goes_on_where_it_stopped_or_says_reset(
    lengths: list[int], lanes: int, chunk: int, whole: bool
) -> None:
    """Without a reset a chunk continues the same series at the very next step."""
    before = None
    for batch in lane_batches(np.array(lengths), lanes, chunk, whole=whole):
        live = batch.series >= 0
        assert (batch.reset == (live & (batch.begin == 0))).all()
        if before is not None:
            goes_on = live & ~batch.reset
            assert (batch.series == before.series)[goes_on].all()
            assert (batch.begin == before.begin + before.count)[goes_on].all()
            assert (before.count[goes_on] == chunk).all()
        before = batch


@given(LENGTHS, SMALL, SMALL)
def test_whole_series_stay_in_one_lane_from_their_first_step(
    lengths: list[int], lanes: int, chunk: int
) -> None:
    """With `whole` a lane enters a series only at its beginning."""
    for batch in lane_batches(np.array(lengths), lanes, chunk, whole=True):
        assert (batch.begin[batch.reset & (batch.series >= 0)] == 0).all()


@given(LENGTHS, SMALL)
def test_lanes_are_equally_long(lengths: list[int], lanes: int) -> None:
    """Cut lanes differ in length by one chunk at the most."""
    chunks = np.zeros(lanes, dtype=int)
    for batch in lane_batches(np.array(lengths), lanes, 4):
        chunks += batch.count > 0
    assert chunks.max() - chunks.min() <= 1


@given(LENGTHS, SMALL, SMALL)
def test_a_lane_begins_where_the_lane_before_it_ends(
    lengths: list[int], lanes: int, chunk: int
) -> None:
    """So that it can take over that lane's state; else it begins with a series."""
    assume(lanes <= sum(-(-n // chunk) for n in lengths))
    batches = list(lane_batches(np.array(lengths), lanes, chunk))
    first = batches[0]
    ends = [(-1, 0)] * lanes
    for batch in batches:
        for lane in np.flatnonzero(batch.count):
            ends[lane] = (batch.series[lane], batch.begin[lane] + batch.count[lane])
    for lane in np.flatnonzero((first.count > 0) & ~first.reset):
        assert ends[lane - 1] == (first.series[lane], first.begin[lane])


def test_twelve_steps_in_two_lanes_of_three() -> None:
    """The state at the end of one batch is the state at the start of the next."""
    chunks = [
        [list(range(b + 1, b + n + 1)) for b, n in zip(x.begin, x.count, strict=True)]
        for x in lane_batches(np.array([12]), lanes=2, chunk=3)
    ]
    assert chunks == [[[1, 2, 3], [7, 8, 9]], [[4, 5, 6], [10, 11, 12]]]


@pytest.mark.parametrize(("lanes", "chunk"), [(0, 3), (2, 0)])
def test_no_lanes_or_no_chunk_is_refused(lanes: int, chunk: int) -> None:
    """A batch has at least one row and one step."""
    with pytest.raises(ConfigError, match="at least 1"):
        list(lane_batches(np.array([12]), lanes, chunk))
