"""Fan charts: the history of a series, its forecasts with their bands, and what came.

Figures are made without pyplot, so that nothing global is touched and no window opens.
Shapes: `T` observed values, `H` steps of a forecast.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.report import INTERVALS, Report

Floats = NDArray[np.floating[Any]]
Times = NDArray[Any]

INK, MUTED, GRID = "#1c2733", "#66717e", "#e6e9ed"
MEDIAN, SHADES = "#1b5e9e", ("#d3e3f3", "#9fc3e6", "#6da3d6")  # widest band first
WIDTH, HEIGHT = 6.4, 2.7  # of one chart, in inches
FEW_CHARTS = 3  # so few stand in one column
MOST_WINDOWS = 4
FEW = 100  # so few values are marked one by one
# What the ticks leave out, beside the axis: per year, month, day, hour, minute, second.
OFFSETS = ["", "%Y", "%b %Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"]


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """One forecast: its times `[H]`, median `[H]`, and low and high `[H]` by level."""

    times: Times
    median: Floats
    bands: dict[float, tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """One series: what was observed `[T]`, before and after, and forecasts of it."""

    title: str
    times: Times
    values: Floats
    fans: tuple[Fan, ...]
    note: str = ""


def charts_of(report: Report, count: int = 6) -> list[Chart]:
    """Charts of a backtest's own model, of up to `count` series.

    The series are spread evenly from the best to the worst by MASE, so that the
    picture does not flatter; each with its last cutoffs that do not overlap.
    """
    name = report.name
    order = np.argsort(report.scores[name]["mase"], kind="stable")  # NaN comes last
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [_chart(report, name, int(series)) for series in order[places]]


def _chart(report: Report, name: str, series: int) -> Chart:
    """One series of a backtest."""
    origins, horizon = report.origins[series], report.horizon
    apart = -(-horizon // int(np.diff(origins).min(initial=horizon)))
    windows = np.arange(len(origins))[::-apart][:MOST_WINDOWS][::-1]
    begin = max(int(origins[windows[0]]) - 2 * horizon - len(windows), 0)
    end = int(origins[-1]) + horizon
    times = report.panel.times_of(series)
    fans = [
        _fan(report, name, series, int(window), times[origins[window] :][:horizon])
        for window in windows
    ]
    return Chart(
        title=report.panel.ids[series],
        note=_note(report, series),
        times=times[begin:end],
        values=report.panel.values_of(series)[begin:end],
        fans=tuple(fans),
    )


def _note(report: Report, series: int) -> str:
    """The MASE of the model on one series, and of the best baseline there."""
    scores = {name: float(s["mase"][series]) for name, s in report.scores.items()}
    own = scores.pop(report.name)
    known = {name: score for name, score in scores.items() if np.isfinite(score)}
    if not known or not np.isfinite(own):
        return ""  # a constant history has no scale
    best = min(known, key=known.__getitem__)
    return f"MASE {own:.3g}, best baseline {known[best]:.3g} ({best})"


def _fan(report: Report, name: str, series: int, window: int, times: Times) -> Fan:
    """One forecast of a backtest."""
    quantiles = report.forecasts[name][series, window]
    return Fan(
        times=times,
        median=metrics.at(quantiles, report.levels, 0.5),
        bands={
            float(level): metrics.interval(quantiles, report.levels, level)
            for level in INTERVALS
        },
    )


def fan_charts(charts: Sequence[Chart], title: str = "") -> Figure:
    """Draw one chart per series, in one column, or two where there are many.

    >>> steps = np.arange(4)
    >>> fan = Fan(steps[2:], np.ones(2), {80: (np.zeros(2), 2 * np.ones(2))})
    >>> len(fan_charts([Chart("a", steps, np.ones(4), (fan,))] * 3).axes)
    3
    """
    columns = 1 if len(charts) <= FEW_CHARTS else 2
    rows = -(-len(charts) // columns)
    size = (WIDTH * max(columns, 1.5), HEIGHT * max(rows, 1.3) + 0.6)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=size, dpi=150, layout=layout, facecolor="white")
    for place, chart in enumerate(charts):
        _draw(figure.add_subplot(rows, columns, place + 1), chart)
    if title:
        figure.suptitle(
            title, x=0.012, ha="left", fontsize=12, color=INK, parse_math=False
        )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels),
        frameon=False, fontsize=9, labelcolor=INK, handlelength=1.6,
    )  # fmt: skip
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a picture in the format its ending names."""
    with warnings.catch_warnings():
        # An id in a script the font lacks is drawn as boxes, which says enough.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(path)


def _draw(axes: Axes, chart: Chart) -> None:
    """One series on one pair of axes."""
    for number, fan in enumerate(chart.fans):
        _draw_fan(axes, _joined(chart, fan), labelled=number == 0)
    known = int((~np.isnan(chart.values)).sum())
    axes.plot(
        chart.times, chart.values, color=INK, linewidth=1.1, label="observed", zorder=4,
        marker="." if known <= FEW else "", markersize=3.5,
    )  # fmt: skip
    style(axes, chart)


def _draw_fan(axes: Axes, fan: Fan, labelled: bool) -> None:
    """Bands, the widest first and lightest, the median, and a line at the cutoff."""
    for shade, level in zip(SHADES, sorted(fan.bands, reverse=True), strict=False):
        label = f"{level:g} % interval" if labelled else None
        low, high = fan.bands[level]
        axes.fill_between(fan.times, low, high, color=shade, linewidth=0, label=label)
    axes.plot(
        fan.times, fan.median, color=MEDIAN, linewidth=1.6, zorder=3,
        label="median" if labelled else None,
    )  # fmt: skip
    axes.axvline(
        fan.times[0], color=MUTED, linewidth=0.7, linestyle=(0, (2, 3)),
        label="cutoff" if labelled else None,
    )  # fmt: skip


def _joined(chart: Chart, fan: Fan) -> Fan:
    """The fan opened at the last value before it, if that was observed."""
    before = np.flatnonzero((chart.times < fan.times[0]) & ~np.isnan(chart.values))
    if not len(before):
        return fan
    last = before[-1:]
    value = chart.values[last]
    bands = {
        level: (np.append(value, low), np.append(value, high))
        for level, (low, high) in fan.bands.items()
    }
    times = np.concatenate([chart.times[last], fan.times])
    return Fan(times, np.append(value, fan.median), bands)


def style(axes: Axes, chart: Chart) -> None:
    """Little ink beside the data: two light spines, a pale grid, few ticks."""
    _write(axes, chart.title, "left", fontsize=10.5, color=INK)
    _write(axes, chart.note, "right", fontsize=8.5, color=MUTED)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=8.5, length=3)
    axes.tick_params(axis="y", length=0)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.01)
    if chart.times.dtype.kind == "M":
        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        labels = ConciseDateFormatter(locator, offset_formats=OFFSETS)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(labels)
        axes.xaxis.get_offset_text().set(fontsize=8.5, color=MUTED)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))


def _write(
    axes: Axes, text: str, place: Literal["left", "right"], **style: Any
) -> None:
    """A line above the axes; an id such as "a$b$" is not read as a formula."""
    axes.set_title(_short(text), loc=place, parse_math=False, **style)


def _short(title: str, most: int = 60) -> str:
    """A title of one line."""
    line = " ".join(title.split())
    return line if len(line) <= most else line[: most - 1] + "…"
