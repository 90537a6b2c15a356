"""The compiled steps: what is carried, what is averaged, what counts in the loss."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecaster.batches import Batch
from forecaster.config import Architecture, Schedule, Task
from forecaster.planning import Plan

pytestmark = pytest.mark.tf

TASK = Task(horizon=3, season_length=4, ring=8, calendar=1)
SIZE = Architecture(units=5, patch_units=6, head_units=6)
LANES = 2


def trainer(chunk: int) -> Any:
    """A trainer of a small network whose weights depend on nothing but the seed."""
    import keras

    from forecaster.network import Network
    from forecaster.trainer import Trainer

    keras.utils.set_random_seed(11)
    network = Network(TASK, SIZE)
    network.initialise()
    rng = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    return Trainer(network, Plan(TASK, SIZE, Schedule(10, LANES, chunk)))


def batch(begin: int, chunk: int, reset: bool) -> Batch:
    """A piece of two fixed series of 32 steps."""
    rng = np.random.default_rng(5)
    y = rng.normal(50, 9, (LANES, 32 + TASK.horizon)).astype(np.float32)
    x = rng.uniform(-1, 1, (LANES, 32 + TASK.horizon, 1)).astype(np.float32)
    window = slice(begin, begin + chunk + TASK.horizon)
    return Batch(
        y=y[:, window],
        x=x[:, begin : begin + chunk],
        ahead=x[:, window],
        weight=np.ones((LANES, chunk), np.float32),
        unit=np.full(LANES, 0.01, np.float32),
        reset=np.full(LANES, reset),
    )


def changed(given: Batch, **arrays: Any) -> Batch:
    """A batch with some arrays replaced."""
    return replace(given, **arrays)


def test_the_loss_of_two_chunks_is_that_of_the_whole_sequence() -> None:
    """With the state carried, cutting a sequence into chunks changes no loss."""
    whole = trainer(16).validate([batch(0, 16, reset=True)])
    cut = trainer(8).validate([batch(0, 8, reset=True), batch(8, 8, reset=False)])
    assert cut == pytest.approx(whole, rel=1e-5)


def test_a_reset_forgets_all_that_came_before() -> None:
    """A chunk that resets has the loss it would have as the first one."""
    second = batch(8, 8, reset=True)
    alone = trainer(8).validate([second])
    first = trainer(8).validate([batch(0, 8, reset=True)])
    both = trainer(8).validate([batch(0, 8, reset=True), second])
    assert both == pytest.approx((first + alone) / 2, rel=1e-5)


def test_training_carries_the_state_from_step_to_step() -> None:
    """The state after two steps is that of the network run over both chunks."""
    made, none = trainer(8), np.zeros(LANES, bool)
    first, second = batch(0, 8, reset=True), batch(8, 8, reset=False)
    for piece in (first, second):
        made.step(piece, 0.0, none)
    zero = np.zeros((LANES, made.network.state_size), np.float32)
    whole = batch(0, 16, reset=True)
    expected = made.network.observe(zero, whole.y[:, :16], whole.x)[1]
    assert np.allclose(made.state, expected, rtol=1e-4, atol=1e-5)


def test_a_reset_lane_starts_from_zeros_in_training() -> None:
    """What stood in the state before a reset does not matter."""
    made, none = trainer(8), np.zeros(LANES, bool)
    made.step(batch(0, 8, reset=True), 0.0, none)
    made.step(batch(8, 8, reset=True), 0.0, none)
    other = trainer(8)
    other.step(batch(8, 8, reset=True), 0.0, none)
    assert np.allclose(made.state, other.state, rtol=1e-5, atol=1e-6)


def test_forgetting_zeroes_the_recurrent_part_alone() -> None:
    """A forgotten lane keeps its ring and loses h and c; the other lane keeps both."""
    made = trainer(8)
    made.step(batch(0, 8, reset=True), 0.0, np.zeros(LANES, bool))
    before = np.asarray(made.state).copy()
    made.step(batch(8, 8, reset=False), 0.0, np.array([True, False]))
    exact = made.network.state_size - made.network.recurrent_size
    begun = before.copy()
    begun[0, exact:] = 0.0
    piece = batch(8, 8, reset=False)
    expected = made.network.observe(begun, piece.y[:, :8], piece.x)[1]
    assert np.allclose(made.state, expected, rtol=1e-4, atol=1e-5)


def test_the_kept_weights_are_a_moving_average() -> None:
    """Each step moves the average towards the new weights by what the decay leaves."""
    from forecaster.trainer import average_decay

    made = trainer(8)
    for updates in range(3):
        before = [np.asarray(weight) for weight in made.average]
        made.step(batch(0, 8, reset=True), 0.01, np.zeros(LANES, bool))
        decay = float(average_decay(float(updates)))
        for old, mean, new in zip(before, made.average, made.variables, strict=True):
            expected = decay * old + (1 - decay) * np.asarray(new)
            assert np.allclose(mean, expected, atol=1e-6)


def test_the_average_soon_forgets_the_untrained_weights() -> None:
    """After 30 updates nothing of the first weights is left, after many it is steady."""
    from forecaster.trainer import average_decay

    left = np.prod([average_decay(float(updates)) for updates in range(30)])
    assert left < 1e-6
    assert float(average_decay(1e6)) == pytest.approx(0.99)


def test_validation_scores_the_average_and_leaves_the_weights() -> None:
    """The score is that of the averaged weights; training goes on from its own."""
    made, held_out = trainer(8), [batch(0, 8, reset=True)]
    expected = made.validate(held_out)
    for variable in made.variables:
        variable.assign(variable + 1.0)
    weights = [np.asarray(variable) for variable in made.variables]
    assert made.validate(held_out) == pytest.approx(expected, rel=1e-6)
    assert all(
        (np.asarray(now) == then).all()
        for now, then in zip(made.variables, weights, strict=True)
    )


def test_a_target_without_weight_does_not_count() -> None:
    """The loss over the first steps alone does not see the later targets."""
    made, given = trainer(8), batch(0, 8, reset=True)
    weight = given.weight.copy()
    weight[:, 4:] = 0.0
    wild = given.y.copy()
    wild[:, 8:] *= 100.0  # targets of the last steps only
    plain = made.validate([changed(given, weight=weight)])
    other = made.validate([changed(given, weight=weight, y=wild)])
    assert other == pytest.approx(plain, rel=1e-6)
    assert made.validate([changed(given, y=wild)]) > 1.5 * plain


def test_a_missing_target_does_not_count() -> None:
    """Hiding the last targets leaves the mean of those that are known."""
    made, given = trainer(8), batch(0, 8, reset=True)
    hidden = given.y.copy()
    hidden[:, 8:] = np.nan
    weight = given.weight.copy()
    weight[:, 8 - TASK.horizon :] = 0.0
    fully_known = made.validate([changed(given, weight=weight)])
    only_those = made.validate([changed(given, weight=weight, y=hidden)])
    assert only_those == pytest.approx(fully_known, rel=1e-6)
    assert np.isfinite(made.validate([changed(given, y=hidden)]))


def test_without_a_known_target_there_is_no_score() -> None:
    """Nothing is made up where nothing can be compared."""
    made, given = trainer(8), batch(0, 8, reset=True)
    assert made.validate([changed(given, weight=np.zeros_like(given.weight))]) is None


def test_errors_count_in_the_larger_of_two_units() -> None:
    """Beyond the scale of the moment, twice the unit halves the loss; below it nothing."""
    made, given = trainer(8), batch(0, 8, reset=True)

    def loss(unit: float) -> float:
        return made.validate([changed(given, unit=np.full(LANES, unit, np.float32))])

    assert loss(200.0) == pytest.approx(loss(100.0) / 2, rel=1e-5)
    assert loss(1e-9) == pytest.approx(loss(1e-8), rel=1e-6)


def test_targets_begin_one_step_after_their_origin() -> None:
    """A network that repeats the last value errs on a line by exactly 1, 2, … steps."""
    from forecaster.network import Network
    from forecaster.trainer import Trainer

    task = Task(1, 1, 4, 0, quantiles=(0.25, 0.5, 0.75))
    network = Network(task, SIZE)
    network.initialise()  # its output layer is zero: the median is the naive forecast
    made = Trainer(network, Plan(task, SIZE, Schedule(10, 1, 8)))
    constant = np.r_[[5.0] * 8, 5.0][None].astype(np.float32)
    rising = np.r_[[5.0] * 8, 6.0][None].astype(np.float32)
    rest = {
        "x": np.zeros((1, 8, 0), np.float32),
        "ahead": np.zeros((1, 9, 0), np.float32),
        "weight": np.r_[[0.0] * 7, 1.0][None].astype(np.float32),
        "unit": np.ones(1, np.float32),
        "reset": np.ones(1, bool),
    }
    calm = made.validate([Batch(y=constant, **rest)])
    moved = made.validate([Batch(y=rising, **rest)])
    assert calm < 1e-3
    bend = 0.05 * 5.0
    step = np.arcsinh(6.0 / bend) - np.arcsinh(5.0 / bend)
    assert moved == pytest.approx(step, rel=1e-2)


def test_the_median_alone_costs_its_absolute_error() -> None:
    """Twice the pinball loss at 0.5 is the absolute error, at 0.9 it is one-sided."""
    from forecaster.trainer import pinball

    error = np.array([[-2.0], [3.0]], np.float32)
    assert np.allclose(pinball(error, (0.5,)), [2.0, 3.0])
    assert np.allclose(pinball(error, (0.9,)), [0.4, 5.4])


def test_an_origin_costs_the_mean_of_its_known_targets() -> None:
    """A missing target is left out, however far it is from what was forecast."""
    made, given = trainer(8), batch(0, 8, reset=True)
    weight = np.zeros_like(given.weight)
    weight[0, 3] = 1.0  # one origin, its targets are the steps 4, 5 and 6

    def loss(*known: int) -> float:
        y = given.y.copy()
        y[0, [step for step in (4, 5, 6) if step not in known]] = np.nan
        made_loss = made.validate([changed(given, y=y, weight=weight)])
        return float(made_loss)

    alone = [loss(step) for step in (4, 5, 6)]
    assert loss(4, 5, 6) == pytest.approx(np.mean(alone), rel=1e-5)
    assert loss(4, 6) == pytest.approx(np.mean([alone[0], alone[2]]), rel=1e-5)


def test_gradients_are_clipped_together() -> None:
    """A wild batch moves the weights no further than a gradient of norm 1 would."""
    import tensorflow as tf

    from forecaster.trainer import CLIP, _tensors

    made, norms = trainer(8), []
    made.optimizer.apply = lambda gradients, _: norms.append(
        float(tf.linalg.global_norm(gradients))
    )
    given = batch(0, 8, reset=True)
    for factor in (1.0, 50.0):
        for variable in made.variables:
            variable.assign(factor * variable)
        wild = changed(given, unit=np.full(LANES, 1e-4, np.float32))
        reset = tf.constant(wild.reset)
        made._train_step(made.state, _tensors(wild), reset, reset)
    assert max(norms) == pytest.approx(CLIP, rel=1e-4)
