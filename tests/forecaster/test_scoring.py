"""Laws of comparing forecasts: what is averaged, what is pooled, who is best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster import metrics, scoring
from forecaster.scoring import Judged, by_series, by_steps, pooled, step_groups

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def judged_of(seed: int, shape: tuple[int, int, int] = (3, 2, 7)) -> Judged:
    """Noise, two forecasts of it, and a scale of each series."""
    rng = np.random.default_rng(seed)
    forecasts = {
        name: np.sort(rng.normal(size=(*shape, len(LEVELS))), axis=-1) for name in "ab"
    }
    return Judged(
        rng.normal(size=shape), forecasts, LEVELS, rng.uniform(1, 9, shape[0])
    )


@given(st.integers(0, 99))
def test_of_series_alike_the_pooled_scores_are_the_averaged(seed: int) -> None:
    """With equally many points each, means of means are means; RMSE and WQL are not."""
    judged = judged_of(seed)
    one, other = pooled(judged), scoring.averaged(by_series(judged))
    for name in "ab":
        for measure in set(metrics.NAMES) - {"rmse", "wql"}:
            assert one[name][measure] == pytest.approx(other[name][measure]), measure
        squares = by_series(judged)[name]["rmse"] ** 2
        assert one[name]["rmse"] == pytest.approx(np.sqrt(squares.mean()))


def test_a_long_series_weighs_more_in_the_pooled_scores() -> None:
    """A series with one point of three counts a quarter, not half."""
    actual = np.zeros((2, 1, 3))
    actual[1, 0, 1:] = np.nan
    quantiles = np.ones((2, 1, 3, len(LEVELS)))
    quantiles[1] = 5.0
    judged = Judged(actual, {"a": quantiles}, LEVELS, np.ones(2))
    assert pooled(judged)["a"]["mae"] == 2.0
    assert scoring.averaged(by_series(judged))["a"]["mae"] == 3.0


def test_a_series_without_a_scale_has_no_part_in_pooled_scaled_scores() -> None:
    """A constant history has no MASE; the other series' is that of all."""
    judged = judged_of(0, (2, 1, 4))
    flat = Judged(judged.actual, judged.forecasts, LEVELS, np.array([0.0, 2.0]))
    alone = by_series(flat)["a"]
    assert pooled(flat)["a"]["mase"] == pytest.approx(alone["mase"][1])
    assert pooled(flat)["a"]["msis-95"] == pytest.approx(alone["msis-95"][1])


@given(st.integers(1, 400))
def test_thirds_of_the_horizon_hold_every_step_once(horizon: int) -> None:
    """They follow each other, and differ by one step at most."""
    groups = step_groups(horizon)
    steps = [step for first, last in groups for step in range(first, last + 1)]
    assert steps == list(range(1, horizon + 1))
    lengths = [last - first + 1 for first, last in groups]
    assert max(lengths) - min(lengths) <= 1


def test_a_third_is_scored_as_if_it_were_all() -> None:
    """The error of step k shows in the third of step k alone."""
    actual = np.zeros((1, 1, 6))
    quantiles = np.zeros((1, 1, 6, len(LEVELS)))
    quantiles[0, 0, 4] = 3.0
    found = by_steps(Judged(actual, {"a": quantiles}, LEVELS, np.ones(1)))
    assert {steps: table["a"]["mae"] for steps, table in found.items()} == {
        (1, 2): 0.0,
        (3, 4): 0.0,
        (5, 6): 1.5,
    }


def test_skill_is_measured_against_the_best_baseline() -> None:
    """Half the error of the best is 50 per cent, twice is minus 100; none for coverage."""
    table = {
        "m": {"mae": 1.0, "rmse": 4.0, "coverage-80": 0.8, "mase": float("nan")},
        "x": {"mae": 2.0, "rmse": 2.0, "coverage-80": 0.9, "mase": 1.0},
        "y": {"mae": 3.0, "rmse": float("nan"), "coverage-80": 0.1, "mase": 1.0},
    }
    assert scoring.skill(table, "m", ["x", "y"]) == {"mae": 50.0, "rmse": -100.0}
    assert scoring.best(table) == {
        "mae": "m", "rmse": "x", "coverage-80": "m", "mase": "x",
    }  # fmt: skip
