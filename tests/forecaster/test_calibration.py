"""Beliefs about intervals: they find the level again, and rest where it holds."""

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tf

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
NORMAL = np.array([-1.96, -1.2816, 0.0, 1.2816, 1.96], np.float32)
SEASON = 24


def about(horizon: int = 4, season: int = SEASON) -> Any:
    """Constants of a small task."""
    from forecaster.calibration import grades

    return grades(horizon, season, LEVELS)


def origin() -> Any:
    """A scale without any bend: bent is raw."""
    from forecaster.memory import Anchor

    one = np.ones((1, 1, 1, 1), np.float32)
    return Anchor(1e6 * one, 0 * one, 0 * one, 1e-6 * one, 10 * one)


def learnt(errors: Any, start: Any = None, season: int = SEASON) -> tuple[Any, Any]:
    """Log factors [B, T, H, Q] before each error [B, T], with a forecast at all knots."""
    import tensorflow as tf  # to trace the loop over time

    from forecaster.calibration import learn, log_factors, ratios

    constants = about(season=season)
    batch, steps = errors.shape
    y = np.repeat(errors.astype(np.float32)[..., None, None], len(constants.steps), 2)
    start = np.zeros((batch, constants.size), np.float32) if start is None else start
    age = np.tile(np.arange(9, 9 + steps, dtype=np.float32), (batch, 1))

    @tf.function
    def run(y: Any, start: Any, age: Any) -> tuple[Any, Any]:
        ratio, weight = ratios(y, NORMAL, origin(), constants)
        every, after = learn(start, ratio, weight, age, constants)
        return log_factors(every, constants), after

    factors, after = run(*map(tf.constant, (y, start, age)))
    return factors.numpy(), after.numpy()


def coverage(errors: Any, factors: Any) -> tuple[float, float]:
    """Of the 80 and 95 % intervals, one step ahead."""
    edges = NORMAL * np.exp(factors[:, :, 0])
    beyond = errors[..., None]
    narrow = (edges[..., 1:2] <= beyond) & (beyond <= edges[..., 3:4])
    wide = (edges[..., :1] <= beyond) & (beyond <= edges[..., 4:])
    return float(narrow.mean()), float(wide.mean())


def test_what_is_calibrated_stays_as_it_is() -> None:
    """Where errors are as forecast the factors stay about one, and coverage holds."""
    errors = np.random.default_rng(1).normal(0, 1, (20, 600))
    factors, _ = learnt(errors)
    assert np.abs(factors[:, 300:].mean(axis=(0, 1, 2))).max() < 0.06
    assert factors[:, 300:].std() < 0.15
    narrow, wide = coverage(errors, factors)
    assert abs(narrow - 0.80) < 0.02
    assert abs(wide - 0.95) < 0.015


