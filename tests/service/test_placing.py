"""Laws of placing: where on the grid of a series the points of a request are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.frequency import Frequency
from service.errors import Unacceptable
from service.grids import format_step
from service.placing import Points, place
from service.records import Grid

HOURLY = Frequency("h")
GRID = Grid("h", 0)


def points(times: list[str] | None, values: list[float]) -> Points:
    """Points of a series `a`."""
    given_times = None if times is None else tuple(times)
    return Points("a", given_times, np.array(values, dtype=np.float64))


@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_order_within_a_request_does_not_matter(
    order: list[int], repeated: int
) -> None:
    """Points are sorted; one that is said twice alike counts as a repeat."""
    times = [f"2024-01-01T0{hour}:00:00" for hour in [*order, repeated]]
    values = [float(hour) for hour in [*order, repeated]]

    found = place(points(times, values), HOURLY, None, 0)

    assert found.steps.tolist() == list(range(6))
    assert found.values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert found.repeats == 1


def test_a_time_twice_with_two_values_is_refused() -> None:
    """The request contradicts itself, whatever is carried."""
    times = ["2024-01-01T00:00", "2024-01-01T00:00"]
    with pytest.raises(Unacceptable, match="2024-01-01T00:00:00 comes twice"):
        place(points(times, [1.0, 2.0]), HOURLY, None, 0)


def test_a_missing_value_twice_is_a_repeat() -> None:
    """NaN equals NaN here."""
    times = ["2024-01-01T00:00", "2024-01-01T00:00Z"]
    found = place(points(times, [float("nan")] * 2), HOURLY, None, 0)

    assert (len(found.steps), found.repeats) == (1, 1)


def test_the_first_time_of_a_series_is_its_phase() -> None:
    """Half past is as good a grid as the hour; off it is refused with the place."""
    first = place(points(["2024-01-01T00:30"], [1.0]), HOURLY, None, 0)
    assert format_step(first.grid, 1) == "2024-01-01T01:30:00"

    with pytest.raises(Unacceptable, match="not a whole number of 'h' steps") as caught:
        place(
            points(["2024-01-01T01:30", "2024-01-01T03:00"], [1.0, 2.0]),
            HOURLY,
            first.grid,
            1,
        )
    assert caught.value.loc == "ds[1]"


def test_values_without_times_are_the_next_steps() -> None:
    """They go where the series ends; a new one needs times unless it counts steps."""
    assert place(points(None, [1.0, 2.0]), HOURLY, GRID, 5).steps.tolist() == [5, 6]
    with pytest.raises(Unacceptable, match="'ds' is needed"):
        place(points(None, [1.0]), HOURLY, None, 0)

    counted = place(points(None, [1.0, 2.0]), Frequency("1"), None, 0)
    assert [format_step(counted.grid, s) for s in (0, 1)] == [1, 2]


@pytest.mark.parametrize("time", [7, "yesterday", "01/02/2024", ""])
def test_a_time_that_cannot_be_read_is_named_by_its_place(time: object) -> None:
    """The complaint shows how to write it, and does not repeat it."""
    with pytest.raises(Unacceptable, match="such as 2024-01-31T18:00:00") as caught:
        place(points(["2024-01-01", time], [1.0, 2.0]), HOURLY, None, 0)  # type: ignore[list-item]

    assert caught.value.loc == "ds[1]"
    assert str(time) not in caught.value.detail or time in ("", 7)


def test_a_calendar_of_months_places_like_one_of_hours() -> None:
    """Month ends are steps of one, however long the months are."""
    ends = ["2024-01-31", "2024-02-29", "2024-04-30"]
    found = place(points(ends, [1.0, 2.0, 3.0]), Frequency("ME"), None, 0)

    assert found.steps.tolist() == [0, 1, 3]
