"""The forward function: one result, however it is called."""

from typing import Any

import numpy as np
import pytest

from forecaster.config import CELLS, Architecture, Task

pytestmark = pytest.mark.tf

TASK = Task(horizon=5, season_length=4, ring=12, calendar=2)


def network(cell: str = "lstm") -> Any:
    """A small network with random weights everywhere, its output layer too."""
    import keras

    from forecaster.network import Network

    keras.utils.set_random_seed(3)
    made = Network(TASK, Architecture(cell=cell, units=6, patch_units=8, head_units=8))
    made.initialise()
    rng = np.random.default_rng(0)
    for variable in made.variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    return made


def sequence(batch: int, steps: int, seed: int = 1) -> tuple[Any, Any]:
    """Values with gaps and features of the steps and of the horizon behind them."""
    rng = np.random.default_rng(seed)
    y = rng.normal(50, 10, (batch, steps)).astype(np.float32)
    y[:, 1:][rng.random((batch, steps - 1)) < 0.1] = np.nan
    x = rng.uniform(-1, 1, (batch, steps + TASK.horizon, TASK.features))
    return y, x.astype(np.float32)


@pytest.mark.parametrize("cell", CELLS)
def test_two_calls_equal_one(cell: str) -> None:
    """Advancing over a then b equals advancing over a + b, in state and forecasts."""
    net, (y, x) = network(cell), sequence(3, 40)
    zero = np.zeros((3, net.state_size), np.float32)
    whole, end = net.forward(zero, y, x)
    first, middle = net.forward(zero, y[:, :17], x[:, : 17 + TASK.horizon])
    second, end_in_two = net.forward(middle, y[:, 17:], x[:, 17:])
    both = np.concatenate([first, second], axis=1)
    assert np.allclose(both, whole, rtol=1e-5, atol=1e-4)
    assert np.allclose(end_in_two, end, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_forecast_read_off_the_state_is_that_of_its_last_step(cell: str) -> None:
    """`recall` gives back what `observe` saw at the step the state stands at."""
    from forecaster.memory import unbend

    net, (y, x) = network(cell), sequence(2, 30)
    zero = np.zeros((2, net.state_size), np.float32)
    every, state = net.forward(zero, y, x)
    view = net.recall(state)
    read = unbend(view.frames, net.read(view, x[:, None, 30:]))
    assert np.allclose(np.asarray(read)[:, 0], np.asarray(every)[:, -1], rtol=1e-5)


def test_a_result_does_not_depend_on_the_rest_of_the_batch() -> None:
    """A row alone, and among rows of any size, gives the same forecast."""
    net, (y, x) = network(), sequence(4, 30)
    y[1:] *= np.float32(1e12)
    together, _ = net.forward(np.zeros((4, net.state_size), np.float32), y, x)
    alone, _ = net.forward(np.zeros((1, net.state_size), np.float32), y[:1], x[:1])
    assert np.allclose(np.asarray(together)[:1], alone, rtol=1e-5)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_forecasts_are_in_the_unit_of_the_series(factor: float) -> None:
    """A series in another unit has the same forecasts in that unit."""
    net, (y, x) = network(), sequence(2, 30)
    zero = np.zeros((2, net.state_size), np.float32)
    plain, _ = net.forward(zero, y, x)
    scaled, _ = net.forward(zero, y * np.float32(factor), x)
    assert np.allclose(np.asarray(scaled) / factor, plain, rtol=1e-3)


def test_quantiles_do_not_cross() -> None:
    """At every step and horizon a higher quantile is not below a lower one."""
    net, (y, x) = network(), sequence(3, 30)
    out, _ = net.forward(np.zeros((3, net.state_size), np.float32), y, x)
    assert (np.diff(np.asarray(out), axis=-1) >= 0).all()


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(40),
        np.full(40, 1e25),
        np.r_[np.zeros(20), np.full(20, 1e8)],
        np.r_[[np.nan] * 5, 3.0, [np.nan] * 34],
        np.full(40, 1e-30),
        np.r_[np.ones(39), -1e30],
    ],
    ids=["zeros", "huge", "jump", "one value", "tiny", "collapse"],
)
def test_hard_series_stay_finite(values: Any) -> None:
    """Constant, zero, tiny, huge, jumping and nearly empty series give finite numbers."""
    net, (_, x) = network(), sequence(1, 40)
    zero = np.zeros((1, net.state_size), np.float32)
    out, state = net.forward(zero, values[None].astype(np.float32), x)
    assert np.isfinite(np.asarray(out)).all()
    assert np.isfinite(np.asarray(state)).all()


