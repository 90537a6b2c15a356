"""What can be configured about a model, as small frozen values, and the file it is read from.

A configuration file is TOML, each entry optional; what stands in `[covariates]` may also
stand at the top:

    futr_exog = ["promo"]
    holidays = "US"
    [network]
    units = 64
    [training]
    steps = 500
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from forecaster.errors import ConfigError
from forecaster.exog import Columns

QUANTILES = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
CELLS = ("lstm", "gru", "rnn", "peephole", "coupled")
COVARIATES = "covariates"
COVARIATE_ENTRIES = ("futr_exog", "hist_exog", "stat_exog", "holidays")
MOST_SEED = 2**32 - 1  # NumPy takes no larger one


@dataclass(frozen=True, slots=True)
class Task:
    """What is forecast: the shape of the problem, read off the data and the command line."""

    horizon: int
    season_length: int
    ring: int  # values kept exactly, at least one season
    calendar: int  # features that the calendar gives: never missing, known ahead
    futr: int = 0  # covariates that are known ahead
    hist: int = 0  # covariates that are known up to now
    static: tuple[int, ...] = ()  # per series: 0 for a number, else how many categories
    quantiles: tuple[float, ...] = QUANTILES
    seasons: int = 1  # seasons in the longest cycle: 7 where days make a week

    @property
    def cycle(self) -> int:
        """M, steps of the longest cycle, whose average course is remembered."""
        return self.seasons * self.season_length

    @property
    def known(self) -> int:
        """K, the features that are known ahead; they come first in a row."""
        return self.calendar + self.futr

    @property
    def features(self) -> int:
        """F, all features of a step."""
        return self.known + self.hist + len(self.static)


@dataclass(frozen=True, slots=True)
class Architecture:
    """How large the network is: table `[network]`."""

    cell: str = "lstm"
    layers: int = 2
    units: int = 64
    patch_units: int = 128
    head_units: int = 128
    dropout: float = 0.15
    drop_recurrent: float = 0.5  # of the lanes: their head hears the ring alone
    recurrence: bool = (
        True  # without it the ring and the average course are all there is
    )

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ConfigError(
                f"cell: expected one of {', '.join(CELLS)}; got {self.cell!r}."
            )
        for name in ("layers", "units", "patch_units", "head_units"):
            at_least(name, getattr(self, name), 1)
        for name in ("dropout", "drop_recurrent"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ConfigError(
                    f"{name}: expected 0 to below 1, got {getattr(self, name)}."
                )


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the network is trained: table `[training]`."""

    steps: int
    lanes: int
    chunk: int
    learning_rate: float = 4e-3
    max_time_s: float = 720.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "lanes", "chunk"):
            at_least(name, getattr(self, name), 1)
        at_least("seed", self.seed, 0)
        if self.seed > MOST_SEED:
            raise ConfigError(f"seed: expected at most {MOST_SEED}, got {self.seed}.")
        for name in ("learning_rate", "max_time_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(
                    f"{name}: expected above 0 and finite, got {getattr(self, name)}."
                )


def configured(
    file: Path | None,
    given: Mapping[str, Any],
    architecture: Architecture,
    schedule: Schedule,
) -> tuple[Architecture, Schedule]:
    """The defaults, under the tables of the file, under what the command line gave.

    Raises:
        ConfigError: for a file that cannot be used.
    """
    found = tables(file)
    return (
        _override(_entries(file, "network", architecture, found), given),
        _override(_entries(file, "training", schedule, found), given),
    )


Spec = TypeVar("Spec", Architecture, Schedule)


def _entries(
    file: Path | None, table: str, spec: Spec, found: Mapping[str, Mapping[str, Any]]
) -> Spec:
    """A spec with the entries of a table of the file, each checked for its type."""
    kinds = {field.name: type(getattr(spec, field.name)) for field in fields(spec)}
    entries, where = found.get(table, {}), f"{file}, [{table}]: "
    for name, value in entries.items():
        if name not in kinds:
            raise ConfigError(
                f"{where}{name}: not an entry. Expected one of {', '.join(kinds)}."
            )
        number = kinds[name] is float and type(value) is int
        if type(value) is not kinds[name] and not number:
            expected = f"expected {kinds[name].__name__}, got {value!r}"
            raise ConfigError(f"{where}{name}: {expected}. Mend the entry.")
    try:
        return replace(spec, **entries)
    except ConfigError as error:
        raise ConfigError(f"{where}{error} Mend the entry.") from error


def _override(spec: Spec, given: Mapping[str, Any]) -> Spec:
    """A spec with what the command line gave of it."""
    names = {field.name for field in fields(spec)}
    return replace(spec, **{name: given[name] for name in names & given.keys()})


def covariates_from(
    file: Path | None, given: Mapping[str, Sequence[str]]
) -> tuple[Columns, tuple[str, ...]]:
    """Covariates and holidays: the file's `[covariates]`, under the command line.

    Args:
        file: the configuration file, None for none.
        given: names by entry, `futr_exog` and so on, as given on the command line.

    Returns:
        The columns by kind, and the countries whose holidays count.
    """
    table, chosen = tables(file).get(COVARIATES, {}), []
    for entry in table.keys() - set(COVARIATE_ENTRIES):
        raise ConfigError(
            f"{file}, [{COVARIATES}]: {entry}: not an entry. Expected one of "
            f"{', '.join(COVARIATE_ENTRIES)}."
        )
    for entry in COVARIATE_ENTRIES:
        named = table.get(entry, [])
        named = [named] if isinstance(named, str) else named
        if not isinstance(named, list) or not all(isinstance(n, str) for n in named):
            raise ConfigError(
                f"{file}: {entry}: expected a list of texts, got {named!r}. Mend the entry."
            )
        chosen.append(tuple(given.get(entry, ()) or named))
    futr, hist, stat, holidays = chosen
    return Columns(futr, hist, stat), tuple(dict.fromkeys(holidays))


def tables(file: Path | None) -> dict[str, dict[str, Any]]:
    """The tables of a configuration file; none when there is no file."""
    if file is None:
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file}: expected a TOML file, {error}. Mend or leave it out."
        ) from error
    top = {key: content.pop(key) for key in COVARIATE_ENTRIES if key in content}
    known = ("network", "training", COVARIATES)
    for table, entries in content.items():
        if table not in known or not isinstance(entries, dict):
            raise ConfigError(
                f"{file}: expected the tables [{'], ['.join(known)}] and the entries "
                f"{', '.join(COVARIATE_ENTRIES)}, got {table!r}. Remove it."
            )
    if top:
        content[COVARIATES] = {**top, **content.get(COVARIATES, {})}
    return content


def at_least(name: str, value: int, least: int) -> None:
    """Refuses a number that is too small."""
    if value < least:
        raise ConfigError(f"{name}: expected at least {least}, got {value}.")
