"""Laws of series that are changed in mid-stream."""

import numpy as np

from benchmarks.made import waves
from benchmarks.shifted import Change, changed

PLACE, STEPS = 100, 300


def test_what_is_not_changed_stays() -> None:
    """Up to the place of the change, and everywhere without one, values are as they were."""
    panel = waves(3000).panel
    tail = [panel.values_of(i)[-STEPS:] for i in range(len(panel))]

    same = changed(panel, Change("none", 1.0, 1.0), PLACE, STEPS)
    wider = changed(panel, Change("wider", 1.0, 3.0), PLACE, STEPS)

    for i, values in enumerate(tail):
        np.testing.assert_allclose(same.values_of(i), values)
        np.testing.assert_array_equal(wider.values_of(i)[:PLACE], values[:PLACE])
    assert same.times_of(0)[-1] == panel.times_of(0)[-1]


def test_level_and_spread_change_as_told() -> None:
    """Afterwards the distance from the mean is so many times what it was, or held at zero."""
    panel = waves(1000).panel
    before = panel.values_of(0)[-STEPS:]
    mean = before[:PLACE].mean()

    found = changed(panel, Change("both", 0.5, 2.0), PLACE, STEPS).values_of(0)[PLACE:]

    told = 0.5 * mean + 2.0 * (before[PLACE:] - mean)
    np.testing.assert_allclose(found, np.maximum(told, 0.0))
    assert (told < 0).any()
    assert (found >= 0).all()
