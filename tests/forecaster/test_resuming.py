"""A training that was killed goes on; one that begins with a version stays of its shape."""

import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import registry
from forecaster.batches import split
from forecaster.checkpoint import Checkpoint, Snapshot
from forecaster.config import Architecture, Schedule
from forecaster.errors import ConfigError, TrainingError
from forecaster.manifest import learned_until, read
from forecaster.panel import Panel
from forecaster.planning import Plan, Wishes, plan

pytestmark = pytest.mark.tf

CONFIG = """
[network]
units = 6
patch_units = 8
head_units = 8
[training]
steps = 24
lanes = 4
chunk = 16
"""

# Trains slowly, with a checkpoint after each step, until it is killed.
VICTIM = """
import sys, time
from forecaster import training
from forecaster.cli import run
from forecaster.trainer import Trainer
training.CHECKPOINT_S = 0.0
step = Trainer.step
Trainer.step = lambda *given: (time.sleep(0.3), step(*given))[1]
sys.exit(run(sys.argv[1:]))
"""


def small(panel: Panel, **schedule: Any) -> Plan:
    """A plan of a few steps, with chance in every place."""
    task = plan(panel, Wishes(horizon=6)).task
    size = Architecture(units=6, patch_units=8, head_units=8, dropout=0.2)
    return Plan(
        task, size, Schedule(**{"steps": 14, "lanes": 5, "chunk": 16} | schedule)
    )


