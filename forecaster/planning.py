"""Defaults chosen by the data: its frequency, its lengths, its number of series."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecaster import holiday
from forecaster.calendar import feature_names
from forecaster.config import (
    Architecture,
    Schedule,
    Task,
    at_least,
    configured,
)
from forecaster.errors import DataError
from forecaster.panel import Panel

# What is forecast when nobody says: about two seasons, at most these many steps.
LONGEST_DEFAULT_HORIZON = 48
LONGEST_RING = 1024
# How long is trained when nobody says.
LEAST_STEPS = 240
MANY = 100  # series
MOST_LANES, LONGEST_CHUNK, CHUNKS_A_LANE = 64, 64, 4
# Of all series together, from which on long ones bear to be told twice as often.
MANY_SEASONS = 1000
# What a network of this shape can hold in memory while it trains.
LONGEST_SEASON = 4096
LONGEST_HORIZON = 1024


class Effort(NamedTuple):
    """How long a panel is worth training on."""

    epochs: int
    most_steps: int


# Long series of many seasons bear to be told twice as often as others; few without a season
# are soon known by heart, and have the least to say.
MANY_LONG, FEW_LONG, SHORT = Effort(45, 3000), Effort(90, 1500), Effort(45, 1500)
MANY_WITHOUT_SEASON, FEW_WITHOUT_SEASON = Effort(45, 1000), Effort(25, 500)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is decided before training begins."""

    task: Task
    architecture: Architecture
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for; None leaves the choice to the data."""

    horizon: int | None = None
    season_length: int | None = None
    cell: str | None = None
    seed: int | None = None
    max_time_s: float | None = None
    config: Path | None = None
    holidays: tuple[str, ...] = ()
    parent: str | None = None  # version or alias whose weights to begin with
    fresh: bool = False  # ignore what a killed training left
    alias: str | None = None  # role of the new version, unless it is the first

    def __post_init__(self) -> None:
        for name in ("horizon", "season_length"):
            if getattr(self, name) is not None:
                at_least(name, getattr(self, name), 1)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where neither the file nor the command line says otherwise."""

    architecture: Architecture
    schedule: Schedule