def after_a_change(size: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Coverage two seasons after errors changed size, with calibration and without."""
    rng = np.random.default_rng(2)
    errors = rng.normal(0, 1, (60, 9 * SEASON))
    errors[:, 6 * SEASON :] *= size
    after = slice(8 * SEASON, None)
    factors, _ = learnt(errors)
    plain = coverage(errors[:, after], 0 * factors[:, after])
    return coverage(errors[:, after], factors[:, after]), plain


@pytest.mark.parametrize("size", [1.2, 1.4, 1.7])
def test_two_seasons_after_errors_grew_coverage_is_back(size: float) -> None:
    """Within five points, though the network does not notice that they did."""
    found, _ = after_a_change(size)
    for held, level in zip(found, (0.8, 0.95), strict=True):
        assert abs(held - level) < 0.05


@pytest.mark.parametrize("size", [0.5, 0.7])
def test_intervals_narrow_with_caution_when_errors_shrink(size: float) -> None:
    """They come nearer to their level, and stay on the safe side of it."""
    found, plain = after_a_change(size)
    for held, without, level in zip(found, plain, (0.8, 0.95), strict=True):
        assert level < held < without


@pytest.mark.parametrize("size", [0.35, 0.5])
def test_much_smaller_errors_are_believed(size: float) -> None:
    """Half of what intervals cover too much is given up within two seasons."""
    found, plain = after_a_change(size)
    assert 0 < found[0] - 0.8 < (plain[0] - 0.8) / 2


def test_somewhat_smaller_errors_are_hardly_followed() -> None:
    """A network errs less on what it was trained on: that much is not believed."""
    errors = np.random.default_rng(8).normal(0, 0.8, (60, 9 * SEASON))
    factors, _ = learnt(errors)
    assert 0.7 * np.log(0.8) < factors[:, -SEASON:, 0, 1].mean() < 0


def test_a_quiet_next_step_is_little_evidence() -> None:
    """Where only errors one step ahead are small, not all intervals are narrowed."""
    import tensorflow as tf  # to trace the loop over time

    from forecaster.calibration import SURE_FROM, grades, learn

    constants = grades(48, SEASON, LEVELS)
    knots, strides = len(constants.steps), np.array(constants.strides)
    errors = np.random.default_rng(9).normal(0, 1, (20, 20 * SEASON, knots))
    errors[:, :, 0] *= 0.4
    sides = np.stack([-errors, errors, -errors, errors], axis=3) / NORMAL[[3, 3, 4, 4]]
    age = np.tile(np.arange(9, 9 + errors.shape[1]), (len(errors), 1))
    due = (age[..., None] % strides == 0).astype(np.float32)
    begin = np.zeros((len(errors), constants.size), np.float32)
    given = (x.astype(np.float32) for x in (sides, due, age))
    _, after = tf.function(learn)(
        tf.constant(begin), *map(tf.constant, given), constants
    )
    evidence = after.numpy()[:, -1]
    assert SURE_FROM < evidence.mean() < 0


def test_without_a_season_narrowing_is_soon_forgotten() -> None:
    """Nothing says how long a quiet time will last, so intervals hardly follow it."""
    errors = np.random.default_rng(7).normal(0, 0.5, (60, 9 * SEASON))
    seasonal, other = (learnt(errors, season=m)[0][:, -SEASON:] for m in (SEASON, 1))
    assert seasonal[..., 1].mean() < 1.5 * other[..., 1].mean() < 0


def test_each_side_finds_its_own_width() -> None:
    """Lopsided errors widen the interval on one side; the other narrows but a little."""
    from forecaster.calibration import NARROWEST

    rng = np.random.default_rng(3)
    errors = rng.normal(0, 1, (20, 1500))
    errors = np.where(errors > 0, 2.0, 0.5) * errors
    factors, _ = learnt(errors)
    low, high = factors[:, -300:, 0, 1].mean(), factors[:, -300:, 0, 3].mean()
    assert 2.5 * NARROWEST < low < NARROWEST
    assert high == pytest.approx(np.log(2.0), abs=0.15)


def test_missing_values_teach_nothing() -> None:
    """A gap leaves every belief as it was."""
    _, before = learnt(np.random.default_rng(4).normal(0, 2, (1, 50)))
    _, after = learnt(np.full((1, 30), np.nan), start=before)
    assert (after == before).all()


def test_beliefs_stay_finite_and_bounded() -> None:
    """However far a value jumps, no factor leaves its bounds."""
    from forecaster.calibration import LEAST, MOST, USUAL, USUAL_SLOPE

    errors = np.random.default_rng(5).choice([0.0, 1e38, -1e38, 1e-38], (1, 2000))
    factors, after = learnt(errors)
    assert np.isfinite(after).all()
    assert factors.min() >= LEAST
    assert factors.max() <= MOST + 1e-6
    least, most = -USUAL / USUAL_SLOPE, (1 - USUAL) / USUAL_SLOPE
    assert least <= after[0, -1] <= most  # the evidence is a mean of pulls


@pytest.mark.parametrize("log_factor", [-1.0, 0.0, 2.5])
def test_widened_quantiles_do_not_cross(log_factor: float) -> None:
    """Any factors leave the quantiles in order, and the median where it was."""
    from forecaster.calibration import widened
    from forecaster.memory import Anchor

    rng = np.random.default_rng(6)
    scaled = np.sort(rng.normal(0, 1, (50, 5)), axis=1).astype(np.float32)
    scale = Anchor(*(np.full((50, 1), v, np.float32) for v in (5, 100, 0.1, 0.3, 9)))
    factors = (log_factor * rng.random((50, 5))).astype(np.float32)
    factors[:, 2] = 0
    moved = np.asarray(widened(scaled, scale, factors, about()))
    plain = np.asarray(widened(scaled, scale, 0 * factors, about()))
    assert (np.diff(moved, axis=1) >= 0).all()
    assert np.allclose(moved[:, 2], plain[:, 2])


def test_widening_and_scoring_agree() -> None:
    """A value at the edge of the interval widened by a factor has that ratio."""
    from forecaster.calibration import ratios, widened
    from forecaster.memory import Anchor

    one = np.ones((1, 1), np.float32)
    scale = Anchor(5 * one, 100 * one, 0.1 * one, 0.3 * one, 9 * one)
    for factor in (0.5, 1.0, 4.0):
        given = np.full((1, 5), np.log(factor), np.float32)
        edges = np.asarray(widened(NORMAL[None], scale, given, about()))[0]
        for edge, place in ((0, 1), (1, 3), (2, 0), (3, 4)):
            ratio, _ = ratios(edges[place].reshape(1, 1), NORMAL[None], scale, about())
            assert np.asarray(ratio)[0, edge] == pytest.approx(factor, rel=1e-3)


def test_few_pending_forecasts_are_kept_however_far_ahead() -> None:
    """A horizon of a thousand steps needs but a few dozen slots."""
    from forecaster.pending import slots

    assert slots(about(1000)) < 60
    assert all(
        k % s == 0 for k, s in zip(about(97).steps, about(97).strides, strict=True)
    )
