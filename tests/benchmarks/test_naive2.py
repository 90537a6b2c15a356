"""Laws of Naive2, the unit of OWA."""

import numpy as np
import pytest

from benchmarks.naive2 import naive2


@pytest.mark.parametrize("season", [4, 5])
def test_naive2_continues_level_and_season_exactly(season: int) -> None:
    """A level times a season is forecast exactly, for even and odd seasons."""
    whole = 7.0 * np.resize(np.linspace(0.5, 1.5, season), 12 * season + 6)
    np.testing.assert_allclose(naive2(whole[:-6], season, 6), whole[-6:])


def test_naive2_without_a_season_repeats_the_last_value() -> None:
    """Noise fails the test of seasonality, a constant has nothing to test."""
    noise = np.random.default_rng(3).normal(10.0, 1.0, size=60)
    np.testing.assert_array_equal(naive2(noise, 12, 3), np.repeat(noise[-1], 3))
    np.testing.assert_array_equal(naive2(np.full(60, 2.0), 12, 2), [2.0, 2.0])