def test_going_on_equals_never_having_stopped(
    seasonal_panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted and resumed, a training ends with the same weights bit for bit."""
    from forecaster import training
    from forecaster.trainer import Trainer

    decided = small(seasonal_panel)
    parts = split(seasonal_panel, 6, decided.task.season_length)
    whole = training.train(parts, decided, silent=True)
    checkpoint = Checkpoint(tmp_path / "c.npz")
    step, steps = Trainer.step, []

    def interrupted(self: Trainer, *given: Any) -> float:
        steps.append(len(steps))
        if len(steps) == 9:
            raise KeyboardInterrupt
        return step(self, *given)

    monkeypatch.setattr(training, "CHECKPOINT_S", 0.0)
    monkeypatch.setattr(Trainer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.train(
            parts, decided, silent=True, resumption=training.Resumption(checkpoint)
        )
    rest = training.Resumption(checkpoint, checkpoint.read())
    again = training.train(parts, decided, silent=True, resumption=rest)
    assert len(steps) == 9 + 14 - 8
    assert again.steps == whole.steps == 14
    assert again.validation_loss == whole.validation_loss
    assert all(
        (a == b).all()
        for a, b in zip(
            again.network.get_weights(), whole.network.get_weights(), strict=True
        )
    )


def test_a_few_lanes_are_forgotten_at_each_step(seasonal_panel: Panel) -> None:
    """Cold starts are trained, and rarely."""
    from forecaster.training import FORGET, _lessons

    decided = small(seasonal_panel, lanes=64)
    parts = split(seasonal_panel, 6, decided.task.season_length)
    lessons = list(islice(_lessons(parts, decided.schedule), 100))
    share = np.mean([lesson.forgotten for lesson in lessons])
    assert share == pytest.approx(FORGET, rel=0.3)
    assert len({lesson.forgotten.tobytes() for lesson in lessons}) > 50


def test_a_seed_draws_the_lanes_and_the_weights(seasonal_panel: Panel) -> None:
    """Another seed lays the series out in another order and begins elsewhere."""
    from forecaster.training import _lessons, _network

    plans = [small(seasonal_panel, seed=seed) for seed in (1, 1, 2)]
    parts = split(seasonal_panel, 6, plans[0].task.season_length)
    first, again, other = (
        next(_lessons(parts, decided.schedule)).batch.y for decided in plans
    )
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)
    one, same, else_ = (
        _network(parts, decided, None).patch.get_weights()[0] for decided in plans
    )
    assert (one == same).all()
    assert not (one == else_).all()


def test_the_checkpoint_of_another_network_is_refused(seasonal_panel: Panel) -> None:
    """The message says how to begin anew."""
    from forecaster.training import Resumption, train

    decided = small(seasonal_panel)
    parts = split(seasonal_panel, 6, decided.task.season_length)
    foreign = Snapshot({"weight.0": np.zeros(3)}, {"steps": 1})
    with pytest.raises(TrainingError, match="--fresh"):
        train(
            parts,
            decided,
            silent=True,
            resumption=Resumption(Checkpoint(Path("unused")), foreign),
        )


def test_a_checkpoint_is_used_ignored_or_removed_with_a_line(tmp_path: Path) -> None:
    """One that can be read is gone on from, a damaged one is told, --fresh forgets both."""
    from forecaster.pipeline import resumption

    checkpoint = Checkpoint(tmp_path / "c.npz")
    said: list[str] = []
    assert resumption(checkpoint, False, said.append).snapshot is None
    assert said == []
    checkpoint.write(Snapshot({}, {"steps": 7}))
    assert resumption(checkpoint, False, said.append).snapshot is not None
    assert "after step 7" in said.pop()
    checkpoint.path.write_bytes(b"PK damaged")
    assert resumption(checkpoint, False, said.append).snapshot is None
    assert "ignored" in said.pop()
    assert resumption(checkpoint, True, said.append).snapshot is None
    assert said == []
    assert not checkpoint.path.exists()


def test_a_killed_training_goes_on_with_the_same_command(
    seasonal_panel: Panel, tmp_path: Path
) -> None:
    """After SIGKILL the same training goes on where it was, says so and tidies up."""
    from forecaster.pipeline import train_model
    from forecaster.reading import read_panel

    data, config, models = (tmp_path / n for n in ("data.csv", "c.toml", "models"))
    config.write_text(CONFIG)
    rows = [
        f"{name},{time},{'' if np.isnan(value) else value}"
        for i, name in enumerate(seasonal_panel.ids)
        for time, value in zip(
            seasonal_panel.times_of(i).astype("M8[D]"),
            seasonal_panel.values_of(i),
            strict=True,
        )
    ]
    data.write_text("\n".join(["unique_id,ds,y", *rows]))
    command = ["train", data, "--name", "m", "--config", config, "--models-dir", models]
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, *map(str, command)], stderr=subprocess.DEVNULL
    )
    while victim.poll() is None and not list(models.glob("m/.training-*.npz")):
        time.sleep(0.05)
    os.kill(victim.pid, signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL

    said: list[str] = []
    wishes = Wishes(config=config)
    manifest = train_model(read_panel(data, None), "m", wishes, models, said.append)
    assert any("going on after step" in line for line in said)
    assert manifest.training["steps"] <= 24
    assert registry.versions(models, "m") == [manifest.version]
    assert not list(models.glob("m/.training-*"))
    assert not list(models.glob("m/.partial-*"))


@pytest.fixture
def models(tiny_models: Path, tmp_path: Path) -> Path:
    """A copy of the trained model, to be trained further."""
    shutil.copytree(tiny_models / "tiny", tmp_path / "tiny")
    return tmp_path


def test_fine_tuning_begins_with_the_weights_of_the_version(
    models: Path, seasonal_panel: Panel
) -> None:
    """A step too small to matter leaves its weights; the manifest names the parent."""
    from forecaster.artifact import weights
    from forecaster.pipeline import train_model

    config = models / "c.toml"
    config.write_text("[training]\nsteps = 1\nlearning_rate = 1e-12\n")
    wishes = Wishes(parent="champion", config=config)
    manifest = train_model(seasonal_panel, "tiny", wishes, models)
    parent = registry.resolve(models, "tiny", "champion")
    assert manifest.parent == parent.name != manifest.version
    assert manifest.architecture == read(parent).architecture
    ours = weights(models / "tiny" / manifest.version)
    for one, other in zip(ours, weights(parent), strict=True):
        assert np.allclose(one, other, atol=1e-7) or not one.shape


def test_what_a_parent_has_learned_from_is_known_of_its_children(
    models: Path, seasonal_panel: Panel
) -> None:
    """A version of older data than its parent's has seen what came behind them, too."""
    from forecaster.pipeline import train_model

    config = models / "c.toml"
    config.write_text("[training]\nsteps = 1\n")
    until = learned_until(read(registry.resolve(models, "tiny", "champion")))
    older, parent = seasonal_panel.cut(seasonal_panel.lengths - 24), "champion"
    for _ in range(2):
        wishes = Wishes(parent=parent, config=config)
        made = train_model(older, "tiny", wishes, models)
        assert made.data["last"] < made.data["learned"] == learned_until(made) == until
        parent = made.version


def test_fine_tuning_is_gentler_than_training(
    models: Path, seasonal_panel: Panel
) -> None:
    """Fewer steps at a lower rate, unless the configuration says otherwise."""
    from forecaster.finetuning import inherited

    parent = read(registry.resolve(models, "tiny"))
    usual = plan(seasonal_panel, Wishes()).schedule
    gentle = inherited(seasonal_panel, Wishes(), parent)
    assert gentle.schedule.steps < usual.steps
    assert gentle.schedule.learning_rate < usual.learning_rate
    assert gentle.task.horizon == parent.horizon
    assert gentle.task.ring == parent.architecture["ring"]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"horizon": 13}, "horizon of that version, 12, got 13"),
        ({"season_length": 6}, "season length of that version, 12, got 6"),
        ({"cell": "gru"}, "cell of that version, lstm, got gru"),
    ],
)
def test_fine_tuning_refuses_another_shape(
    models: Path, seasonal_panel: Panel, wish: dict[str, Any], said: str
) -> None:
    """The message names what the version has and what was asked for."""
    from forecaster.finetuning import inherited

    parent = read(registry.resolve(models, "tiny"))
    with pytest.raises(ConfigError, match=said):
        inherited(seasonal_panel, Wishes(**wish), parent)
