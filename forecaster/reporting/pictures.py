"""Pictures of a comparison, each as a source for an `<img>` with its text alternative.

Drawn as SVG of the width of a phone, so that nothing is too small to read there.
"""

import base64
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from forecaster import metrics, scoring
from forecaster.plots import GRID, INK, MEDIAN, MUTED, Chart, style
from forecaster.registry import CHALLENGER, CHAMPION
from forecaster.report import Report

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 5.0, 3.1  # inches
FANS = 4  # series that are drawn
OLD = "#b3661a"  # the champion, beside MEDIAN for the challenger
COLOURS = {CHALLENGER: MEDIAN, CHAMPION: OLD}
SHADES = {CHALLENGER: "#9fc3e6", CHAMPION: "#f0c9a0"}
WIDE = 20  # from so many times the lowest score on a scale is logarithmic
MOST_STEPS = 48  # groups of steps along the horizon


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: its source, what it says to who cannot see it, and a line below."""

    source: str
    alternative: str
    caption: str


def pictures_of(report: Report, metric: str) -> Iterator[Picture]:
    """Scores by step and by series, then the fans of a few series."""
    yield _by_steps(report, metric)
    yield _by_series(report, metric)
    order = _from_best_to_worst(report, metric)
    places = np.linspace(0, len(order) - 1, min(FANS, len(order))).round().astype(int)
    for series in order[places]:
        yield _fans(report, metric, int(series))


def _from_best_to_worst(report: Report, metric: str) -> NDArray[np.int64]:
    """The series by what the challenger gains there, so that no choice flatters."""
    ours, theirs = (report.scores[name][metric] for name in (CHALLENGER, CHAMPION))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.argsort(ours / theirs, kind="stable")  # NaN comes last


def _by_steps(report: Report, metric: str) -> Picture:
    """The mean score over series by steps ahead."""
    groups = np.array_split(
        np.arange(1, report.horizon + 1), min(MOST_STEPS, report.horizon)
    )
    names = (CHALLENGER, CHAMPION, *report.baselines[-1:])
    curves: dict[str, list[float]] = {name: [] for name in names}
    for group in groups:
        part = report.judged.steps(int(group[0]), int(group[-1]))
        for name, scores in scoring.averaged(scoring.by_series(part)).items():
            if name in curves:
                curves[name].append(scores[metric])
    figure, axes = _empty(f"{metric} by steps ahead")
    at = [float(group.mean()) for group in groups]
    for name, curve in curves.items():
        axes.plot(
            at, curve, color=COLOURS.get(name, MUTED), label=_called(name), linewidth=1.6,
            marker="o" if len(at) <= 12 else "", markersize=3.5,
            linestyle="-" if name in COLOURS else (0, (4, 3)),
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    _legend(axes)
    ends = ", ".join(
        f"{_called(name)} from {curve[0]:.3g} to {curve[-1]:.3g}"
        for name, curve in curves.items()
    )
    return Picture(
        _source(figure),
        f"Lines of the mean {metric} by steps ahead, 1 to {report.horizon}: {ends}.",
        "How the error grows along the horizon; lower is better.",
    )


def _by_series(report: Report, metric: str) -> Picture:
    """A point for each series: the champion's score across, the challenger's up."""
    ours, theirs = (report.scores[name][metric] for name in (CHALLENGER, CHAMPION))
    known = np.isfinite(ours) & np.isfinite(theirs)
    ours, theirs = ours[known], theirs[known]
    figure, axes = _empty(f"{metric} of the challenger (up) and the champion (across)")
    axes.scatter(theirs, ours, s=22, color=MEDIAN, alpha=0.6, linewidths=0, zorder=3)
    least = min(ours.min(initial=np.inf), theirs.min(initial=np.inf))
    if 0 < WIDE * least < max(ours.max(initial=0), theirs.max(initial=0)):
        axes.set_xscale("log")
        axes.set_yscale("log")
    ends = (min(axes.get_xlim()[0], axes.get_ylim()[0]),
            max(axes.get_xlim()[1], axes.get_ylim()[1]))  # fmt: skip
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, zorder=2)
    axes.set(xlim=ends, ylim=ends)
    axes.grid(color=GRID, linewidth=0.8)
    better = int((ours < theirs).sum())
    return Picture(
        _source(figure),
        f"A point for each of {len(ours)} series: the {metric} of the champion across, of "
        f"the challenger up. {better} lie below the diagonal, where the challenger is better.",
        "A point is a series; below the line the challenger is better.",
    )


def _fans(report: Report, metric: str, series: int) -> Picture:
    """The last window of a series: what came, and what both forecast."""
    origin, horizon = int(report.origins[series, -1]), report.horizon
    begin = max(origin - 3 * horizon, 0)
    times = report.panel.times_of(series)
    values = report.panel.values_of(series)
    name = report.panel.ids[series]
    figure, axes = _empty("")
    for who in (CHAMPION, CHALLENGER):
        quantiles = report.forecasts[who][series, -1]
        low, high = metrics.interval(quantiles, report.levels, 80)
        ahead = times[origin : origin + horizon]
        axes.fill_between(
            ahead, low, high, color=SHADES[who], alpha=0.55, linewidth=0
        )  # fmt: skip
        axes.plot(
            ahead, metrics.at(quantiles, report.levels, 0.5),
            color=COLOURS[who], linewidth=1.6, label=who, zorder=3,
        )  # fmt: skip
    end = origin + horizon
    axes.plot(
        times[begin:end], values[begin:end], color=INK, linewidth=1.1, label="observed",
        zorder=4, marker="." if end - begin <= 100 else "", markersize=3.5,
    )  # fmt: skip
    style(axes, Chart(name, times[begin:end], values[begin:end], ()))
    _legend(axes)
    scores = [float(report.scores[who][metric][series]) for who in COLOURS]
    told = (
        f"{metric} of the challenger {scores[0]:.3g}, of the champion {scores[1]:.3g}"
    )
    return Picture(
        _source(figure),
        f"Series {name}: the last {horizon} values, and the median and 80% interval that "
        f"challenger and champion forecast of them. {told}.",
        f"{name}: {told}. Bands are 80% intervals.",
    )


def _empty(title: str) -> tuple[Figure, Axes]:
    """A figure of one pair of axes with little ink."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10.5, color=INK, parse_math=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=8.5, length=3, which="both")
    return figure, axes


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, handlelength=1.6)


def _called(name: str) -> str:
    return {"SeasonalNaive": "seasonal naive", "Naive": "naive"}.get(name, name)


def _source(figure: Figure) -> str:
    """The figure as a data URL."""
    out: Any = io.BytesIO()
    with warnings.catch_warnings():
        # An id in a script the font lacks is drawn as boxes, which says enough.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(out, format="svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode()}"
