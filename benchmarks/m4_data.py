"""M4 Hourly and Weekly: the series, and what was published for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster import metrics

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Group:
    """One frequency of the competition; published scores are sMAPE, MASE, OWA."""

    name: str
    horizon: int
    season_length: int  # as the competition has it, also in training
    naive2: tuple[float, float]
    published: dict[str, tuple[float, float, float]]


GROUPS = {
    "hourly": Group(
        name="hourly",
        horizon=48,
        season_length=24,
        naive2=(18.383, 2.395),
        published={
            "ES-RNN (the winner)": (9.328, 0.893, 0.440),
            "Doornik et al. (best here)": (8.913, 0.801, 0.410),
            "RNN (organisers)": (14.698, 3.048, 1.036),
        },
    ),
    "weekly": Group(
        name="weekly",
        horizon=13,
        season_length=1,
        naive2=(9.161, 2.777),
        published={
            "ES-RNN (the winner)": (7.817, 2.356, 0.851),
            "Darin & Stellwagen (best here)": (6.582, 2.107, 0.739),
            "RNN (organisers)": (15.220, 5.132, 1.755),
        },
    ),
}


@dataclass(frozen=True, slots=True)
class Competition:
    """The series of one group: what was known, and what came after."""

    group: Group
    history: list[Floats]
    future: pd.DataFrame  # unique_id, ds, y; `horizon` rows a series, in series order

    @property
    def actual(self) -> Floats:
        """What came after, `[N, horizon]`."""
        return np.asarray(self.future["y"], float).reshape(-1, self.group.horizon)

    @property
    def scale(self) -> Floats:
        """The scale of MASE and MSIS, `[N]`, from the history alone."""
        season = self.group.season_length
        return np.array([metrics.seasonal_scale(x, season) for x in self.history])


def train_file(folder: Path, group: Group) -> Path:
    """Where the history of a group lies."""
    return folder / f"m4_{group.name}_train.csv.gz"


def load(folder: Path, group: Group) -> Competition:
    """Read one group from the folder of `m4_*_train.csv.gz` and `m4_*_test.csv.gz`."""
    train = pd.read_csv(train_file(folder, group))
    test = pd.read_csv(folder / f"m4_{group.name}_test.csv.gz")
    by_id = {key: y.to_numpy(float) for key, y in train.groupby("unique_id")["y"]}
    return Competition(group, [by_id[key] for key in test["unique_id"].unique()], test)
