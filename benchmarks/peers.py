"""Forecasts of other libraries, run by the Python of `.venv-peers`: see `peering.py`.

    .venv-peers/bin/python benchmarks/peers.py FOLDER

FOLDER holds `request.json` and `series.csv` (`unique_id, ds, y`, whole numbers as ids and
steps, nothing missing); `forecasts.npz` (quantiles `[N, W, H, 5]`) and `answer.json`
(seconds, versions) are written there. This file knows nothing of the rest of the project.
"""

import copy
import json
import logging
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LEVELS = [80, 95]
ENDS = ("-lo-95", "-lo-80", "", "-hi-80", "-hi-95")  # 0.025, 0.1, 0.5, 0.9, 0.975
STATISTICAL = ("SeasonalNaive", "AutoETS", "Theta")
LIBRARIES = ("statsforecast", "neuralforecast", "torch")


def main(folder: Path) -> None:
    """Answer the request in a folder."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # all methods are compared on the CPU
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    series = pd.read_csv(folder / "series.csv")
    answer = statistical if request["method"] in STATISTICAL else neural
    frames, took = answer(series, request)
    cubes = {name: cube(frame, request) for name, frame in frames.items()}
    np.savez(folder / "forecasts.npz", **cubes)
    took["versions"] = {name: version(name) for name in LIBRARIES}
    (folder / "answer.json").write_text(json.dumps(took), encoding="utf-8")


def statistical(
    series: pd.DataFrame, request: dict[str, Any]
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """One model a series, fitted again at every origin."""
    from statsforecast import StatsForecast, models

    model = getattr(models, request["method"])(season_length=request["season_length"])
    began = time.monotonic()
    frame = StatsForecast([model], freq=1, n_jobs=os.cpu_count() or 1).cross_validation(
        df=series,
        h=request["horizon"],
        n_windows=request["windows"],
        step_size=request["step"],
        input_size=request["history"],
        level=LEVELS,
    )
    return {"forecasts": frame}, {"predict_s": time.monotonic() - began}


def neural(
    series: pd.DataFrame, request: dict[str, Any]
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """One global network, fitted once; its forecasts at the end and at earlier steps."""
    from neuralforecast import NeuralForecast

    library = NeuralForecast([network(request)], freq=1)
    began = time.monotonic()
    library.fit(before_the_test(series, request))
    took: dict[str, Any] = {"train_s": time.monotonic() - began}
    began = time.monotonic()
    frames = {"forecasts": rolling(library, series, request)}
    took["predict_s"] = time.monotonic() - began
    taken = library.models[0].trainer_kwargs["callbacks"][0].taken
    took["snapshots"] = {
        f"step-{step}": seconds for step, (seconds, _) in taken.items()
    }
    for step, (_, weights) in taken.items():
        library.models[0].load_state_dict(weights)
        frames[f"step-{step}"] = rolling(library, series, request)
    return frames, took


def network(request: dict[str, Any]) -> Any:
    """An LSTM or NHITS with the library's defaults, but for what intervals ask for."""
    from neuralforecast import models
    from neuralforecast.losses.pytorch import MQLoss

    return getattr(models, request["method"])(
        h=request["horizon"],
        input_size=3 * request["horizon"],
        loss=MQLoss(level=LEVELS),
        max_steps=request["max_steps"],
        scaler_type="robust",
        start_padding_enabled=True,
        random_seed=request["seed"],
        callbacks=[snapshots(request["snapshots"])],
        enable_progress_bar=False,
        enable_checkpointing=False,
        logger=False,
    )


def snapshots(steps: list[int]) -> Any:
    """Keeps the weights after some steps and the seconds since training began."""
    from pytorch_lightning.callbacks import Callback

    class Snapshots(Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.taken: dict[int, tuple[float, Any]] = {}
            self.began = 0.0

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self.began = time.monotonic()

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            step = trainer.global_step
            if step in steps and step not in self.taken:
                weights = copy.deepcopy(pl_module.state_dict())
                self.taken[step] = (time.monotonic() - self.began, weights)

    return Snapshots()


def before_the_test(series: pd.DataFrame, request: dict[str, Any]) -> pd.DataFrame:
    """The rows that may be fitted on."""
    left = series.groupby("unique_id").cumcount(ascending=False)
    training = series[left >= request["test_steps"]]
    if request["fit_steps"] is None:
        return training
    return training.groupby("unique_id").head(request["fit_steps"])


def rolling(
    library: Any, series: pd.DataFrame, request: dict[str, Any]
) -> pd.DataFrame:
    """Forecasts at every origin by the network as it is."""
    return library.cross_validation(
        series,
        test_size=request["horizon"] + request["step"] * (request["windows"] - 1),
        n_windows=None,
        step_size=request["step"],
        use_fitted=True,
    )


def cube(frame: pd.DataFrame, request: dict[str, Any]) -> Any:
    """Rows of series, origin and step as quantiles `[N, W, H, 5]`."""
    frame = frame.reset_index().sort_values(["unique_id", "cutoff", "ds"])
    method, shape = request["method"], (-1, request["windows"], request["horizon"])
    point = method if method in frame else f"{method}-median"
    names = [point if end == "" else method + end for end in ENDS]
    return np.stack([frame[name].to_numpy().reshape(shape) for name in names], axis=-1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