def test_the_lstm_step_agrees_with_plain_numpy() -> None:
    """Keras' layer from a given state equals the equations written out."""
    from forecaster.cells import recurrent_layer

    layer = recurrent_layer("lstm", 4, cudnn=False, name="lstm")
    rng = np.random.default_rng(0)
    x, h, c = (
        rng.normal(size=s).astype(np.float32) for s in ((1, 1, 3), (1, 4), (1, 4))
    )
    layer(x, initial_state=[h, c])
    kernel, recurrent, bias = (np.asarray(w) for w in layer.get_weights())

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    i, f, g, o = np.split(x[:, 0] @ kernel + h @ recurrent + bias, 4, axis=1)
    cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(cell)
    _, new_h, new_c = layer(x, initial_state=[h, c])
    assert np.allclose(new_h, hidden, atol=1e-6)
    assert np.allclose(new_c, cell, atol=1e-6)


def test_the_peephole_cell_agrees_with_plain_numpy() -> None:
    """Our own cell equals its equations, coupled or not."""
    from forecaster.cells import PeepholeCell

    rng = np.random.default_rng(0)
    x, h, c = (rng.normal(size=(2, n)).astype(np.float32) for n in (3, 4, 4))

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    for coupled in (False, True):
        layer = PeepholeCell(4, coupled=coupled)
        layer.build((None, 3))
        for variable in layer.variables:
            variable.assign(rng.normal(size=variable.shape))
        kernel, recurrent, bias, peep = (np.asarray(v) for v in layer.get_weights())
        parts = np.split(x @ kernel + h @ recurrent + bias, layer.gates, axis=1)
        enter = sigmoid(parts[0] + peep[0] * c)
        keep = 1 - enter if coupled else sigmoid(parts[3] + 1 + peep[1] * c)
        cell = keep * c + enter * np.tanh(parts[1])
        hidden = sigmoid(parts[2] + peep[2] * cell) * np.tanh(cell)
        output, (new_h, new_c) = layer(x, [h, c])
        assert np.allclose(output, hidden, atol=1e-6)
        assert np.allclose(new_h, hidden, atol=1e-6)
        assert np.allclose(new_c, cell, atol=1e-6)


def test_a_forecast_knows_nothing_of_later_values() -> None:
    """Changing a value leaves every forecast made before it as it was."""
    net, (y, x) = network(), sequence(2, 30)
    zero = np.zeros((2, net.state_size), np.float32)
    plain, _ = net.forward(zero, y, x)
    later = y.copy()
    later[:, 20] = 1e6
    other, _ = net.forward(zero, later, x)
    assert (np.asarray(other)[:, :20] == np.asarray(plain)[:, :20]).all()
    assert (np.asarray(other)[:, 20] != np.asarray(plain)[:, 20]).any()


def test_a_state_knows_nothing_of_features_ahead() -> None:
    """The state after T steps depends on the features of these steps, each of them."""
    net, (y, x) = network(), sequence(2, 20)
    zero = np.zeros((2, net.state_size), np.float32)
    state = np.asarray(net.observe(zero, y, x)[1])
    ahead, last = x.copy(), x.copy()
    ahead[:, 20:] = 0.5
    last[:, 19] = 0.5
    assert (np.asarray(net.observe(zero, y, ahead)[1]) == state).all()
    assert (np.asarray(net.observe(zero, y, last)[1]) != state).any()


def test_each_forecast_step_sees_the_features_of_its_own_time() -> None:
    """Features k steps ahead move the forecast k steps ahead and no other."""
    net, (y, x) = network(), sequence(1, 10)
    zero = np.zeros((1, net.state_size), np.float32)
    plain = np.asarray(net.forward(zero, y, x)[0])[0, -1]
    for ahead in range(TASK.horizon):
        moved = x.copy()
        moved[:, 10 + ahead] = 0.9
        other = np.asarray(net.forward(zero, y, moved)[0])[0, -1]
        differs = (other != plain).any(axis=1)
        assert differs.tolist() == [k == ahead for k in range(TASK.horizon)]


def test_before_training_the_median_is_the_mean_of_the_simple_forecasts() -> None:
    """An untrained network trusts all of them alike and corrects nothing."""
    from forecaster.candidates import candidates
    from forecaster.memory import unbend
    from forecaster.network import Network

    net = Network(TASK, Architecture(units=6, patch_units=8, head_units=8))
    net.initialise()
    y = np.array([[3, 7, 5, 9, 4, 8, 6, 2]], np.float32)
    x = np.zeros((1, 8 + TASK.horizon, 2), np.float32)
    zero = np.zeros((1, net.state_size), np.float32)
    median = np.asarray(net.forward(zero, y, x)[0])[..., TASK.quantiles.index(0.5)]
    view, _ = net.observe(zero, y, x)
    simple = np.asarray(
        candidates(view.frames, view.course, TASK, np.arange(TASK.horizon))
    ).mean(axis=-1)
    mean = np.asarray(unbend(view.frames, simple[..., None]))[..., 0]
    assert np.allclose(median, mean, rtol=1e-4)


