"""Training that begins with the weights of a version: of its shape, gently, for a while."""

from dataclasses import fields, replace
from typing import Any

from forecaster.calendar import feature_names
from forecaster.config import Architecture
from forecaster.covariates import Covariates
from forecaster.errors import ConfigError
from forecaster.manifest import Manifest
from forecaster.panel import Panel
from forecaster.planning import (
    Defaults,
    Plan,
    Wishes,
    default_schedule,
    plan,
    seasons_in_cycle,
)

# Beside a training from the beginning: what was learnt should be bent, not broken.
STEPS_SHARE = 0.25
RATE_SHARE = 0.25


def inherited(panel: Panel, wishes: Wishes, parent: Manifest) -> Plan:
    """A plan of the shape of a version; what is not asked for is as it is there.

    Args:
        panel: the data to go on with.
        wishes: what the user asked for.
        parent: the manifest of the version.

    Raises:
        ConfigError: when the data or the wishes need another shape.
    """
    own = parent.architecture
    architecture = Architecture(
        **{f.name: own[f.name] for f in fields(Architecture) if f.name in own}
    )
    if wishes.horizon is None:
        wishes = replace(wishes, horizon=parent.horizon)
    season = wishes.season_length or parent.season_length
    wishes = replace(wishes, season_length=season)
    if not wishes.holidays:
        wishes = replace(wishes, holidays=tuple(parent.covariates.get("holidays", ())))
    schedule = default_schedule(panel.lengths, season)
    gentle = replace(
        schedule,
        steps=max(1, int(schedule.steps * STEPS_SHARE)),
        learning_rate=schedule.learning_rate * RATE_SHARE,
    )
    decided = plan(panel, wishes, Defaults(architecture, gentle))
    static = Covariates.read(parent.covariates).of("stat")
    task = replace(
        decided.task,
        ring=own["ring"],
        seasons=seasons_in_cycle(decided.task.season_length, own["ring"]),
        static=tuple(len(column.categories or ()) for column in static),
    )
    decided = replace(decided, task=task)
    _check_shape(
        _shape(decided, panel, wishes), _shape_of(parent, architecture), parent
    )
    return decided


def _shape(decided: Plan, panel: Panel, wishes: Wishes) -> dict[str, Any]:
    """What must not differ between a version and one that begins with its weights."""
    task, size = decided.task, decided.architecture
    return {
        "frequency": panel.frequency.alias,
        "horizon": task.horizon,
        "season length": task.season_length,
        "features": (
            *feature_names(panel.frequency, wishes.holidays),
            *panel.exog.columns.names,
        ),
        "quantiles": task.quantiles,
        **{field.name: getattr(size, field.name) for field in fields(Architecture)},
    }


def _shape_of(parent: Manifest, architecture: Architecture) -> dict[str, Any]:
    """The same of a version."""
    return {
        "frequency": parent.freq,
        "horizon": parent.horizon,
        "season length": parent.season_length,
        "features": parent.features,
        "quantiles": parent.quantiles,
        **{f.name: getattr(architecture, f.name) for f in fields(Architecture)},
    }


def _check_shape(
    wanted: dict[str, Any], there: dict[str, Any], parent: Manifest
) -> None:
    for name, value in wanted.items():
        if value != there[name]:
            raise ConfigError(
                f"--from {parent.version}: expected the {name} of that version, "
                f"{there[name]}, got {value}. Ask for the same, or train without --from."
            )
