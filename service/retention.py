"""How much of the log of a series is kept: what is asked for, and what a model needs.

A state is a cache of the log. What is forgotten of the log cannot be told to the next
version of a model, so as much is always kept as leads to nearly the same state.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from forecaster import manifest, registry
from forecaster.covariates import Covariates
from forecaster.errors import ArtifactError
from forecaster.manifest import Manifest
from forecaster.settings import Retention
from service.grids import frequency_of, times_at
from service.records import Grid, Span

DAY = np.timedelta64(1, "D")
# What a state remembers exactly is the ring; after it, so many chunks of training led to
# forecasts on average within two hundredths of their interval's width of those of the whole
# history.
CHUNKS = 4
CHUNK = 64
WORTHWHILE = 0.1  # nothing is pruned before so much of what is kept has come on top
SAMPLE = 400  # steps that show how long one is at most


@dataclass(frozen=True, slots=True)
class Need:
    """What the versions of a model need of each of its series."""

    steps: int  # newest ones
    static: frozenset[str]  # covariates that hold from the step on that they stand at


def need_of(about: Manifest) -> Need:
    """Return what one version needs.

    >>> from tests.service.fakes import manifest
    >>> need_of(manifest())
    Need(steps=304, static=frozenset())
    """
    ring = int(about.architecture.get("ring", 2 * about.season_length))
    chunk = int(about.training.get("chunk", CHUNK))
    static = Covariates.read(about.covariates).of("stat")
    return Need(ring + CHUNKS * chunk, frozenset(column.name for column in static))


def needs_of(models_dir: Path) -> dict[str, Need]:
    """Return what each model needs, whichever of its versions is served.

    A model with a version that cannot be read is left out: nobody knows its needs. So is
    one whose last version has just gone.
    """
    found: dict[str, Need] = {}
    for name in registry.names(models_dir):
        folders = (models_dir / name / v for v in registry.versions(models_dir, name))
        try:
            needs = [need_of(manifest.read(folder)) for folder in folders]
        except (ArtifactError, OSError, LookupError, TypeError, ValueError):
            continue  # whatever another release, or a hand, wrote into a manifest
        if not needs:
            continue
        found[name] = Need(
            max(need.steps for need in needs),
            frozenset[str]().union(*(need.static for need in needs)),
        )
    return found


def first_kept(grid: Grid, span: Span, keep: Retention, need: Need) -> int:
    """Return the step with which the log is to begin; ``span.kept`` to prune nothing.

    >>> keep, need = Retention(keep_points=500), Need(300, frozenset())
    >>> first_kept(Grid("h", 0), Span(0, 2000), keep, need)
    1500
    >>> first_kept(Grid("h", 0), Span(0, 2000), Retention(keep_days=30), need)
    1279
    >>> first_kept(Grid("h", 0), Span(0, 540), keep, need)  # not worthwhile yet
    0
    """
    if span.end - span.kept <= fewest(grid.frequency, keep, need):
        return span.kept
    cut = span.kept
    if keep.keep_points:
        cut = max(cut, span.end - keep.keep_points)
    if keep.keep_days and not frequency_of(grid.frequency).is_integer:
        cut = max(cut, _after(grid, span, keep.keep_days))
    return max(span.kept, min(cut, span.end - need.steps))


def fewest(frequency: str, keep: Retention, need: Need) -> float:
    """Return of how many steps no series has so many that pruning is worthwhile."""
    asked = float(keep.keep_points) if keep.keep_points else math.inf
    if keep.keep_days:
        asked = min(asked, keep.keep_days / _longest_days(frequency))
    return max(asked, need.steps) * (1 + WORTHWHILE)


def is_wanted(keep: Retention) -> bool:
    """Whether anything is ever to be pruned."""
    return bool(keep.keep_points or keep.keep_days)


def static_before(
    rows: Mapping[int, Mapping[str, object]], need: Need
) -> dict[str, object]:
    """Return what held at the end of some rows of covariates, by step in order.

    >>> rows = {1: {"shop": "a", "promo": 1}, 5: {"shop": "b"}, 9: {"promo": 0}}
    >>> static_before(rows, Need(1, frozenset({"shop"})))
    {'shop': 'b'}
    """
    held: dict[str, object] = {}
    for row in rows.values():
        held |= {name: row[name] for name in row.keys() & need.static}
    return held


def _after(grid: Grid, span: Span, days: int) -> int:
    """Return the first step that is no older than so many days before the last."""

    def time(step: int) -> np.datetime64:
        found: np.datetime64 = times_at(grid, np.array([step]))[0]
        return found

    steps = range(span.kept, span.end)
    return span.kept + bisect_left(steps, time(span.end - 1) - days * DAY, key=time)


@lru_cache(maxsize=64)
def _longest_days(frequency: str) -> float:
    """Return the days of the longest step; none is as long as a whole number's."""
    if frequency_of(frequency).is_integer:
        return 1e-9
    times = times_at(Grid(frequency, 0), np.arange(SAMPLE))
    return float(np.diff(times).max() / DAY)
