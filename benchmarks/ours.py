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

COMPARED = 4096  # forecasts from fresh windows at most: they cost a window each


@dataclass(frozen=True, slots=True)
class Run:
    """One training: where it works and what it is given beyond the defaults.

    Attributes:
        folder: for its data, its models and its log.
        seed: of all chance.
        options: further ones of `train`.
        config: text of a configuration file.
        constants: numbers and functions of the library that are changed, see `patched.py`.
    """

    folder: Path
    seed: int
    options: tuple[str, ...] = ()
    config: str = ""
    constants: tuple[str, ...] = ()


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
        "--seed": str(run.seed),
        "--models-dir": str(models),
    }
    if run.config:
        options["--config"] = str(run.folder / "config.toml")
        Path(options["--config"]).write_text(run.config, encoding="utf-8")
    given = [part for option in options.items() for part in option]
    patches = ["benchmarks.patched", *run.constants, "--"] if run.constants else []
    program = [sys.executable, "-m", *(patches or ["forecaster"])]
    command = [*program, "train", str(data), *spec.options, *given, *run.options]
    spent = measured.run(command, run.folder / "log.txt")
    versions = sorted(path.parent for path in models.glob("*/*/manifest.json"))
    manifest = json.loads((versions[-1] / "manifest.json").read_text("utf-8"))
    took = {
        "train_s": spent.seconds,
        "peak_mb": spent.peak_mb,
        "loop_s": manifest["training"]["seconds"],  # without start, reading, export
        "steps": manifest["training"]["steps"],
    }
    return versions[-1], took


def evaluate(case: Case, folder: Path, *, windows: bool = True) -> Record:
    """The scores of a version on a set, and the time its forecasts took.

    With `windows` also the scores from fresh windows, of one `ring` and of one ring and
    one chunk of training (`fresh`), and those `carried` at the same origins.
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
        some, ring = case.thinned(every), int(model.manifest.architecture["ring"])
        chunk = int(model.manifest.training["chunk"])
        for name, length in (("ring", ring), ("fresh", ring + chunk)):
            found = fresh(model, some.panel, some.origins, case.spec.horizon, length)
            record[name] = scoring.score(some, found, levels)
        record["carried"] = scoring.score(some, quantiles[:, case.kept(every)], levels)
    return record


def exported(case: Case, folder: Path) -> Path:
    """A file with what may be fitted on, as a user would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case.spec.name}.csv"
    if not path.exists():
        case.training_frame.to_csv(path, index=False)
    return path
