"""From a panel to a published model version: what `train` and retraining jobs run."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from forecaster import __version__, registry, shifts
from forecaster import manifest as manifests
from forecaster.artifact import Artifact, weights
from forecaster.batches import Split, split, train_ends_of
from forecaster.calendar import feature_names
from forecaster.checkpoint import Checkpoint, fingerprint, forget_old
from forecaster.covariates import Covariates
from forecaster.evaluation import backtest
from forecaster.finetuning import inherited
from forecaster.lineage import configuration
from forecaster.manifest import Facts, Manifest
from forecaster.panel import Panel
from forecaster.planning import Plan, Wishes, plan
from forecaster.progress import Show
from forecaster.publishing import publish, rehearsed
from forecaster.scaling import fit
from forecaster.training import (
    FINISH_STEPS,
    Resumption,
    Trained,
    device_name,
    finish,
    train,
    unfinished,
)

Say = Callable[[str], None]

SCORED = 500  # series whose held-out end is scored at most


def train_model(
    panel: Panel,
    name: str,
    wishes: Wishes,
    models_dir: Path,
    say: Say | None = None,
    show: Show | None = None,
) -> Manifest:
    """Trains one global model on all series and publishes it as a new version.

    Args:
        panel: all series.
        name: name of the model.
        wishes: what the user asked for; the rest is chosen by the data.
        models_dir: the models folder.
        say: takes lines of progress; with it progress is shown on stderr too.
        show: takes the progress of training instead.

    Raises:
        InputError: when the data or the wishes cannot be used.
        TrainingError: when training cannot go on.
    """
    registry.check_name(name)
    say, silent = say or _say_nothing, say is None
    parent = _parent(models_dir, name, wishes.parent)
    begun = None if parent is None else manifests.verify(parent)
    decided = plan(panel, wishes) if begun is None else inherited(panel, wishes, begun)
    say(f"read {panel}")
    say(
        f"training on {device_name()}: horizon {decided.task.horizon}, season "
        f"{decided.task.season_length}, {decided.architecture.layers} layers of "
        f"{decided.architecture.units} {decided.architecture.cell}"
        + ("" if begun is None else f", from {begun.version}")
    )
    version = None if begun is None else begun.version
    checkpoint = Checkpoint.of(models_dir / name, panel, decided, version, __version__)
    horizon, season = decided.task.horizon, decided.task.season_length
    if begun is None:
        covariates = fit(panel, train_ends_of(panel, horizon), wishes.holidays)
    else:
        covariates = Covariates.read(begun.covariates)
    parts = split(panel, horizon, season, covariates)
    trained = train(
        parts,
        _with_time_to_finish(decided) if unfinished(parts) else decided,
        silent=silent,
        show=show,
        weights=None if parent is None else weights(parent),
        resumption=resumption(checkpoint, wishes.fresh, say),
    )
    facts = Facts(
        name=name,
        parent=version,
        configuration=configuration(wishes, panel.exog.columns),
        **_facts_of_data(panel, covariates, season, begun),
        **_facts_of_training(decided, trained),
    )

    def measure(model: Artifact) -> dict[str, float]:
        return held_out_scores(model, parts)

    if unfinished(parts):
        # Scored first: a version that has learned from the held-out end cannot be by it.
        scores = rehearsed(trained.network, facts, measure)
        say("training on with the held-out end")
        finish(trained.network, parts, decided, trained.steps)
        facts = replace(facts, metrics={**facts.metrics, **scores})
        manifest = publish(trained.network, models_dir, facts, alias=wishes.alias)
    else:
        manifest = publish(trained.network, models_dir, facts, measure, wishes.alias)
    checkpoint.remove()
    forget_old(models_dir / name, time.time())
    return manifest


def _with_time_to_finish(decided: Plan) -> Plan:
    """The plan with so much less time that `finish` ends within the whole."""
    shorter = decided.schedule.max_time_s / (1.0 + FINISH_STEPS)
    return replace(decided, schedule=replace(decided.schedule, max_time_s=shorter))


def resumption(checkpoint: Checkpoint, fresh: bool, say: Say) -> Resumption:
    """Whether to go on from a checkpoint, and a line that says so."""
    if fresh:
        checkpoint.remove()
    snapshot = checkpoint.read()
    if snapshot is not None:
        say(
            f"going on after step {snapshot.facts['steps']} of a training of the same data "
            "that was interrupted; --fresh would begin anew"
        )
    elif checkpoint.path.exists():
        say(f"{checkpoint.path} cannot be read and is ignored: training begins anew")
    return Resumption(checkpoint, snapshot)


def _parent(models_dir: Path, name: str, version: str | None) -> Path | None:
    """The folder of the version to begin with, if one was asked for."""
    return None if version is None else registry.resolve(models_dir, name, version)


def _say_nothing(_: str) -> None:
    """For a caller who wants no lines of progress."""


def held_out_scores(model: Artifact, parts: Split) -> dict[str, float]:
    """The measures of a backtest on the last horizon of the series that hold one out.

    Series too short for that are left out, and of very many a part is scored; empty
    when there is none.
    """
    held = parts.panel.lengths - parts.train_ends
    whole = np.flatnonzero(held >= parts.horizon)
    if not len(whole):
        return {}
    chosen = whole[:: -(-len(whole) // SCORED)]
    report = backtest(
        model,
        parts.panel.take(chosen),
        windows=1,
        step_size=parts.horizon,
        name=model.manifest.name,
    )
    scores = report.summary()[model.manifest.name]
    return {name: value for name, value in scores.items() if np.isfinite(value)}


def _facts_of_data(
    panel: Panel, covariates: Covariates, season: int, parent: Manifest | None
) -> dict[str, Any]:
    """What the manifest says about the data: a summary, never the data."""
    last = panel.frequency.times(panel.starts, panel.lengths - 1).max()
    begin, end = panel.frequency.format(np.array([panel.starts.min(), last]))
    before = None if parent is None else manifests.learned_until(parent)
    later = before is not None and panel.frequency.parse_time(before) > last
    return {
        "freq": panel.frequency.alias,
        "features": (
            *feature_names(panel.frequency, covariates.holidays),
            *covariates.names.names,
        ),
        "covariates": covariates.describe(),
        "data": {
            "series": len(panel),
            "points": int(panel.lengths.sum()),
            "missing": int(np.isnan(panel.values).sum()),
            "first": begin,
            "last": end,
            **({"learned": before} if later else {}),
            "fingerprint": fingerprint(panel),
            "changes": shifts.summary(panel, season),
        },
    }


def _facts_of_training(decided: Plan, trained: Trained) -> dict[str, Any]:
    """What the manifest says about how the model came about."""
    loss = trained.validation_loss
    return {
        "season_length": decided.task.season_length,
        "architecture": {
            **dataclasses.asdict(decided.architecture),
            "ring": decided.task.ring,
        },
        "metrics": {} if loss is None else {"validation_loss": loss},
        "training": {
            **dataclasses.asdict(decided.schedule),
            "planned_steps": decided.schedule.steps,
            "steps": trained.steps,
            "seconds": round(trained.seconds, 1),
            "device": trained.device,
        },
    }
