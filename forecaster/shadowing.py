"""Versions in the shadow of the champion: how well they would have forecast in its place.

Every version that has an alias forecasts at the cutoffs of the champion (`watching`), each
with its own state carried over the same history, as it would have been in service. Scored
are the days of which it has learned nothing. What is wrong with such a version is said and
harms nobody: the champion alone decides what is looked at, and is scored as it were alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecaster import manifest as manifests
from forecaster import registry, roster
from forecaster.artifact import first_line
from forecaster.covariates import Covariates
from forecaster.errors import ArtifactError, ConfigError, ForecasterError
from forecaster.exog import Columns
from forecaster.frequency import Frequency
from forecaster.ground import Day, Ground, forecast, fresh_days, scored
from forecaster.manifest import Manifest
from forecaster.panel import Panel
from forecaster.proving import loaded
from forecaster.streaming import StepModel
from forecaster.watching import Spans, newest_cutoffs

Ints = NDArray[np.int64]
Say = Callable[[str], None]


class Log(Spans, Protocol):
    """What a service has observed of a model; values are read when they are asked for."""

    def panel(self, chosen: Ints, columns: Columns) -> Panel:
        """Some of the series, each from its first step to its last."""


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A version that is to be scored.

    Attributes:
        folder: where it lies.
        manifest: of it.
        ground: that of the champion, with the covariates that this version knows.
        days: those that count.
    """

    folder: Path
    manifest: Manifest
    ground: Ground
    days: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is to be compared.

    Attributes:
        champion: its version.
        entrants: by version, the champion first; none while it has learned from all.
        left_out: of other versions in play, why they cannot be compared.
    """

    champion: str
    entrants: Mapping[str, Entrant]
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What was found of one version.

    Attributes:
        days: its scores, oldest first.
        quantiles: its forecasts [N, W, H, Q]; None where no day counts.
        problem: why there is neither, where it cannot be used.
    """

    days: list[Day]
    quantiles: NDArray[np.float32] | None = None
    problem: str | None = None

    def told(self, version: str) -> str:
        """A line about the version.

        >>> Outcome([], problem="damaged").told("v1"), Outcome([]).told("v2")
        ('left out: v1: damaged', 'v2: 0 days scored')
        """
        if self.problem is not None:
            return f"left out: {version}: {self.problem}"
        return f"{version}: {len(self.days)} days scored"


def planned(models_dir: Path, name: str, log: Log) -> Plan:
    """Chooses cutoffs for the champion, and reads the series that they lie in.

    Raises:
        ModelNotFound: there is no such model, or it has no champion.
        ArtifactError: the manifest of the champion, or the aliases, cannot be read.
    """
    folder = registry.resolve(models_dir, name)
    champion = manifests.read(folder)
    ground, chosen = _ground(champion, log)
    if ground is None:
        return Plan(folder.name, {}, {})
    days = [str(day) for day in np.unique(ground.days)]
    entrants = {folder.name: Entrant(folder, champion, ground, days)}
    panels, left_out = {_columns(champion): ground.panel}, {}
    for version in roster.in_play(models_dir, name):
        if version == folder.name:
            continue
        try:
            manifest = manifests.read(folder.with_name(version))
            _check(manifest, ground)
            columns, fresh = _columns(manifest), fresh_days(ground, manifest)
        except ForecasterError as error:
            left_out[version] = str(error)
            continue
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # Whatever another release, or a hand, wrote into a manifest.
            left_out[version] = str(_unusable(folder.with_name(version), error))
            continue
        if columns not in panels:
            panels[columns] = log.panel(chosen, columns)
        own = replace(ground, panel=panels[columns])
        entrants[version] = Entrant(folder.with_name(version), manifest, own, fresh)
    return Plan(folder.name, entrants, left_out)


def compared(
    plan: Plan, say: Say, load: Callable[[Path], StepModel] = loaded
) -> dict[str, Outcome]:
    """What is found of each version, the champion first.

    Args:
        plan: what is to be compared.
        say: takes lines of progress.
        load: makes a model of the folder of a version.

    Raises:
        ForecasterError: the champion cannot be loaded, or forecasts no numbers.
    """
    found: dict[str, Outcome] = {}

    def note(version: str, one: Outcome) -> None:
        found[version] = one
        say(one.told(version))

    for version, entrant in plan.entrants.items():
        try:
            one = _outcome(entrant, load)
        except (ForecasterError, OSError) as error:
            if version == plan.champion:
                raise
            one = Outcome([], problem=str(error))
        note(version, one)
    if not plan.entrants:
        note(plan.champion, Outcome([]))
    for version, why in plan.left_out.items():
        note(version, Outcome([], problem=why))
    return found


def _outcome(entrant: Entrant, load: Callable[[Path], StepModel]) -> Outcome:
    if not entrant.days:
        return Outcome([])
    model = load(entrant.folder)
    try:
        quantiles = forecast(entrant.ground, model)
        days = scored(entrant.ground, entrant.manifest, quantiles, entrant.days)
    except ForecasterError:
        raise
    except Exception as error:  # a foreign graph raises whatever it likes
        raise _unusable(entrant.folder, error) from error
    return Outcome(days, quantiles.astype(np.float32))


def _unusable(folder: Path, error: Exception) -> ArtifactError:
    """What is said of a version that is none of ours."""
    return ArtifactError(
        f"{folder}: expected forecasts, got {type(error).__name__}: "
        f"{first_line(error)}. Train again or choose another version."
    )


def _ground(champion: Manifest, log: Log) -> tuple[Ground | None, Ints]:
    """Where the champion is scored, and which series of the log these are [N]."""
    chosen, origins = newest_cutoffs(champion, log)
    if not origins.size:
        return None, chosen
    panel = log.panel(chosen, _columns(champion))
    # Of a series without any value before a cutoff there is nothing to forecast from.
    begun = np.flatnonzero(
        [
            np.isfinite(panel.values_of(i)[:first]).any()
            for i, first in enumerate(origins[:, 0])
        ]
    )
    if not len(begun):
        return None, chosen
    return Ground.of(champion, panel.take(begun), origins[begun]), chosen[begun]


def _columns(manifest: Manifest) -> Columns:
    return Covariates.read(manifest.covariates).names


def _check(manifest: Manifest, ground: Ground) -> None:
    """Refuse a version that does not forecast what the champion does."""
    theirs = ground.panel.frequency
    if Frequency.parse(manifest.freq).step != theirs.step:
        raise ConfigError(
            f"expected a version at {theirs.alias!r}, as the series are, got one at "
            f"{manifest.freq!r}"
        )
    lacking = [level for level in ground.levels if level not in manifest.quantiles]
    if lacking:
        raise ConfigError(
            f"expected the quantiles of the champion, got a version without {lacking}"
        )
