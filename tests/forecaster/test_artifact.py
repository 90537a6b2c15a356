"""A version on disk: loads anywhere, says what is wrong with it, is written whole."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import registry
from forecaster.errors import ArtifactError
from forecaster.evaluation import backtest
from forecaster.manifest import Facts
from forecaster.panel import Panel
from forecaster.planning import Wishes

pytestmark = pytest.mark.tf

FACTS = Facts("x", "1", 1, (), {}, {}, {}, {}, {})

# Runs in a process that has TensorFlow and nothing of this project.
FOREIGN_PROCESS = """
import sys, json
import numpy as np, tensorflow as tf
assert not any(name.split(".")[0] == "forecaster" for name in sys.modules)
folder, arrays = sys.argv[1], np.load(sys.argv[2])
module = tf.saved_model.load(folder + "/saved_model")
manifest = json.load(open(folder + "/manifest.json"))
f = module.signatures
zero = f["initial_state"](batch=tf.constant(2))["state_out"]
assert zero.shape == (2, manifest["state_size"])
y, x = tf.constant(arrays["y"]), tf.constant(arrays["x"])
steps = y.shape[1]
whole = f["advance"](state=zero, y=y, x=x[:, :steps])
ahead = f["forecast"](state=whole["state_out"], x=x[:, steps:])["quantiles"]
before = f["advance"](state=zero, y=y[:, :-1], x=x[:, : steps - 1])["state_out"]
step = f["step"](state=before, y=y[:, -1:], x=x[:, steps - 1 :])
near = dict(rtol=1e-5, atol=1e-6)
np.testing.assert_allclose(step["quantiles"], ahead, **near)
np.testing.assert_allclose(step["state_out"], whole["state_out"], **near)
np.testing.assert_allclose(step["expected"], whole["expected"][:, -1:], **near)
kinds = set()
graph = tf.compat.v1.MetaGraphDef()
from tensorflow.core.protobuf import saved_model_pb2
model = saved_model_pb2.SavedModel()
model.ParseFromString(open(folder + "/saved_model/saved_model.pb", "rb").read())
for meta in model.meta_graphs:
    kinds |= {node.op for node in meta.graph_def.node}
    for function in meta.graph_def.library.function:
        kinds |= {node.op for node in function.node_def}
assert not [kind for kind in kinds if "Cudnn" in kind], kinds
np.save(sys.argv[3], step["quantiles"])
"""


@pytest.fixture
def version(tiny_models: Path, tmp_path: Path) -> Path:
    """A copy of the trained version, to be damaged."""
    source = registry.resolve(tiny_models, "tiny")
    return Path(shutil.copytree(source, tmp_path / source.name))


def test_it_runs_in_a_process_without_this_project(
    tiny_artifact: Any, version: Path, tmp_path: Path
) -> None:
    """All signatures run with TensorFlow alone, on the CPU, and forecast the same."""
    rng = np.random.default_rng(0)
    y = rng.normal(20, 3, (2, 30)).astype(np.float32)
    features = len(tiny_artifact.manifest.features)
    x = rng.uniform(-1, 1, (2, 42, features)).astype(np.float32)
    np.savez(tmp_path / "arrays.npz", y=y, x=x)
    arguments = [str(version), str(tmp_path / "arrays.npz"), str(tmp_path / "q.npy")]
    done = subprocess.run(
        [sys.executable, "-I", "-c", FOREIGN_PROCESS, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    state = tiny_artifact.advance(tiny_artifact.initial_state(2), y, x[:, :30])
    ours = tiny_artifact.forecast(state, x[:, 30:])
    assert np.allclose(np.load(tmp_path / "q.npy"), ours, rtol=1e-6)


def test_the_manifest_describes_the_version(tiny_artifact: Any) -> None:
    """Horizon, quantiles, state size and a summary of the data are written down."""
    manifest = tiny_artifact.manifest
    assert (manifest.name, manifest.horizon, manifest.freq) == ("tiny", 12, "MS")
    assert list(manifest.quantiles) == sorted(manifest.quantiles)
    assert manifest.data["series"] == 6
    assert manifest.data["missing"] == 10
    assert tiny_artifact.initial_state(3).shape == (3, manifest.state_size)
    assert "saved_model/saved_model.pb" in manifest.files


def test_the_manifest_tells_where_the_version_comes_from(tiny_artifact: Any) -> None:
    """Data, what was asked for, chance, what became of it, and what made it."""
    manifest = tiny_artifact.manifest
    small = {"units": 16, "patch_units": 32, "head_units": 32}
    wanted = {"horizon": 12, "seed": 1, "network": small, "training": {"steps": 60}}
    assert manifest.configuration == wanted
    assert len(manifest.data["fingerprint"]) == 16
    assert (manifest.training["seed"], manifest.training["planned_steps"]) == (1, 60)
    assert {"python", "forecaster", "keras", "numpy"} <= manifest.libraries.keys()
    assert manifest.parent is None


def test_the_metrics_are_those_of_a_backtest_of_the_version_on_disk(
    seasonal_panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the manifest says of the held-out end is what a backtest finds there.

    So it is of a version that has not gone on to learn from that end.
    """
    from forecaster import pipeline
    from forecaster.artifact import load

    monkeypatch.setattr(pipeline, "unfinished", lambda parts: False)
    config = tmp_path / "c.toml"
    config.write_text("[network]\nunits = 6\n[training]\nsteps = 4\n")
    wishes = Wishes(horizon=6, config=config)
    made = pipeline.train_model(seasonal_panel, "tiny", wishes, tmp_path)
    model = load(tmp_path / "tiny" / made.version)
    report = backtest(model, seasonal_panel, windows=1, step_size=6, name="tiny")
    for name, value in report.summary()["tiny"].items():
        assert made.metrics[name] == pytest.approx(value, rel=1e-5)