def test_without_boldness_the_median_is_the_seasonal_naive_forecast() -> None:
    """Whatever was learned; the spread around it stays."""
    from forecaster.memory import seasonal_naive, unbend

    net, (y, x) = network(), sequence(2, 20)
    zero = np.zeros((2, net.state_size), np.float32)
    bold = np.asarray(net.forward(zero, y, x)[0])
    net.head.boldness.assign(0.0)
    found = np.asarray(net.forward(zero, y, x)[0])
    view, _ = net.observe(zero, y, x)
    naive = seasonal_naive(view.frames, np.arange(TASK.horizon), TASK.season_length)
    expected = np.asarray(unbend(view.frames, naive[..., None]))[..., 0]
    middle = TASK.quantiles.index(0.5)
    assert np.allclose(found[..., middle], expected, rtol=1e-4, atol=1e-4)
    assert not np.allclose(bold[..., middle], expected, rtol=1e-2, atol=1e-2)
    assert (np.diff(found, axis=-1) >= 0).all()


def test_a_missing_value_is_not_the_same_as_one_that_was_observed() -> None:
    """That a value was missing is seen, even where the filled one is the same."""
    net, (_, x) = network(), sequence(1, 12)
    zero = np.zeros((1, net.state_size), np.float32)
    observed = np.tile([3.0, 7.0, 5.0, 9.0], 3)[None].astype(np.float32)
    missing = observed.copy()
    missing[0, 9] = np.nan  # is filled with the same value, of one season before
    first, _ = net.forward(zero, observed, x)
    second, _ = net.forward(zero, missing, x)
    assert (np.asarray(first)[0, -1] != np.asarray(second)[0, -1]).any()


def test_dropout_is_for_training_alone() -> None:
    """Forecasting twice gives the same; training twice does not."""
    import keras

    from forecaster.network import Network

    keras.utils.set_random_seed(1)
    size = Architecture(units=6, patch_units=8, head_units=8, dropout=0.5)
    net, (y, x) = Network(TASK, size), sequence(2, 12)
    net.initialise()
    zero = np.zeros((2, net.state_size), np.float32)
    served = [np.asarray(net.observe(zero, y, x)[0].context) for _ in range(2)]
    trained = [
        np.asarray(net.observe(zero, y, x, training=True)[0].context) for _ in range(2)
    ]
    assert (served[0] == served[1]).all()
    assert (trained[0] != trained[1]).any()


def test_in_training_some_lanes_do_without_the_recurrent_layers() -> None:
    """Of each lane all steps are heard or none; the mean is what is served."""
    import keras

    from forecaster.network import Network

    keras.utils.set_random_seed(1)
    size = Architecture(
        units=6, patch_units=8, head_units=8, dropout=0.0, drop_recurrent=0.5
    )
    net, (y, x) = Network(TASK, size), sequence(1, 12)
    net.initialise()
    lanes = [np.repeat(part, 400, axis=0) for part in (y, x)]
    zero = np.zeros((400, net.state_size), np.float32)
    served = np.asarray(net.observe(zero, *lanes)[0].context)[..., -6:]
    trained = np.asarray(net.observe(zero, *lanes, training=True)[0].context)[..., -6:]
    silent = (trained == 0).all(axis=(1, 2))
    assert 0.4 < silent.mean() < 0.6
    np.testing.assert_allclose(trained[~silent], 2 * served[~silent], rtol=1e-5)


def test_quantiles_step_outwards_from_the_median() -> None:
    """Each level lies one positive step beyond its neighbour on the median's side."""
    from forecaster.head import spread_out

    raw = np.array([0.3, -1.0, 2.0, 0.5, 1.5], np.float32)
    step = np.log1p(np.exp(raw - 1.0))
    expected = [
        2 - step[1] - step[0],
        2 - step[1],
        2,
        2 + step[3],
        2 + step[3] + step[4],
    ]
    out = spread_out(raw[None], (0.1, 0.25, 0.5, 0.75, 0.9))
    assert np.allclose(np.asarray(out)[0], expected, atol=1e-6)


def test_only_training_may_take_the_path_of_a_gpu() -> None:
    """Without leave no layer uses cuDNN, which is what an export is built with."""
    from forecaster.network import Network

    for cudnn, expected in ((False, False), (True, "auto")):
        net = Network(TASK, Architecture(), cudnn=cudnn)
        assert [cell.use_cudnn for cell in net.cells] == [expected] * 2
