"""Training: it learns, it repeats itself with a seed, it stops when it should."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecaster.batches import Batch, split
from forecaster.calendar import feature_names
from forecaster.config import Architecture, Schedule
from forecaster.errors import TrainingError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.planning import Plan, Wishes, plan

pytestmark = pytest.mark.tf

SMALL = Architecture(units=8, patch_units=16, head_units=16)


def short_plan(panel: Panel, steps: int = 30, **changes: object) -> Plan:
    """A plan that trains for seconds."""
    decided = plan(panel, Wishes(horizon=6))
    schedule = Schedule(steps=steps, lanes=6, chunk=32)
    return Plan(decided.task, SMALL, replace(schedule, **changes))  # type: ignore[arg-type]


def trained_weights(panel: Panel, decided: Plan) -> list[np.ndarray]:
    """Weights after training by a plan."""
    from forecaster.training import train

    parts = split(panel, decided.task.horizon, decided.task.season_length)
    return list(train(parts, decided, silent=True).network.get_weights())


def test_a_seed_makes_training_repeatable(seasonal_panel: Panel) -> None:
    """The same seed gives the same weights bit for bit, another one does not."""
    first = trained_weights(seasonal_panel, short_plan(seasonal_panel, seed=4))
    again = trained_weights(seasonal_panel, short_plan(seasonal_panel, seed=4))
    other = trained_weights(seasonal_panel, short_plan(seasonal_panel, seed=5))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not all((a == b).all() for a, b in zip(first, other, strict=True))


def test_training_lowers_the_loss_on_values_it_never_saw(
    seasonal_panel: Panel,
) -> None:
    """After training, held-out origins are forecast better than at the start."""
    from forecaster.training import train

    decided = short_plan(seasonal_panel, steps=120)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    short = replace(decided, schedule=replace(decided.schedule, steps=1))
    before = train(parts, short, silent=True).validation_loss
    after = train(parts, decided, silent=True).validation_loss
    assert after < 0.95 * before


def test_time_that_is_up_ends_training(seasonal_panel: Panel) -> None:
    """With hardly any time training stops after its first step, with a model."""
    from forecaster.training import train

    decided = short_plan(seasonal_panel, steps=10_000, max_time_s=0.001)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    trained = train(parts, decided, silent=True)
    assert trained.steps == 1
    assert np.isfinite(trained.validation_loss)


def test_a_loss_that_is_not_finite_ends_with_a_clear_error(
    seasonal_panel: Panel,
) -> None:
    """Training that diverges says at which step, and what to change."""
    from forecaster.training import train

    decided = short_plan(seasonal_panel, steps=200, learning_rate=1e30)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    with pytest.raises(TrainingError, match="learning_rate"):
        train(parts, decided, silent=True)


@pytest.mark.parametrize("cell", ["gru", "rnn", "peephole", "coupled"])
def test_every_cell_trains_and_is_published(
    seasonal_panel: Panel, tmp_path: Path, cell: str
) -> None:
    """Each cell goes the whole way: training, export, loading, forecasting."""
    from forecaster.artifact import load
    from forecaster.pipeline import train_model

    config = tmp_path / "c.toml"
    config.write_text(
        "[network]\nunits = 6\npatch_units = 8\nhead_units = 8\n[training]\nsteps = 4\n"
    )
    wishes = Wishes(horizon=3, cell=cell, config=config)
    manifest = train_model(seasonal_panel, "m", wishes, tmp_path)
    artifact = load(tmp_path / "m" / manifest.version)
    assert artifact.manifest.architecture["cell"] == cell
    x = np.zeros((2, 3, len(manifest.features)), np.float32)
    assert np.isfinite(artifact.forecast(artifact.initial_state(2), x)).all()


def test_series_of_a_few_points_train_beside_long_ones(tmp_path: Path) -> None:
    """Five points, constant zeros, negatives and a long series go into one model."""
    from forecaster.pipeline import train_model

    rng = np.random.default_rng(0)
    values = [
        rng.normal(size=400),
        np.arange(5.0),
        np.zeros(50),
        -1e6 * rng.random(60),
        np.r_[1.0, [np.nan] * 30, 2.0],
        [3.0],
    ]
    names = [f"s{i}" for i in range(6)]
    panel = Panel.from_series(names, values, [1] * 6, Frequency("1"))
    config = tmp_path / "c.toml"
    config.write_text("[network]\nunits = 6\n[training]\nsteps = 12\n")
    manifest = train_model(panel, "m", Wishes(horizon=4, config=config), tmp_path)
    assert np.isfinite(manifest.metrics["validation_loss"])


def test_the_weights_of_the_best_validation_are_kept_and_patience_ends(
    seasonal_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all validations the best one's averaged weights stay; then patience runs out."""
    from forecaster.session import PATIENCE
    from forecaster.trainer import Trainer
    from forecaster.training import train

    scores = iter([3.0, 1.0, *[2.0] * 20])
    averages: list[list[np.ndarray]] = []

    def scripted(self: Trainer, batches: object) -> float:
        averages.append([weight.numpy() for weight in self.average])
        return next(scores)

    monkeypatch.setattr(Trainer, "validate", scripted)
    monkeypatch.setattr(Trainer, "score", lambda self, batches: 9.0)
    decided = short_plan(seasonal_panel, steps=100)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    trained = train(parts, decided, silent=True)
    assert trained.validation_loss == 1.0
    assert len(averages) == 2 + PATIENCE
    assert trained.steps < 100
    kept = [weight.numpy() for weight in trained.network.trainable_variables]
    assert all((a == b).all() for a, b in zip(kept, averages[1], strict=True))


