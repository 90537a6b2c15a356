"""Other libraries on a benchmark set, in an environment of their own (`make peers`).

The series go there as whole-numbered steps with missing values filled forward, for these
libraries take none. Statistical methods are fitted again at every origin on a bounded
history, and where origins are moved by one step only at every horizon's worth of them;
networks are fitted once, as ours is.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import measured, scoring
from benchmarks.cases import Case
from benchmarks.results import Record
from forecaster.baselines import forward_fill

STATISTICAL = ("SeasonalNaive", "AutoETS", "Theta")
NEURAL = ("LSTM", "NHITS")
LIMIT_S = 3600.0
SCRIPT = Path(__file__).with_name("peers.py")


@dataclass(frozen=True, slots=True)
class Peer:
    """One method of another library, and how it is run."""

    method: str
    python: Path  # of the environment that has the libraries
    seed: int = 0
    max_steps: int = 500
    snapshots: tuple[int, ...] = ()  # steps after which the weights are kept

    @property
    def name(self) -> str:
        """The library and the method, as in results."""
        library = "neuralforecast" if self.is_network else "statsforecast"
        return f"{library} {self.method}"

    @property
    def is_network(self) -> bool:
        """Whether it is one global network with a seed."""
        return self.method in NEURAL


def forecast(case: Case, peer: Peer, folder: Path) -> tuple[Case, Record, Path]:
    """Run a method: the set as it was scored, what it took, where its forecasts are.

    Raises:
        CommandError: it failed, or took more than an hour.
    """
    every = 1 if peer.is_network else max(1, case.spec.horizon // case.spec.step)
    some = case.thinned(every) if case.spec.kind == "long" else case
    folder.mkdir(parents=True, exist_ok=True)
    write_series(some, folder / "series.csv")
    request = json.dumps(request_of(some, peer))
    (folder / "request.json").write_text(request, encoding="utf-8")
    command = [peer.python, SCRIPT, folder]
    spent = measured.run(command, folder / "log.txt", limit_s=LIMIT_S)
    answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    return some, {**answer, "peak_mb": spent.peak_mb}, folder / "forecasts.npz"


def run(case: Case, peer: Peer, folder: Path) -> Record:
    """Run a method and score it."""
    some, took, path = forecast(case, peer, folder)
    with np.load(path) as forecasts:
        scores = scoring.score(some, forecasts["forecasts"], scoring.LEVELS)
    took.pop("snapshots", None)
    return {"scores": scores, "windows": some.spec.windows, **took}


def history_length(season_length: int) -> int:
    """The history of a statistical method: ten seasons, at least 500 steps."""
    return max(500, 10 * season_length)


def request_of(case: Case, peer: Peer) -> Record:
    """What `peers.py` is asked for."""
    spec = case.spec
    return {
        "method": peer.method,
        "seed": peer.seed,
        "max_steps": peer.max_steps,
        "snapshots": list(peer.snapshots),
        "horizon": spec.horizon,
        "season_length": spec.season_length,
        "windows": spec.windows,
        "step": spec.step,
        "test_steps": spec.test_steps,
        "fit_steps": spec.fit_steps,
        "history": history_length(spec.season_length),
    }


def write_series(case: Case, path: Path) -> None:
    """All series, the test part with them, as steps 1, 2, …"""
    panel = case.panel
    values = [forward_fill(panel.values_of(i)) for i in range(len(panel))]
    steps = [np.arange(1, length + 1) for length in panel.lengths]
    ids = np.repeat(np.arange(len(panel)), panel.lengths)
    pd.DataFrame(
        {"unique_id": ids, "ds": np.concatenate(steps), "y": np.concatenate(values)}
    ).to_csv(path, index=False)