def test_no_training_value_is_in_the_version(tiny_models: Path, version: Path) -> None:
    """The version is about as large as its weights: the data is not inside."""
    size = sum(p.stat().st_size for p in version.rglob("*") if p.is_file())
    assert size < 2_000_000


def damage_flip(version: Path) -> None:
    """One bit of the weights."""
    path = next(version.glob("saved_model/variables/*.data*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_truncate(version: Path) -> None:
    """Half of the graph."""
    path = version / "saved_model" / "saved_model.pb"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_remove(version: Path) -> None:
    """A file less."""
    next(version.glob("saved_model/variables/*.index")).unlink()


def damage_add(version: Path) -> None:
    """A file more: a SavedModel is a program."""
    (version / "saved_model" / "assets" / "extra.txt").parent.mkdir(exist_ok=True)
    (version / "saved_model" / "assets" / "extra.txt").write_text("x")


def damage_manifest(version: Path) -> None:
    """A manifest that is no JSON."""
    (version / "manifest.json").write_text("{")


def damage_format(version: Path) -> None:
    """A manifest of the future."""
    path = version / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format_version": 99}))


def damage_shape(version: Path) -> None:
    """A manifest of another horizon."""
    path = version / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "horizon": 13}))


def damage_entry(version: Path) -> None:
    """A manifest without its horizon."""
    path = version / "manifest.json"
    content = json.loads(path.read_text())
    del content["horizon"]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_flip, r"expected sha256 .*, got .* is damaged"),
        (damage_truncate, r"expected sha256 .*, got .* is damaged"),
        (damage_remove, "absent"),
        (damage_add, "not in the manifest"),
        (damage_manifest, "could not read"),
        (damage_format, "format_version"),
        (damage_entry, "horizon"),
        (damage_shape, r"expected quantiles as .*\(None, 13, 11\).* has .*12"),
    ],
)
def test_a_damaged_version_is_refused_with_its_reason(
    version: Path, damage: Any, said: str
) -> None:
    """No damaged file is loaded; the message names what is wrong."""
    from forecaster.artifact import load

    damage(version)
    with pytest.raises(ArtifactError, match=said):
        load(version)


def test_the_version_on_disk_forecasts_as_the_network_that_was_trained(
    tmp_path: Path,
) -> None:
    """The exported weights are the trained ones, and none of them needs a GPU."""
    from forecaster.artifact import load
    from forecaster.config import Architecture, Task
    from forecaster.network import Network
    from forecaster.publishing import publish
    from forecaster.tracking import Tracker

    network = Network(Task(3, 2, 6, 0), Architecture(units=4, patch_units=5))
    network.initialise()
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:  # the others have no place below zero
        variable.assign(rng.normal(0, 0.3, variable.shape))
    served = load(tmp_path / "x" / publish(network, tmp_path, FACTS).version)
    y = rng.normal(9, 2, (2, 11)).astype(np.float32)
    x = np.zeros((2, 14, 0), np.float32)
    tracker = Tracker(network)
    zero = np.zeros((2, tracker.state_size), np.float32)
    state, _ = tracker.advance(zero, y, x[:, :11])
    state_out = served.advance(served.initial_state(2), y, x[:, :11])
    assert np.allclose(state_out, state, rtol=1e-5, atol=1e-6)
    quantiles = served.forecast(state_out, x[:, 11:])
    assert np.allclose(quantiles, tracker.forecast(state, x[:, 11:]), rtol=1e-5)
