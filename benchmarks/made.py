"""Data made by a formula, where only their amount matters."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cases import Benchmark, Case
from forecaster.frequency import Frequency
from forecaster.panel import Panel

LENGTH = 1000


def waves(points: int) -> Case:
    """Daily waves with noise: hourly series of a thousand values, so many in all.

    >>> waves(3000).panel
    Panel(3 series of 1000 to 1000 steps at frequency '1', 0 of 3000 values missing)
    """
    count, rng = points // LENGTH, np.random.default_rng(0)
    steps = np.arange(LENGTH)
    day = np.sin(2 * np.pi * (steps + rng.integers(0, 24, (count, 1))) / 24)
    values = (100 + 30 * day + rng.normal(0, 5, day.shape)).round(2)
    ids = [f"s{i:06}" for i in range(count)]
    spec = Benchmark("waves", "rolling", _unread, 24, (24,), 24, test_steps=24, step=24)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.array(ids, object), LENGTH),
            "ds": np.tile(steps + 1, count),
            "y": values.ravel(),
        }
    )
    starts = np.ones(count, dtype=np.int64)
    return Case(
        spec, frame, Panel.from_series(ids, list(values), starts, Frequency("1"))
    )


def _unread(folder: Path) -> pd.DataFrame:
    """These have no file."""
    raise FileNotFoundError(folder)
