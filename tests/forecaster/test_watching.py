"""Laws of watching: what came later is scored, once, and alike whenever one looks."""

import numpy as np
import pytest

from forecaster.drifting import alarms
from forecaster.frequency import Frequency
from forecaster.ground import MEASURES, Day
from forecaster.metrics import seasonal_scale
from forecaster.panel import Panel
from forecaster.shifts import changes, psi, summary
from forecaster.watching import MOST_DAYS, watch
from tests.service.fakes import FakeModel, manifest

HOURS = 24


def panel_of(hours: int, frequency: str = "h", series: int = 3) -> Panel:
    """Some series that begin in the evening, with noise and a missing value."""
    rng = np.random.default_rng(5)
    values = [10.0 + rng.normal(size=600)[:hours] for _ in range(series)]
    values[0][7] = np.nan
    start = 3 if frequency == "1" else np.datetime64("2024-01-01T18:00", "us")
    ids = [f"s{i}" for i in range(series)]
    return Panel.from_series(ids, values, [start] * series, Frequency.parse(frequency))


def model_of(
    frequency: str = "h", horizon: int = 24, last: str | None = None
) -> FakeModel:
    """A model of three numbers, which was trained up to a time."""
    about = manifest(frequency, horizon=horizon)
    about.data.clear()
    if last is not None:
        about.data["last"] = last
    return FakeModel(about)


def scores(days: list[Day]) -> dict[str, Day]:
    """The days by name."""
    return {day.day: day for day in days}


def test_days_known_in_full_are_scored() -> None:
    """Each day whose forecasts have all their values, with a forecast of each series."""
    days = watch(model_of(), panel_of(6 + 6 * HOURS))

    # Ten hours of the 8th are known; the 2nd leaves errors without a scale.
    assert [day.day for day in days] == [f"2024-01-0{d}" for d in (3, 4, 5, 6, 7)]
    assert {day.count for day in days} == {3}
    assert set(days[0].scores) == {*MEASURES, "psi"}
    assert days[0].scores["psi"] is None  # of a version that does not tell


def test_what_a_parent_learned_from_is_not_scored() -> None:
    """Of a version that was fine-tuned on older data than its parent's."""
    model = model_of(last="2024-01-03T12:00:00")
    assert watch(model, panel_of(9 * HOURS))[0].day == "2024-01-04"
    model.manifest.data["learned"] = "2024-01-05T12:00:00"
    assert watch(model, panel_of(9 * HOURS))[0].day == "2024-01-06"


def test_a_day_is_scored_alike_whenever_one_looks() -> None:
    """What comes later changes nothing of the days before: carried is replayed."""
    model = model_of()
    early = scores(watch(model, panel_of(5 * HOURS)))
    late = scores(watch(model, panel_of(9 * HOURS)))
    assert early.keys() < late.keys()
    for day, found in early.items():
        assert found.scores["psi"] is late[day].scores["psi"] is None
        for measure in MEASURES:
            now, then = found.scores[measure], late[day].scores[measure]
            assert now == pytest.approx(then, rel=1e-5)


def test_what_was_learned_from_is_not_scored() -> None:
    """Days that begin behind the last time of the training alone, if there is any."""
    panel = panel_of(9 * HOURS)
    days = watch(model_of(last="2024-01-06T00:00:00"), panel)
    assert [day.day for day in days] == ["2024-01-07", "2024-01-08", "2024-01-09"]
    assert watch(model_of(last="2025-01-01T00:00:00"), panel) == []
    assert watch(model_of(), panel_of(20)) == []


def test_worse_forecasts_have_worse_scores() -> None:
    """Values that leave what they were are forecast worse from that day on."""
    calm = panel_of(9 * HOURS)
    values = [calm.values_of(i).copy() for i in range(3)]
    for one in values:
        one[6 + 5 * HOURS :: 2] += 30.0
    stormy = Panel.from_series(calm.ids, values, calm.starts, calm.frequency)
    before, after = scores(watch(model_of(), calm)), scores(watch(model_of(), stormy))
    for day, found in after.items():
        if day < "2024-01-07":
            assert found == before[day]
        else:
            assert found.scores["wql"] > 2 * before[day].scores["wql"]  # type: ignore[operator]
            assert found.scores["coverage-80"] < 0.9  # type: ignore[operator]


@pytest.mark.parametrize("frequency", ["1", "D", "MS"])
def test_other_frequencies(frequency: str) -> None:
    """Whole steps have a day for each horizon, days and months one for each step."""
    days = watch(model_of(frequency, horizon=4), panel_of(60, frequency))
    assert 0 < len(days) <= MOST_DAYS
    assert len({day.day for day in days}) == len(days)
    assert {day.count for day in days} == {3}


def test_alarms() -> None:
    """Errors that stay half as high again raise one soon; those that vary as ever none."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        usual, worse = 1.0 + 0.1 * rng.normal(size=(2, 60))
        assert alarms([*usual]) == []
        found = alarms([*usual, *(1.5 * worse)])
        assert 60 <= found[0] <= 66
        assert alarms([*usual, *(0.5 * worse)]) == []


def test_shifted_inputs() -> None:
    """PSI is near zero while inputs are as in the training, and high once they are not."""
    calm = panel_of(9 * HOURS, series=20)
    model = model_of()
    model.manifest.data["changes"] = summary(calm, HOURS)
    values = [calm.values_of(i).copy() for i in range(20)]
    for one in values:
        one[6 + 5 * HOURS :] *= np.linspace(1, 3, len(one) - 6 - 5 * HOURS)
    wild = Panel.from_series(calm.ids, values, calm.starts, calm.frequency)
    for day in watch(model, calm):
        assert day.scores["psi"] < 0.1  # type: ignore[operator]
    found = scores(watch(model, wild))
    assert found["2024-01-05"].scores["psi"] < 0.1  # type: ignore[operator]
    assert found["2024-01-09"].scores["psi"] > 0.25  # type: ignore[operator]


def test_psi_of_what_is_the_same() -> None:
    """The very changes that were summed up have not shifted; few say nothing."""
    panel = panel_of(9 * HOURS)
    known = summary(panel, HOURS)
    assert known is not None
    same = np.concatenate(
        [
            changes(values, HOURS, seasonal_scale(values, HOURS))
            for values in (panel.values_of(i) for i in range(len(panel)))
        ]
    )
    assert psi(known, same) == pytest.approx(0.0, abs=1e-3)
    assert psi(known, same[:99]) is None
    assert psi(known, same + 9.0) > 1.0  # type: ignore[operator]
    assert summary(panel_of(30), HOURS) is None
