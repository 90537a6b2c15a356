"""How the versions of a model stand: what was said of each, and how each does now.

Their live scores are over days that all of them were scored on, so that they compare like
with like; a version that was not scored lately keeps nobody from it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from forecaster import manifest as manifests
from forecaster import roster
from forecaster.errors import ForecasterError
from service import live_scores
from service.live_scores import Scored

MOST_DAYS = 60  # of each version, the newest
LEFT = "psi"  # it is of the inputs, not of the forecasts


@dataclass(frozen=True, slots=True)
class Live:
    """Live scores of one version.

    Attributes:
        first_day: of those that are averaged,
        last_day: and the last of them.
        days: how many.
        count: forecasts on all of these days.
        scores: the means over forecasts; None where nothing can be said.
    """

    first_day: str
    last_day: str
    days: int
    count: int
    scores: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """One version that has an alias.

    Attributes:
        version: of the model.
        aliases: it has.
        problem: why its manifest cannot be read.
        trained_until: the last time of the data it has learned from, or its parents have,
            if it tells.
        validation: its scores on the held-out end of these, as the manifest has them.
        live: None while it was not scored on the newest day, or on none that the others were.
    """

    version: str
    aliases: list[str]
    problem: str | None
    trained_until: str | int | None
    validation: dict[str, float]
    live: Live | None


def standings(models_dir: Path, engine: Engine, name: str) -> list[Standing]:
    """Return the versions of a model that have an alias, the champion first.

    Raises:
        StoreFailure: the store does not answer.
    """
    try:
        roles = roster.in_play(models_dir, name)
    except ForecasterError:  # the problem of the model tells it
        return []
    newest = live_scores.of_versions(engine, name, list(roles), MOST_DAYS)
    live = averaged(newest)
    return [
        _standing(models_dir / name / version, aliases, live.get(version))
        for version, aliases in roles.items()
    ]


def averaged(scored: Mapping[str, Sequence[Scored]]) -> dict[str, Live]:
    """Return the mean scores of versions over the days that all of them have.

    Args:
        scored: their days, newest first. Versions that were not scored on the newest day
            of all are not compared.
    """
    newest = max(
        (days[0].day for days in scored.values() if days), key=_place, default=""
    )
    compared = {v: days for v, days in scored.items() if days and days[0].day == newest}
    counts = [{day.day: day.count for day in days} for days in compared.values()]
    # A day that was scored again for one of them may be of other series: counts differ.
    common = [
        day
        for day in (counts[0] if counts else ())
        if len({of.get(day) for of in counts}) == 1
    ]
    return {
        version: _live([day for day in days if day.day in common])
        for version, days in compared.items()
        if common
    }


def _place(day: str) -> tuple[int, str]:
    """Dates are of one length; of whole steps the longer number is the later one."""
    return len(day), day


def _live(days: Sequence[Scored]) -> Live:
    """The mean of days, newest first, each weighing as much as it has forecasts."""
    scores = {
        measure: _mean([(day.scores.get(measure), day.count) for day in days])
        for measure in days[0].scores
        if measure != LEFT
    }
    count = sum(day.count for day in days)
    return Live(days[-1].day, days[0].day, len(days), count, scores)


def _mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None]
    if not known:
        return None
    total = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / total, 6)


def _standing(folder: Path, aliases: list[str], live: Live | None) -> Standing:
    try:
        manifest = manifests.read(folder)
    except ForecasterError as error:
        # Not where the folder of models lies on this machine.
        problem = str(error).replace(f"{folder.parent.parent}{os.sep}", "")
        return Standing(folder.name, aliases, problem, None, {}, live)
    last = manifests.learned_until(manifest)
    return Standing(folder.name, aliases, None, last, manifest.metrics, live)
