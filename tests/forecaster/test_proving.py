"""What may go live: each way of being broken is refused, and names its reason in a line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import manifest as manifests
from forecaster import registry
from forecaster.errors import ArtifactError

pytestmark = pytest.mark.tf

Tensors = dict[str, Any]
WEIGHT = "weights/1/.ATTRIBUTES/VARIABLE_VALUE"


@pytest.fixture
def version(tiny_models: Path, tmp_path: Path) -> Path:
    """A copy of the trained version in a models folder of its own, to be damaged."""
    source = registry.resolve(tiny_models, "tiny")
    return Path(shutil.copytree(source, tmp_path / "tiny" / source.name))


def changed(version: Path, /, **entries: Any) -> None:
    """Writes other entries into a manifest."""
    path = version / manifests.FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def sealed(version: Path) -> None:
    """Makes the checksums fit, as somebody does who means harm or knows no better."""
    changed(version, files=manifests.checksums(version))


def rewritten(version: Path, change: Callable[[Tensors], object]) -> None:
    """Changes the tensors of a version's weights, with checksums that fit."""
    import tensorflow as tf

    prefix = str(version / "saved_model" / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    tensors = {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }
    change(tensors)
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(tensors[name]) for name in names],
    )
    sealed(version)


def poisoned(value: float) -> Callable[[Tensors], object]:
    """Puts one number into the middle of a weight."""

    def change(tensors: Tensors) -> None:
        weight = np.array(tensors[WEIGHT])
        weight.flat[weight.size // 2] = value
        tensors[WEIGHT] = weight

    return change


def resaved(version: Path, change: Callable[[Any, dict[str, Any]], object]) -> None:
    """Saves a version with other functions, with checksums that fit."""
    import tensorflow as tf

    folder = version / "saved_model"
    module = tf.saved_model.load(str(folder))
    functions = dict(module.signatures)
    change(tf, functions)
    shutil.rmtree(folder)
    tf.saved_model.save(module, str(folder), signatures=functions)
    sealed(version)


def of_doubles(tf: Any, functions: dict[str, Any]) -> None:
    """A step that wants its values in float64."""
    step, spec = functions["step"], functions["step"].structured_input_signature[1]

    def wider(state: Any, y: Any, x: Any) -> Any:
        return step(state=state, y=tf.cast(y, tf.float32), x=x)

    y = tf.TensorSpec(spec["y"].shape, tf.float64, name="y")
    made = tf.function(wider).get_concrete_function(spec["state"], y, spec["x"])
    functions["step"] = made


def crossing(tf: Any, functions: dict[str, Any]) -> None:
    """A forecast that hands its quantiles out upside down."""
    forecast = functions["forecast"]
    spec = forecast.structured_input_signature[1]

    def turned(state: Any, x: Any) -> Any:
        return {"quantiles": forecast(state=state, x=x)["quantiles"][:, :, ::-1]}

    made = tf.function(turned).get_concrete_function(spec["state"], spec["x"])
    functions["forecast"] = made


def dividing(tf: Any, functions: dict[str, Any]) -> None:
    """A forecast of sound weights that is not finite all the same."""
    forecast = functions["forecast"]
    spec = forecast.structured_input_signature[1]

    def nothing(state: Any, x: Any) -> Any:
        return {"quantiles": forecast(state=state, x=x)["quantiles"] / 0.0}

    made = tf.function(nothing).get_concrete_function(spec["state"], spec["x"])
    functions["forecast"] = made


def flipped(version: Path) -> None:
    """One bit of the weights."""
    path = next(version.glob("saved_model/variables/*.data*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncated(version: Path) -> None:
    """The first half of the graph, with a checksum that fits."""
    path = version / "saved_model" / "saved_model.pb"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    sealed(version)


def half_copied(version: Path) -> None:
    """The manifest and the graph; the weights were still to come."""
    shutil.rmtree(version / "saved_model" / "variables")


def of_weights_alone(version: Path) -> None:
    """No graph, and a manifest that says so."""
    (version / "saved_model" / "saved_model.pb").unlink()
    sealed(version)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped bit": (flipped, "expected sha256"),
    "truncated graph": (truncated, "TensorFlow could not load it"),
    "half copied": (half_copied, r"variables\S*: absent"),
    "no graph": (of_weights_alone, "TensorFlow could not load it .*does not exist"),
    "missing variable": (
        lambda v: rewritten(v, lambda tensors: tensors.pop(WEIGHT)),
        "TensorFlow could not load it .*weights/1",
    ),
    "NaN": (lambda v: rewritten(v, poisoned(np.nan)), "weight 1 .* 1 of .* NaN"),
    "infinity": (lambda v: rewritten(v, poisoned(-np.inf)), "weight 1 .*infinite"),
    "missing function": (
        lambda v: resaved(v, lambda _, functions: functions.pop("imagine")),
        "expected the signatures .*; imagine absent",
    ),
    "wrong type": (
        lambda v: resaved(v, of_doubles),
        "signature step: expected y as float32 .* has float64",
    ),
    "wrong horizon": (
        lambda v: changed(v, horizon=13),
        r"signature forecast: expected quantiles as float32 of shape \(None, 13",
    ),
    "wrong state": (lambda v: changed(v, state_size=7), r"state_out .*\(None, 7\)"),
    "other features": (
        lambda v: changed(v, freq="h"),
        "features this release does not compute for frequency 'h'",
    ),
    "no frequency": (lambda v: changed(v, freq="soon"), "got .*'soon'"),
    "foreign covariates": (
        lambda v: changed(v, covariates={"columns": [{"name": "x"}]}),
        "expected forecasts of made series, got",
    ),
    "crossing": (lambda v: resaved(v, crossing), "expected quantiles that rise"),
    "division by zero": (lambda v: resaved(v, dividing), "expected finite forecasts"),
    "other model": (lambda v: changed(v, name="other"), "model 'tiny'.*'other'"),
    "other version": (
        lambda v: changed(v, version="20200101T000000Z-0000"),
        "version '2.*'20200101T000000Z-0000'",
    ),
    "other format": (lambda v: changed(v, format_version=99), "format_version 1, got"),
    "foreign manifest": (
        lambda v: (v / "manifest.json").write_text('{"name": "tiny", "flavor": "x"}'),
        "format_version 1, got None",
    ),
    "no manifest": (lambda v: (v / "manifest.json").unlink(), "could not read it"),
}


def test_a_trained_version_is_sound(version: Path) -> None:
    """Nothing is held against a version as training leaves it."""
    from forecaster.proving import prove

    assert prove(version).manifest == registry.verify(version)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_broken_is_refused_with_its_reason(version: Path, damage: str) -> None:
    """Whatever the checksums say, it is refused in one line that names what is wrong."""
    from forecaster.proving import prove

    harm, said = DAMAGES[damage]
    harm(version)
    with pytest.raises(ArtifactError, match=said) as caught:
        prove(version)
    assert "\n" not in str(caught.value)
    assert version.name in str(caught.value)


@pytest.mark.parametrize(
    "damage", ["flipped bit", "half copied", "other model", "other version"]
)
def test_files_are_judged_without_tensorflow(version: Path, damage: str) -> None:
    """What files alone tell is refused by `registry.verify`, for the same reason."""
    harm, said = DAMAGES[damage]
    harm(version)
    with pytest.raises(ArtifactError, match=said):
        registry.verify(version)


def test_a_probe_needs_no_date(version: Path) -> None:
    """A version whose series count their steps is probed as well."""
    from forecaster.proving import made_series, probe
    from tests.service.fakes import FakeModel, manifest

    for frequency in ("1", "h", "QE-DEC"):
        model = FakeModel(manifest(frequency))
        probe(model)
        assert model.steps > sum(map(len, made_series(24)))
