"""The exported state: calibration is carried like everything else."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from forecaster.config import CELLS, Task
from tests.forecaster.random_networks import functions_of

pytestmark = pytest.mark.tf

TASK = Task(horizon=6, season_length=4, ring=12, calendar=1, futr=1)
STEPS = 20_000


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    """The exported functions of a small network with random weights."""
    return functions_of(TASK)


def series(batch: int, steps: int, task: Task = TASK) -> tuple[Any, Any]:
    """Values with gaps whose level and variance change half way, and features."""
    rng = np.random.default_rng(1)
    y = (
        50
        + 10 * np.sin(np.arange(steps) * np.pi / 2)
        + rng.normal(0, 2, (batch, steps))
    )
    y[:, steps // 2 :] = 200 + 3 * (y[:, steps // 2 :] - 50)
    y[rng.random(y.shape) < 0.05] = np.nan
    x = rng.normal(0, 1, (batch, steps + task.horizon, task.features))
    return y.astype(np.float32), x.astype(np.float32)


def walked(functions: dict[str, Any], y: Any, x: Any, edges: list[int]) -> Any:
    """State and expectations after values in pieces."""
    import tensorflow as tf

    state = functions["initial_state"](batch=tf.constant(len(y)))["state_out"]
    expected = []
    for begin, end in pairwise(edges):
        made = functions["advance"](
            state=state, y=tf.constant(y[:, begin:end]), x=tf.constant(x[:, begin:end])
        )
        state = made["state_out"]
        expected.append(made["expected"].numpy())
    return state, np.concatenate(expected, axis=1)


def test_carry_equals_replay_after_twenty_thousand_steps(
    functions: dict[str, Any],
) -> None:
    """State and expectations are the same in pieces of any sizes, within 1e-5."""
    y, x = series(1, STEPS)
    rng = np.random.default_rng(2)
    cuts = np.cumsum(rng.choice([1, 3, 8, 40, 64, 500], 400))
    random = [0, *cuts[cuts < STEPS].tolist(), STEPS]
    state, expected = walked(functions, y, x, [*range(0, STEPS, 500), STEPS])
    again, anew = walked(functions, y, x, random)
    assert np.allclose(state, again, rtol=1e-5, atol=1e-5)
    assert np.allclose(expected, anew, rtol=1e-5, equal_nan=True)


def test_what_is_expected_is_the_forecast_of_the_step_before(
    functions: dict[str, Any],
) -> None:
    """`expected` of a value equals the first step forecast just before it came."""
    import tensorflow as tf

    y, x = series(2, 60)
    _, expected = walked(functions, y, x, [0, 60])
    for t in (20, 59):
        state, _ = walked(functions, y, x, [0, t])
        ahead = tf.constant(x[:, t : t + TASK.horizon])
        forecast = functions["forecast"](state=state, x=ahead)["quantiles"].numpy()
        assert np.allclose(forecast[:, 0], expected[:, t], rtol=1e-5)
    assert np.isnan(expected[:, :8]).all()


def test_a_series_alone_equals_it_in_a_batch(functions: dict[str, Any]) -> None:
    """Neither state nor expectations depend on the other rows, wild ones too."""
    y, x = series(3, 100)
    y[1:] *= np.float32(1e20)
    state, expected = walked(functions, y, x, [0, 100])
    alone, own = walked(functions, y[:1], x[:1], [0, 100])
    assert np.allclose(state[:1], alone, rtol=1e-5, atol=1e-6)
    assert np.allclose(expected[:1], own, rtol=1e-5, equal_nan=True)
    assert np.isfinite(state).all()


def test_imagined_values_teach_nothing(functions: dict[str, Any]) -> None:
    """Values that were fed back leave promises and beliefs as they were."""
    import tensorflow as tf

    y, x = series(1, 80)
    state, _ = walked(functions, y, x, [0, 60])
    fed = {"y": tf.constant(y[:, 60:]), "x": tf.constant(x[:, 60:80])}
    imagined = functions["imagine"](state=state, **fed)["state_out"].numpy()
    advanced = functions["advance"](state=state, **fed)["state_out"].numpy()
    moved = (imagined != advanced)[0]
    first = int(moved.argmax())
    assert (imagined[0, first:] == np.asarray(state)[0, first:]).all()


@pytest.mark.parametrize(
    ("task", "cell"),
    [
        *((TASK, cell) for cell in CELLS),
        (
            Task(horizon=5, season_length=1, ring=9, calendar=0, hist=1, static=(0, 3)),
            "lstm",
        ),
    ],
)
def test_a_step_is_an_advance_and_a_forecast(task: Task, cell: str) -> None:
    """Of series of any age, whether the newest value is there or not."""
    functions = functions_of(task, cell)
    y, x = series(4, 40, task)
    y[:2, 36] = np.nan
    y[3, :35] = np.nan  # a series that has hardly begun
    before, _ = walked(functions, y, x, [0, 36])
    after, expected = walked(functions, y, x, [0, 36, 37])
    ahead = x[:, 37 : 37 + task.horizon]
    forecast = functions["forecast"](state=after, x=ahead)["quantiles"]
    step = functions["step"](
        state=before, y=y[:, 36:37], x=x[:, 36 : 37 + task.horizon]
    )
    near = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(step["state_out"], after, **near)
    np.testing.assert_allclose(step["expected"], expected[:, 36:], **near)
    np.testing.assert_allclose(step["quantiles"], forecast, **near)
