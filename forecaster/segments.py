"""Parts of the forecasts of challenger and champion, and the scores of both there.

A mean over everything can hide that a part became much worse: the far end of the horizon,
the small series, those that have just begun. Shapes: `N` series, `W` windows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster import scoring
from forecaster.metrics import average
from forecaster.registry import CHALLENGER, CHAMPION
from forecaster.report import Report

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GROUPS = 3  # of series by their size
YOUNG = 0.5  # a young series has less history than this share of the median


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the forecasts: its name, and the mean score of both over series."""

    name: str
    series: int
    challenger: float
    champion: float

    @property
    def worse(self) -> float:
        """By what share the challenger is worse; negative where it is better."""
        return -better(self.challenger, self.champion)


def segments_of(report: Report, metric: str) -> Iterator[Segment]:
    """All parts that are looked at and have a score of both."""
    every = np.arange(len(report.panel))
    for first, last in scoring.step_groups(report.horizon):
        steps = f"step {first}" if first == last else f"steps {first} to {last}"
        part = report.judged.steps(first, last)
        yield from _segment(f"{steps} ahead", every, both(part, metric))
    scores = both(report.judged, metric)
    for name, chosen in (*_by_size(report), *_young(report)):
        yield from _segment(name, chosen, scores)


def _segment(
    name: str, chosen: Ints, scores: tuple[Floats, Floats]
) -> Iterator[Segment]:
    ours, theirs = (one[chosen] for one in scores)
    known = np.isfinite(ours) & np.isfinite(theirs)
    if known.any():
        means = float(ours[known].mean()), float(theirs[known].mean())
        yield Segment(name, int(known.sum()), *means)


def _by_size(report: Report) -> Iterator[tuple[str, Ints]]:
    """Groups of series of about equal number, by how large their values are."""
    firsts = report.origins[:, 0]
    sizes = np.array(
        [
            average(np.abs(report.panel.values_of(i)[:first]))
            for i, first in enumerate(firsts)
        ]
    )
    if len(sizes) < 2 * GROUPS:
        return
    names = ("the smallest series", "the series of middle size", "the largest series")
    order = np.argsort(sizes, kind="stable")
    yield from zip(names, np.array_split(order, GROUPS), strict=True)


def _young(report: Report) -> Iterator[tuple[str, Ints]]:
    """Series of which little was known at their first cutoff."""
    firsts = report.origins[:, 0]
    limit = YOUNG * np.median(firsts)
    chosen = np.flatnonzero(firsts < limit)
    if len(chosen) > 1:
        yield f"young series of fewer than {limit:.0f} values", chosen


def by_window(judged: scoring.Judged) -> scoring.Judged:
    """Every window of a series `[N, W]` as a series of its own `[N * W, 1]`."""
    count, windows, horizon = judged.actual.shape
    parts = {
        name: q.reshape(count * windows, 1, horizon, -1)
        for name, q in judged.forecasts.items()
    }
    return scoring.Judged(
        judged.actual.reshape(-1, 1, horizon),
        parts,
        judged.levels,
        np.repeat(judged.scale, windows),
    )


def both(judged: scoring.Judged, metric: str) -> tuple[Floats, Floats]:
    """The scores of challenger and champion, one per series `[N]`."""
    two = {name: judged.forecasts[name] for name in (CHALLENGER, CHAMPION)}
    scores = scoring.by_series(
        scoring.Judged(judged.actual, two, judged.levels, judged.scale)
    )
    return scores[CHALLENGER][metric], scores[CHAMPION][metric]


def better(ours: float, theirs: float) -> float:
    """By what share of theirs ours is lower; nothing is better than 0."""
    if theirs > 0:
        return float(1.0 - ours / theirs)
    return 0.0 if ours == theirs else float("-inf")
