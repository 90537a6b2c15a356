"""Anomaly scores: one less the two-sided probability of a value so far out."""

import numpy as np
import pytest

from forecaster.anomaly import scores

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
NORMAL = np.array([-1.96, -1.2816, 0.0, 1.2816, 1.96])


def test_scores_of_values_as_forecast_are_evenly_spread() -> None:
    """Values drawn from the forecast have scores that are uniform between 0 and 1."""
    rng = np.random.default_rng(0)
    found = scores(rng.normal(0, 1, 20_000), np.tile(NORMAL, (20_000, 1)), LEVELS)
    for share in (0.8, 0.95, 0.99):
        assert abs((found > share).mean() - (1 - share)) < 0.02


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_farther_out_the_higher_the_score(sign: float) -> None:
    """Scores rise with the distance from the median, far beyond the last quantile too."""
    y = sign * np.array([0.0, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0, 100.0, 1e4])
    found = scores(y, np.tile(NORMAL, (len(y), 1)), LEVELS)
    assert found[0] == 0
    assert (np.diff(found) > 0).all()
    assert found[-1] <= 1


def test_a_lopsided_forecast_is_judged_side_by_side() -> None:
    """Where a forecast is narrow a small distance is as unusual as a large one elsewhere."""
    lopsided = np.array([-0.2, -0.13, 0.0, 1.3, 2.0])
    below, above = scores(np.array([-0.13, 1.3]), np.tile(lopsided, (2, 1)), LEVELS)
    assert below == pytest.approx(0.8)
    assert above == pytest.approx(0.8)


def test_a_forecast_without_doubt_is_met_or_missed() -> None:
    """With all quantiles equal a hit scores 0 and a miss 1."""
    certain = np.full((3, 5), 7.0)
    assert scores(np.array([7.0, 7.1, 6.9]), certain, LEVELS).tolist() == [0, 1, 1]


def test_what_is_missing_has_no_score() -> None:
    """Neither a missing value nor one that nothing was forecast of."""
    quantiles = np.stack([NORMAL, np.full(5, np.nan)])
    assert np.isnan(scores(np.array([np.nan, 1.0]), quantiles, LEVELS)).all()
