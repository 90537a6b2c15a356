"""Our own model on a benchmark set: trained by the public command, then evaluated.

Training is `python -m forecaster train` as a user would type it. Evaluation loads what
that wrote and forecasts at every origin of the set with the state carried, and, where it
is to be compared, at some of them from fresh windows.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measured, scoring
from benchmarks.carrying import carried, fresh
from benchmarks.cases import Case
from benchmarks.results import Record
from forecaster.streaming import StepModel

COMPARED = 4096  # forecasts from fresh windows at most: they cost a window each


@dataclass(frozen=True, slots=True)
class Run:
    """One training: where it works and what it is given beyond the defaults."""

    folder: Path
    seed: int
    options: tuple[str, ...] = ()


def train(case: Case, run: Run) -> tuple[Path, Record]:
    """Train by the public command; the folder of the version, and what it took.

    Raises:
        CommandError: the command failed.
    """
    spec = case.spec
    data = exported(case, run.folder / "data")
    models = run.folder / "models"
    options = {
        "--name": spec.name,
        "--horizon": str(spec.horizon),
        "--season-length": str(spec.season_length),
        "--seed": str(run.seed),
        "--models-dir": str(models),
    }
    given = [part for option in options.items() for part in option]
    forecaster = [sys.executable, "-m", "forecaster", "train", str(data)]
    command = [*forecaster, *given, *run.options]
    spent = measured.run(command, run.folder / "log.txt")
    versions = sorted(path.parent for path in models.glob("*/*/manifest.json"))
    manifest = json.loads((versions[-1] / "manifest.json").read_text("utf-8"))
    took = {
        "train_s": spent.seconds,
        "peak_mb": spent.peak_mb,
        "steps": manifest["training"].get("steps"),
    }
    return versions[-1], took


def evaluate(case: Case, folder: Path, *, windows: bool = True) -> Record:
    """The scores of a version on a set, and the time its forecasts took.

    With `windows` also `fresh`, the scores from fresh windows of one ring and one chunk
    of training, and `carried` at the same origins.
    """
    from forecaster.artifact import load  # TensorFlow is slow to import
    from forecaster.cli.common import import_tensorflow

    import_tensorflow()  # without its notes on stderr
    model = load(folder)
    levels = model.manifest.quantiles
    began = time.monotonic()
    quantiles = carried(model, case.panel, case.origins, case.spec.horizon)
    record: Record = {
        "predict_s": round(time.monotonic() - began, 2),
        "scores": scoring.score(case, quantiles, levels),
    }
    if windows:
        every = -(-case.origins.size // COMPARED)
        some, length = case.thinned(every), window_length(model)
        found = fresh(model, some.panel, some.origins, case.spec.horizon, length)
        record["window"] = length
        record["fresh"] = scoring.score(some, found, levels)
        record["carried"] = scoring.score(some, quantiles[:, case.kept(every)], levels)
    return record


def window_length(model: StepModel) -> int:
    """The ring and a chunk of training: what a window needs to show all it can."""
    about = model.manifest
    return int(about.architecture["ring"]) + int(about.training["chunk"])


def exported(case: Case, folder: Path) -> Path:
    """A file with what may be fitted on, as a user would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case.spec.name}.csv"
    if not path.exists():
        case.training_frame.to_csv(path, index=False)
    return path
