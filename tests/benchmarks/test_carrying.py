"""Laws of forecasts at many origins."""

import numpy as np

from benchmarks.carrying import carried, fresh
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from tests.forecaster.oracles import Mean, Oracle

RNG = np.random.default_rng(2)
VALUES = RNG.integers(1, 99, (3, 700)).astype(float)
PANEL = Panel.from_series(["a", "b", "c"], VALUES, [1, 1, 1], Frequency("1"))
ORIGINS = np.tile(np.arange(100, 600), (3, 1))


def test_batches_of_origins_keep_their_order() -> None:
    """An oracle's forecasts are what comes after each origin, over several batches."""
    found = carried(Oracle(VALUES, horizon=4), PANEL, ORIGINS, 4)
    steps = ORIGINS[..., None] + np.arange(4)
    truth = VALUES[np.arange(3)[:, None, None], steps]
    np.testing.assert_array_equal(found[..., 2], truth)


def test_fresh_windows_know_their_window_alone() -> None:
    """The mean of a fresh window is that of its values, the carried one that of all."""
    model, origins = Mean(horizon=2), ORIGINS[:, ::100]
    windows = [
        [VALUES[i][end - 50 : end].mean() for end in origins[i]] for i in range(3)
    ]
    before = [[VALUES[i][:end].mean() for end in origins[i]] for i in range(3)]
    found = fresh(model, PANEL, origins, 2, window=50)
    np.testing.assert_allclose(found[:, :, 0, 2], windows, rtol=1e-5)
    found = carried(model, PANEL, origins, 2)
    np.testing.assert_allclose(found[:, :, 0, 2], before, rtol=1e-5)
