"""A version as a Python function of MLflow: a frame of series in, a frame of forecasts out.

What `mlflow.pyfunc.load_model` gives is made here, of the copy of a version that
`models export --mlflow` put into the model. MLflow itself is not needed for it.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.artifact import Artifact, load
from forecaster.covariates import Covariates
from forecaster.prediction import check_levels, long_columns, predict
from forecaster.reading import read_panel

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (80, 95)


class Function:
    """Forecasts what comes after the end of each series; keeps nothing between calls."""

    def __init__(self, model: Artifact) -> None:
        self._model = model

    def predict(
        self, frame: "pd.DataFrame", params: Mapping[str, Any] | None = None
    ) -> "pd.DataFrame":
        """Return forecasts in the columns of `forecaster predict`.

        Args:
            frame: unique_id, ds, y and the covariates of the model, in long format.
            params: `horizon` and `level`, as the options of `forecaster predict`.

        Raises:
            InputError: the series cannot be used, or not with these params.
        """
        import pandas as pd  # slow to import, and here already

        manifest = self._model.manifest
        wanted = {"horizon": manifest.horizon, "level": LEVELS, **(params or {})}
        levels = tuple(float(level) for level in wanted["level"])
        check_levels(levels, manifest.quantiles)
        names = Covariates.read(manifest.covariates).names
        with tempfile.TemporaryDirectory(prefix="forecaster-") as folder:
            path = Path(folder, "frame.parquet")
            frame.to_parquet(path, index=False)
            panel = read_panel(path, manifest.freq, names)
        found = predict(self._model, panel, int(wanted["horizon"]), levels)
        return pd.DataFrame(long_columns(found, manifest.name))


def _load_pyfunc(path: str) -> Function:
    """What MLflow calls to load a model, with the folder of the version."""
    return Function(load(Path(path)))
