"""Backtests that train anew: each cutoff is forecast by a model of what precedes it.

The models are thrown away: they are written to a temporary folder, loaded from there as
any version is, and deleted. Shapes: `N` series, `W` windows, `H` horizon, `Q` quantiles.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from forecaster.artifact import load
from forecaster.config import Architecture, Schedule
from forecaster.covariates import Covariates
from forecaster.evaluation import Cutoffs, Floats, carried_forecasts
from forecaster.lineage import toml
from forecaster.manifest import Manifest
from forecaster.pipeline import train_model
from forecaster.planning import Wishes

# The time is given anew; what was left out in writing a manifest is no setting.
NOT_TAKEN_OVER = {"max_time_s": None, "seed": None}


def refitted_forecasts(
    where: Cutoffs,
    like: Manifest,
    max_time_s: float | None,
    say: Callable[[str], None],
) -> Floats:
    """Quantiles `[N, W, H, Q]`, those of each window by a model trained before it.

    Args:
        where: the cutoffs.
        like: the version whose horizon, season, network and schedule are taken over.
        max_time_s: seconds of each training at most; None means the default.
        say: takes lines of progress.

    Raises:
        InputError: too little precedes the first cutoff.
        TrainingError: a training cannot go on.
    """
    count = where.origins.shape[1]
    found: list[Floats] = []
    for window, ends in enumerate(where.origins.T):
        say(f"window {window + 1} of {count}: training on what precedes it")
        with tempfile.TemporaryDirectory(prefix="forecaster-refit-") as folder:
            wishes = _wishes(like, max_time_s, Path(folder))
            models = Path(folder, "models")
            models.mkdir()
            known = where.panel.cut(ends)
            version = train_model(known, like.name, wishes, models, say).version
            model = load(models / like.name / version)
            found += carried_forecasts(model, where.panel, ends[:, None], where.horizon)
    return np.stack(found, axis=1)


def _wishes(like: Manifest, max_time_s: float | None, folder: Path) -> Wishes:
    """What makes a training like that of a version, but for its data and its time."""
    config = folder / "like.toml"
    config.write_text(
        toml("network", Architecture, like.architecture)
        + toml("training", Schedule, {**like.training, **NOT_TAKEN_OVER}),
        encoding="utf-8",
    )
    return Wishes(
        horizon=like.horizon,
        season_length=like.season_length,
        seed=like.training.get("seed"),
        max_time_s=max_time_s,
        config=config,
        holidays=Covariates.read(like.covariates).holidays,
    )
