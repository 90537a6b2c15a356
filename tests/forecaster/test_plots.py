"""Laws of the pictures: what they show, and that nothing a user names breaks them."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from forecaster.evaluation import backtest
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.plots import Chart, Fan, charts_of, fan_charts, save
from forecaster.report import Report
from tests.forecaster.oracles import Mean

ENDINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def chart(title: str = "a", fans: int = 1) -> Chart:
    """A week of days before two forecast days, in time."""
    times = np.datetime64("2024-01-01", "us") + np.arange(9) * np.timedelta64(1, "D")
    one = np.ones(2)
    fan = Fan(times[7:], one, {80: (one - 1, one + 1), 95: (one - 2, one + 2)})
    return Chart(title, times, np.arange(9.0), (fan,) * fans)


def report_of(series: int, windows: int, step_size: int) -> Report:
    """A backtest over series of noise, the later the noisier."""
    rng = np.random.default_rng(0)
    values = [rng.normal(0, 1 + k, 60) for k in range(series)]
    ids = [f"s{k}" for k in range(series)]
    panel = Panel.from_series(ids, values, [1] * series, Frequency("1"))
    return backtest(
        Mean(horizon=6), panel, windows=windows, step_size=step_size, name="m"
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_picture_is_what_its_ending_says(ending: str, tmp_path: Path) -> None:
    """PNG, SVG and PDF files begin as such files do."""
    path = tmp_path / f"fan{ending}"
    save(fan_charts([chart()], "title"), path)
    assert path.read_bytes().startswith(ENDINGS[ending])


@pytest.mark.parametrize(
    "name", ["$x", "$\\frac$", "a_b^c$$", "价格", "x" * 500, "a\nb"]
)
def test_any_id_can_be_a_title(name: str, tmp_path: Path) -> None:
    """Ids that look like formulas, foreign scripts and long ids draw without a warning."""
    save(fan_charts([chart(name)], name), tmp_path / "fan.png")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
def test_there_is_one_pair_of_axes_per_chart(count: int) -> None:
    """However many series, each is drawn once and titled."""
    axes = fan_charts([chart(f"s{k}") for k in range(count)]).axes
    assert [ax.get_title(loc="left") for ax in axes] == [f"s{k}" for k in range(count)]


def test_the_wide_band_lies_behind_the_narrow_one() -> None:
    """Of several bands the widest is drawn first, whatever the order they came in."""
    (axes,) = fan_charts([chart()]).axes
    bands = [item for item in axes.collections if isinstance(item, PolyCollection)]
    heights = [np.ptp(band.get_paths()[0].vertices[:, 1]) for band in bands]
    assert len(heights) == 2
    assert heights == sorted(heights, reverse=True)


def test_the_fan_opens_at_the_last_value_observed() -> None:
    """Median and bands begin at the observation before the first forecast step."""
    (axes,) = fan_charts([chart()]).axes
    median = next(line for line in axes.lines if line.get_label() == "median")
    assert median.get_ydata()[0] == 6.0
    assert len(median.get_ydata()) == 3


def test_every_band_is_named_once() -> None:
    """The legend names bands, median, cutoff and observations once, however many fans."""
    figure = fan_charts([chart(fans=3), chart()])
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["95 % interval", "80 % interval", "median", "cutoff", "observed"]


def test_a_series_of_missing_values_can_be_drawn(tmp_path: Path) -> None:
    """Nothing observed before the forecast, and nothing after: the fan stands alone."""
    empty = chart()
    alone = Chart("a", empty.times, np.full(9, np.nan), empty.fans)
    save(fan_charts([alone]), tmp_path / "fan.png")


def test_charts_of_a_report_go_from_best_to_worst() -> None:
    """Of many series, the best, the worst and some between are shown, by MASE."""
    report = report_of(series=20, windows=2, step_size=6)
    titles = [chart.title for chart in charts_of(report, count=5)]
    scores = report.scores["m"]["mase"]
    shown = [scores[report.panel.ids.index(title)] for title in titles]
    assert len(shown) == 5
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == (scores.min(), scores.max())


@pytest.mark.parametrize("step_size", [1, 4, 6, 9])
def test_windows_shown_do_not_overlap(step_size: int) -> None:
    """Each fan ends before the next begins, and the last ends with the series."""
    report = report_of(series=1, windows=5, step_size=step_size)
    (one,) = charts_of(report)
    for before, after in zip(one.fans, one.fans[1:], strict=False):
        assert before.times[-1] < after.times[0]
    assert one.fans[-1].times[-1] == one.times[-1] == 60


def test_a_fan_of_a_report_is_its_forecast() -> None:
    """Times, median and bands drawn are those of the report's last window."""
    report = report_of(series=1, windows=3, step_size=6)
    (one,) = charts_of(report)
    last = one.fans[-1]
    quantiles = report.forecasts["m"][0, -1]
    np.testing.assert_array_equal(last.median, quantiles[:, 2])
    np.testing.assert_array_equal(last.bands[95][0], quantiles[:, 0])
    np.testing.assert_array_equal(last.times, np.arange(55, 61))
    np.testing.assert_array_equal(one.values[-6:], report.actual[0, -1])


def test_a_chart_says_its_score_beside_the_best_baseline() -> None:
    """Of a constant history, which has no MASE, it says nothing."""
    report = report_of(series=1, windows=3, step_size=6)
    scores = {name: of["mase"][0] for name, of in report.scores.items()}
    best = min(scores["Naive"], scores["SeasonalNaive"])
    (one,) = charts_of(report)
    assert one.note.startswith(f"MASE {scores['m']:.3g}, best baseline {best:.3g} (")
    flat = Panel.from_series(["a"], [np.ones(30)], [1], Frequency("1"))
    model = Mean(horizon=6)
    (one,) = charts_of(backtest(model, flat, windows=1, step_size=6, name="m"))
    assert one.note == ""