def test_the_learning_rate_rises_then_falls_to_nearly_nothing(
    seasonal_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A linear warm-up, then half a cosine down."""
    from forecaster.pacing import WARM_UP_STEPS
    from forecaster.trainer import Trainer
    from forecaster.training import train

    rates: list[float] = []

    def record(self: Trainer, batch: object, rate: float, forgotten: object) -> float:
        rates.append(rate)
        return 1.0

    monkeypatch.setattr(Trainer, "step", record)
    monkeypatch.setattr(Trainer, "validate", lambda self, batches: 1.0 / len(rates))
    decided = short_plan(seasonal_panel, steps=120)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    train(parts, decided, silent=True)
    peak = int(np.argmax(rates))
    assert peak < WARM_UP_STEPS
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) <= 0).all()
    assert rates[-1] <= 0.01 * decided.schedule.learning_rate


def test_one_wild_series_does_not_end_training_for_all() -> None:
    """A series of zeros that jumps to a thousand millions leaves a finite loss."""
    rng = np.random.default_rng(0)
    values = [10 + rng.normal(size=200) for _ in range(8)]
    values.append(np.r_[np.zeros(100), 1e9 * (1 + rng.random(100))])
    names = [f"s{i}" for i in range(9)]
    panel = Panel.from_series(names, values, [1] * 9, Frequency("1"))
    assert all(np.isfinite(w).all() for w in trained_weights(panel, short_plan(panel)))


def test_without_a_held_out_value_the_last_weights_are_kept(tmp_path: Path) -> None:
    """Series too short to hold one out are trained to the end, and no score is made up."""
    from forecaster.pipeline import train_model

    values = [np.arange(3.0) + i for i in range(50)]
    names = [f"s{i}" for i in range(50)]
    panel = Panel.from_series(names, values, [1] * 50, Frequency("1"))
    config = tmp_path / "c.toml"
    config.write_text("[network]\nunits = 6\n[training]\nsteps = 20\nlanes = 900\n")
    manifest = train_model(panel, "m", Wishes(horizon=1, config=config), tmp_path)
    assert manifest.training["steps"] == 20
    assert "validation_loss" not in manifest.metrics


def test_a_slow_validation_leaves_most_of_the_time_to_training(
    seasonal_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short of time, no second validation starts before it has been earned."""
    import time

    from forecaster.trainer import Trainer
    from forecaster.training import train

    validated: list[float] = []

    def slow(self: Trainer, batches: object) -> float:
        time.sleep(0.6)
        validated.append(time.monotonic())
        return 1.0 / len(validated)

    monkeypatch.setattr(Trainer, "validate", slow)
    monkeypatch.setattr(Trainer, "step", lambda self, *_: time.sleep(0.01) or 1.0)
    decided = short_plan(seasonal_panel, steps=100_000, max_time_s=2.0)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    assert train(parts, decided, silent=True).steps > 50
    assert len(validated) == 2


def test_a_cycle_that_was_hardly_seen_is_mute_in_the_network() -> None:
    """Features of a year of which only a part was seen change no forecast."""
    from forecaster.training import train

    values = 10 + np.random.default_rng(0).normal(size=400)
    start = np.array(["2024-01-01"], "M8[us]")
    panel = Panel.from_series(["a"], [values], start, Frequency("h"))
    decided = short_plan(panel, steps=3)
    parts = split(panel, decided.task.horizon, decided.task.season_length)
    net = train(parts, decided, silent=True).network
    names = feature_names(panel.frequency)
    state = np.zeros((1, net.state_size), np.float32)
    y = values[None, :50].astype(np.float32)
    x = np.zeros((1, 50 + decided.task.horizon, len(names)), np.float32)
    plain = np.asarray(net.forward(state, y, x)[0])
    for name, heard in (("year_cos", False), ("day_cos", True)):
        x[:] = 0.0
        x[..., names.index(name)] = 1.0
        assert (np.asarray(net.forward(state, y, x)[0]) != plain).any() == heard


def test_held_out_origins_choose_how_bold_forecasts_are(
    seasonal_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all shares of the correction the one with the best score is kept."""
    from forecaster.trainer import Trainer
    from forecaster.training import train

    def best_at_half(self: Trainer, batches: object) -> float:
        return abs(float(self.network.head.boldness) - 0.5)

    monkeypatch.setattr(Trainer, "validate", best_at_half)
    monkeypatch.setattr(Trainer, "score", best_at_half)
    decided = short_plan(seasonal_panel, steps=3)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    trained = train(parts, decided, silent=True)
    assert float(trained.network.head.boldness) == 0.5
    assert trained.validation_loss == 0.0


@pytest.mark.parametrize(
    ("best", "goes_on", "expected"),
    [(0.75, False, 0.75), (0.75, True, 1.0), (0.25, False, 0.25), (0.25, True, 0.0)],
)
def test_a_network_that_learns_on_is_held_back_for_a_clear_gain_alone(
    seasonal_panel: Panel,
    monkeypatch: pytest.MonkeyPatch,
    best: float,
    goes_on: bool,
    expected: float,
) -> None:
    """What it is judged by is not what it will be; a hundredth better is not enough."""
    from forecaster import training
    from forecaster.trainer import Trainer

    def score(self: Trainer, batches: object) -> float:
        return 1.0 + 0.04 * abs(float(self.network.head.boldness) - best)

    monkeypatch.setattr(Trainer, "validate", score)
    monkeypatch.setattr(Trainer, "score", score)
    monkeypatch.setattr(training, "unfinished", lambda parts: goes_on)
    decided = short_plan(seasonal_panel, steps=3)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    trained = training.train(parts, decided, silent=True)
    assert float(trained.network.head.boldness) == expected


def test_training_ends_with_the_held_out_end(
    seasonal_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has chosen the weights, what was held out is learned from as well.

    By the network as it is: one that is held back would learn to overshoot.
    """
    from forecaster.trainer import Trainer
    from forecaster.training import finish, train

    decided = short_plan(seasonal_panel, steps=3)
    parts = split(seasonal_panel, decided.task.horizon, decided.task.season_length)
    trained = train(parts, decided, silent=True)
    before = [weight.numpy() for weight in trained.network.trainable_variables]
    seen: list[np.ndarray] = []
    step = Trainer.step

    def record(self: Trainer, batch: Batch, rate: float, forgotten: object) -> float:
        assert rate < decided.schedule.learning_rate
        assert float(self.network.head.boldness) == 1.0
        seen.append(batch.y[np.isfinite(batch.y)])
        return step(self, batch, rate, forgotten)

    monkeypatch.setattr(Trainer, "step", record)
    trained.network.head.boldness.assign(0.5)
    finish(trained.network, parts, decided, 150)  # long enough to reach the ends
    held_out = [
        seasonal_panel.values_of(i)[end:].astype(np.float32)
        for i, end in enumerate(parts.train_ends)
    ]
    assert np.isin(np.concatenate(held_out), np.concatenate(seen)).any()
    assert float(trained.network.head.boldness) == 0.5
    after = [weight.numpy() for weight in trained.network.trainable_variables]
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    assert all(np.isfinite(weight).all() for weight in after)


def test_the_scores_of_a_version_are_of_values_it_had_not_learned_from(
    seasonal_panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What training does after them changes the version, and no score in its manifest."""
    from forecaster import pipeline

    config = tmp_path / "c.toml"
    config.write_text("[network]\nunits = 6\n[training]\nsteps = 4\n")
    wishes = Wishes(horizon=3, config=config)
    plain = pipeline.train_model(seasonal_panel, "m", wishes, tmp_path).metrics

    def spoil(network: object, *_: object) -> None:
        for variable in network.trainable_variables:  # type: ignore[attr-defined]
            variable.assign(0.0 * variable + 3.0)

    monkeypatch.setattr(pipeline, "finish", spoil)
    assert pipeline.train_model(seasonal_panel, "n", wishes, tmp_path).metrics == plain


def test_training_is_finished_where_much_is_held_out() -> None:
    """A tenth of a short series, not a hundredth of a long one."""
    from forecaster.training import unfinished

    def one(length: int) -> Panel:
        return Panel.from_series(["a"], [np.arange(length)], [1], Frequency("1"))

    assert unfinished(split(one(100), 6, season_length=1))
    assert not unfinished(split(one(40_000), 6, season_length=1))