def plan(panel: Panel, wishes: Wishes, defaults: Defaults | None = None) -> Plan:
    """Decides horizon, season, ring, architecture and schedule.

    Args:
        panel: the training data.
        wishes: what the user asked for.
        defaults: None leaves them to the data.

    Raises:
        ConfigError: for a configuration file that cannot be used.
        DataError: when no series is long enough to learn from.
    """
    longest = int(panel.lengths.max())
    season = _season(wishes.season_length, panel.frequency.season_length, longest)
    horizon = _horizon(wishes.horizon, season, longest)
    ring = ring_length(season, horizon, panel.lengths)
    names = panel.exog.columns
    holiday.check(panel.frequency, wishes.holidays)
    task = Task(
        horizon=horizon,
        season_length=season,
        ring=ring,
        seasons=seasons_in_cycle(season, ring),
        calendar=len(feature_names(panel.frequency, wishes.holidays)),
        futr=len(names.futr),
        hist=len(names.hist),
        static=tuple(_categories(values) for values in panel.exog.stat),
    )
    overrides = {
        "cell": wishes.cell,
        "seed": wishes.seed,
        "max_time_s": wishes.max_time_s,
    }
    given = {name: value for name, value in overrides.items() if value is not None}
    if defaults is None:
        defaults = Defaults(Architecture(), default_schedule(panel.lengths, season))
    architecture, schedule = configured(
        wishes.config, given, defaults.architecture, defaults.schedule
    )
    # Each lane needs a chunk of its own, also when a quarter of the steps is held out.
    most = max(1, 3 * len(panel.values) // (4 * schedule.chunk))
    schedule = replace(schedule, lanes=min(schedule.lanes, most))
    return Plan(task, architecture, schedule)


def _categories(values: NDArray[Any]) -> int:
    """How many texts a static column holds, 0 for one of numbers."""
    return 0 if values.dtype.kind == "f" else len(set(values) - {None})


def _season(wished: int | None, natural: int, longest: int) -> int:
    """The season asked for, else that of the calendar where the data reach over it."""
    if wished is None:
        return natural if natural < longest else 1
    if wished > LONGEST_SEASON or wished >= longest:
        most = min(LONGEST_SEASON, longest - 1)
        raise DataError(
            f"season-length {wished}: expected at most {most}, for the longest series has "
            f"{longest} steps and a network holds seasons up to {LONGEST_SEASON}. Give "
            "more history or a shorter --season-length."
        )
    return wished


def _horizon(wished: int | None, season: int, longest: int) -> int:
    """The horizon asked for, else one that suits the season and the data."""
    horizon = default_horizon(season, longest) if wished is None else wished
    if horizon > LONGEST_HORIZON:
        raise DataError(
            f"horizon {horizon}: expected at most {LONGEST_HORIZON} steps at once. Train "
            "a shorter --horizon; predict and the service roll it forward."
        )
    if longest < horizon + 2:
        raise DataError(
            f"horizon {horizon}: expected at least one series of {horizon + 2} steps or more, "
            f"the longest has {longest}. Give more history or a shorter --horizon."
        )
    return horizon


def default_horizon(season: int, longest: int) -> int:
    """Two seasons, or a season, or a dozen steps; at most a fifth of the longest series.

    >>> default_horizon(24, 1000), default_horizon(288, 10_000), default_horizon(1, 40)
    (48, 288, 8)
    """
    wanted = (
        12 if season == 1 else max(season, min(2 * season, LONGEST_DEFAULT_HORIZON))
    )
    return max(1, min(wanted, longest // 5))


def ring_length(season: int, horizon: int, lengths: Any) -> int:
    """How many values are kept exactly: about four horizons, two seasons and two cycles.

    A series should live several times as long as its ring, or there is little to train
    on once the ring is full: where two cycles are too many one is kept. One season and
    one horizon are kept in any case.

    >>> ring_length(24, 48, np.array([9000])), ring_length(24, 48, np.array([700, 960]))
    (336, 192)
    >>> ring_length(1, 13, np.array([934]))
    52
    """
    wanted = min(max(2 * season, 4 * horizon), LONGEST_RING)
    affordable = max(int(np.median(lengths)) // 3, min(horizon, LONGEST_RING))
    cycle = seasons_in_cycle(season, LONGEST_RING) * season
    two = 2 * cycle <= min(affordable, LONGEST_RING)
    wanted = max(wanted, 2 * cycle if two else cycle)
    return max(season + 1, min(wanted, affordable))


def seasons_in_cycle(season: int, ring: int) -> int:
    """Seven where seasons look like days of hours and the ring holds a week, else one.

    >>> seasons_in_cycle(24, 192), seasons_in_cycle(24, 100), seasons_in_cycle(12, 192)
    (7, 1, 1)
    """
    return 7 if 18 <= season <= 48 and ring >= 7 * season else 1


def default_schedule(lengths: Any, season: int) -> Schedule:
    """How long to train: so many epochs, with lanes that go on for several chunks.

    >>> default_schedule(np.full(414, 960), 24).steps
    3000
    >>> default_schedule(np.full(8, 5311), 1).steps, default_schedule(np.full(8, 5311), 7).steps
    (259, 933)
    >>> default_schedule(np.full(1428, 115), 12).steps, default_schedule([20_000], 288).steps
    (1500, 240)
    >>> default_schedule(np.full(3, 500), 1).lanes
    5
    """
    total = int(np.sum(lengths))
    chunk = int(np.clip(np.median(lengths) // 2, 8, LONGEST_CHUNK))
    lanes = int(np.clip(total // (CHUNKS_A_LANE * chunk), 4, MOST_LANES))
    # Steps of a few minutes are many, but tell of few seasons.
    many_seasons = total >= MANY_SEASONS * season
    long = lanes == MOST_LANES and chunk == LONGEST_CHUNK and many_seasons
    effort = _effort(len(lengths), season, long=long)
    wanted = effort.epochs * total // (lanes * chunk)
    steps = int(np.clip(wanted, LEAST_STEPS, effort.most_steps))
    return Schedule(steps=steps, lanes=lanes, chunk=chunk)


def _effort(series: int, season: int, *, long: bool) -> Effort:
    """How long so many series with or without a season are worth training on."""
    if season == 1:
        return MANY_WITHOUT_SEASON if series >= MANY else FEW_WITHOUT_SEASON
    if not long:
        return SHORT
    return MANY_LONG if series >= MANY else FEW_LONG
