"""Laws of the panel: what goes in comes out, and nothing changes in place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.errors import DataError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from tests.forecaster.panels import same

patient = settings(deadline=None)  # a busy machine is no error

DAILY = Frequency("D")
START = np.datetime64("2024-01-01", "us")
VALUES = st.lists(
    st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6)), min_size=1, max_size=8
).filter(lambda values: not np.isnan(values).all())


def panel_of(series: list[list[float]]) -> Panel:
    """Daily series "0", "1", … that all start on the same day."""
    ids = [str(number) for number in range(len(series))]
    return Panel.from_series(ids, series, [START] * len(series), DAILY)


@patient
@given(st.lists(VALUES, max_size=5))
def test_series_come_out_as_they_went_in(series: list[list[float]]) -> None:
    """Each series has its values from the first observed one on, at their times."""
    panel = panel_of(series)
    assert len(panel) == len(series) == len(panel.lengths)
    for index, values in enumerate(series):
        first = int(np.flatnonzero(~np.isnan(values))[0])
        assert np.array_equal(panel.values_of(index), values[first:], equal_nan=True)
        days = START + np.arange(first, len(values)) * np.timedelta64(1, "D")
        assert np.array_equal(panel.times_of(index), days)
        assert panel.starts[index] == days[0]


@patient
@given(st.lists(VALUES, min_size=1, max_size=5), st.data())
def test_taking_series_is_taking_them_one_by_one(
    series: list[list[float]], data: st.DataObject
) -> None:
    """A panel of some series, in any order, is the panel made of those alone."""
    panel = panel_of(series)
    chosen = data.draw(st.lists(st.integers(0, len(series) - 1)))
    taken = panel.take(chosen)
    assert taken.ids == tuple(panel.ids[index] for index in chosen)
    for position, index in enumerate(chosen):
        assert np.array_equal(
            taken.values_of(position), panel.values_of(index), equal_nan=True
        )
        assert taken.starts[position] == panel.starts[index]
    assert same(panel.take(range(len(panel))), panel)


@patient
@given(st.lists(VALUES, min_size=1, max_size=5), st.data())
def test_cutting_keeps_the_first_values(
    series: list[list[float]], data: st.DataObject
) -> None:
    """A cut at 0 leaves nothing, at the length everything, between them a prefix."""
    panel = panel_of(series)
    ends = [data.draw(st.integers(0, length)) for length in panel.lengths.tolist()]
    cut = panel.cut(ends)
    assert cut.lengths.tolist() == ends
    for index, end in enumerate(ends):
        kept = panel.values_of(index)[:end]
        assert np.array_equal(cut.values_of(index), kept, equal_nan=True)
    assert same(panel.cut(panel.lengths), panel)


@pytest.mark.parametrize("ends", [[-1], [4]])
def test_cutting_outside_a_series_is_an_error(ends: list[int]) -> None:
    """A cut before the start or after the end is refused."""
    with pytest.raises(ValueError, match="0 to the length"):
        panel_of([[1.0, 2.0, 3.0]]).cut(ends)


def test_arrays_cannot_be_written() -> None:
    """Writing into a panel fails, and what was passed in stays the caller's own."""
    values = np.array([1.0, 2.0])
    panel = panel_of([values.tolist()])
    for array in (panel.values, panel.values_of(0), panel.offsets, panel.starts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
    other = Panel.from_series(["a"], [values], np.array([START]), DAILY)
    values[0] = 7
    assert other.values[0] == 1


def test_a_series_without_values_is_refused_by_name() -> None:
    """A series of missing values alone is refused, and named."""
    with pytest.raises(DataError, match="series '1': expected at least one value"):
        panel_of([[1.0], [float("nan")] * 3])


def test_missing_values_at_the_end_stay() -> None:
    """Only leading missing values are left out: those at the end are to be forecast over."""
    panel = panel_of([[float("nan"), 1.0, float("nan")]])
    assert panel.lengths.tolist() == [2]
    assert panel.starts[0] == START + np.timedelta64(1, "D")


def test_whole_number_starts_move_too() -> None:
    """An integer series that begins with missing values starts later."""
    panel = Panel.from_series(["a"], [[np.nan, 2.0]], [10], Frequency("5"))
    assert panel.times_of(0).tolist() == [15]


def test_the_printed_panel_counts() -> None:
    """A printed panel shows counts, not data; an empty one does too."""
    assert repr(panel_of([[1.0, float("nan")], [1.0]])) == (
        "Panel(2 series of 1 to 2 steps at frequency 'D', 1 of 3 values missing)"
    )
    assert repr(panel_of([])).startswith("Panel(0 series of 0 to 0 steps")
