"""What was expected of each observed value one step before it, and how unusual it was."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.anomaly import scores
from forecaster.covariates import Covariates, per_series
from forecaster.errors import ConfigError
from forecaster.panel import Panel
from forecaster.prediction import interval_probabilities
from forecaster.streaming import StepModel, expect_series, quantiles_at

ANOMALY = "anomaly"


def check_name(name: str) -> None:
    """Refuse a model whose column could not be told from that of the scores.

    >>> check_name("anomaly")
    Traceback (most recent call last):
    forecaster.errors.ConfigError: name 'anomaly': expected another one, ...
    """
    if name == ANOMALY:
        raise ConfigError(
            f"name {name!r}: expected another one, for the scores of --insample stand in "
            "a column of that name. Train the model under another name"
        )


def insample(
    model: StepModel, panel: Panel, name: str, levels: Sequence[float]
) -> dict[str, NDArray[Any]]:
    """One row per observed step: `unique_id, ds, y, NAME, NAME-lo-80, …, anomaly`.

    Args:
        model: a loaded artefact, or anything with its methods.
        panel: series of the model's frequency.
        name: what to call the median; the bounds of intervals begin with it.
        levels: percentages such as 80, see `prediction.check_levels`.

    Returns:
        Columns. A missing value has NaN for y and for its anomaly; the first values of
        a series have no forecast: NaN everywhere but in y.
    """
    count = len(panel)
    values = [panel.values_of(i) for i in range(count)]
    exog = per_series(Covariates.read(model.manifest.covariates), panel)
    _, expected = expect_series(
        model, model.initial_state(count), values, list(panel.starts), exog.rows
    )
    quantiles, y = np.concatenate(expected), np.concatenate(values)
    known = model.manifest.quantiles
    wanted = {"": 0.5, **interval_probabilities(levels)}
    found = quantiles_at(known, quantiles, list(wanted.values()))
    return {
        "unique_id": np.repeat(np.array(panel.ids, object), panel.lengths),
        "ds": np.concatenate([panel.times_of(i) for i in range(count)]),
        "y": y,
        **{
            f"{name}-{side}" if side else name: found[:, i]
            for i, side in enumerate(wanted)
        },
        ANOMALY: scores(y, quantiles, known),
    }
