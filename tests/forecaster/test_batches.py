"""Batches: what is held out stays out, and targets begin one step after their origin."""

import numpy as np
import pytest

from forecaster.batches import Batch, Split, split
from forecaster.frequency import Frequency
from forecaster.panel import Panel

HORIZON = 4


@pytest.fixture
def counting() -> Split:
    """Series whose values tell where they come from: 1000 * series + step."""
    lengths = [50, 9, 120]
    values = [1000.0 * i + np.arange(n) for i, n in enumerate(lengths)]
    panel = Panel.from_series(["a", "b", "c"], values, [1, 1, 1], Frequency("1"))
    return split(panel, HORIZON, season_length=1)


def known(batch: Batch) -> np.ndarray:
    """All values a batch shows."""
    return batch.y[~np.isnan(batch.y)]


def test_training_never_sees_a_held_out_value(counting: Split) -> None:
    """Neither as an input nor as a target does a held-out value appear in training."""
    rng = np.random.default_rng(0)
    shown = np.concatenate([known(b) for b in counting.training(3, 8, rng)])
    for index, end in enumerate(counting.train_ends):
        of_series = shown[(shown >= 1000 * index) & (shown < 1000 * (index + 1))]
        assert of_series.max() == 1000 * index + end - 1


def test_training_visits_every_step_before_the_held_out_end_once(
    counting: Split,
) -> None:
    """The weighted positions of an epoch are the steps of all series, once each."""
    rng = np.random.default_rng(0)
    seen = np.concatenate(
        [b.y[:, :8][b.weight > 0] for b in counting.training(3, 8, rng)]
    )
    expected = [
        1000.0 * i + np.arange(end) for i, end in enumerate(counting.train_ends)
    ]
    assert sorted(seen) == sorted(np.concatenate(expected))


def test_values_behind_a_position_are_its_next_steps(counting: Split) -> None:
    """Column t + k is the value k steps after column t, or missing."""
    for batch in counting.training(3, 8, np.random.default_rng(0)):
        step = np.diff(batch.y, axis=1)
        assert (step[~np.isnan(step)] == 1).all()


def test_validation_origins_stand_just_before_held_out_values(counting: Split) -> None:
    """Every scored target is held out, and every series has a scored origin."""
    visited = set()
    for batch in counting.validation(warm=16, lanes=2, chunk=8):
        for row, column in np.argwhere(batch.weight > 0):
            origin = batch.y[row, column]
            targets = batch.y[row, column + 1 : column + 1 + HORIZON]
            index = int(origin // 1000)
            visited.add(index)
            first_target = np.nanmin(targets) - 1000 * index
            assert first_target >= counting.train_ends[index]
    assert visited == {0, 1, 2}


def test_a_short_series_keeps_most_of_its_steps_for_training(counting: Split) -> None:
    """At most a quarter of a series is held out."""
    held = counting.panel.lengths - counting.train_ends
    assert (held <= counting.panel.lengths // 4).all()
    assert (held >= 1).all()


def test_the_unit_of_a_constant_series_is_positive() -> None:
    """A series without any change does not divide by zero."""
    panel = Panel.from_series(
        ["a", "z"], [[5.0] * 30, [0.0] * 30], [1, 1], Frequency("1")
    )
    assert (split(panel, 3, 1).units > 0).all()
