"""Laws of the year that is sent to services."""

import numpy as np

from benchmarks.year import MOVED, WEEK, year_of
from forecaster.frequency import Frequency
from forecaster.panel import Panel


def made(steps: int) -> Panel:
    """Two hourly series that count, the second from a million on."""
    values = [np.arange(steps) + begin for begin in (0.0, 1e6)]
    starts = np.array(["2020-01-01"] * 2, "M8[us]")
    return Panel.from_series(["a", "b"], values, starts, Frequency("h"))


def test_after_the_change_series_are_ahead_of_the_clock() -> None:
    """Up to it values are as they were, from it on as they would be so many hours later."""
    horizon, history, weeks = 24, 1, 4
    year = year_of(made(6 * WEEK + MOVED), 2, history, weeks, horizon)
    jumps = np.diff(year.values, axis=1)

    assert year.values.shape == (2, (history + weeks) * WEEK + horizon)
    assert year.change == 3 * WEEK
    assert (np.delete(jumps, year.change - 1, axis=1) == 1).all()
    assert (jumps[:, year.change - 1] == MOVED + 1).all()


def test_a_request_has_the_steps_of_all_series_with_their_times() -> None:
    """The first step bears the time of the value that stands there."""
    year = year_of(made(6 * WEEK + MOVED), 2, 1, 4, 24)
    body = year.body("load", 5, 7)

    first = int(year.values[0, 5])
    at = np.datetime64("2020-01-01T00:00:00") + np.timedelta64(first, "h")
    assert [one["unique_id"] for one in body["series"]] == ["a", "b"]
    assert body["series"][1]["y"] == [1e6 + first, 1e6 + first + 1]
    assert body["series"][0]["ds"][0] == str(at)
    assert (body["h"], body["name"]) == (24, "load")
