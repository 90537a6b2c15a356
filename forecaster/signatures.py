"""What the functions of a SavedModel take and give, by the manifest beside it.

TensorFlow is not needed: who has loaded a model hands it in. Letters: S state,
F features, H horizon, Q quantiles; None is any size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster.errors import ArtifactError
from forecaster.manifest import Manifest

Shape = tuple[int | None, ...]
NAMES = ("initial_state", "advance", "imagine", "forecast", "step")
WHOLE_NUMBERS = ("batch",)  # int32; everything else is float32


@dataclass(frozen=True, slots=True)
class Signature:
    """Arguments and results of one function, with their shapes."""

    takes: Mapping[str, Shape]
    gives: Mapping[str, Shape]


def expected(manifest: Manifest) -> dict[str, Signature]:
    """The signatures that a version of this manifest must have, by `NAMES`."""
    size, width = manifest.state_size, len(manifest.quantiles)
    state, state_out = {"state": (None, size)}, {"state_out": (None, size)}
    features = len(manifest.features)
    y, x = {"y": (None, None)}, {"x": (None, None, features)}
    before = {"expected": (None, None, width)}
    ahead = {"quantiles": (None, manifest.horizon, width)}
    return {
        "initial_state": Signature({"batch": ()}, state_out),
        "advance": Signature({**state, **y, **x}, {**state_out, **before}),
        "imagine": Signature({**state, **y, **x}, state_out),
        "forecast": Signature({**state, **x}, ahead),
        "step": Signature(
            {**state, "y": (None, 1), "x": (None, 1 + manifest.horizon, features)},
            {**state_out, "expected": (None, 1, width), **ahead},
        ),
    }


def check(folder: Path, manifest: Manifest, module: Any) -> None:
    """Refuses a loaded SavedModel whose functions are not those of the manifest.

    Raises:
        ArtifactError: names the first that differs, what was expected and what is there.
    """
    absent = [name for name in NAMES if name not in module.signatures]
    if absent:
        raise ArtifactError(
            f"{folder}: expected the signatures {', '.join(NAMES)}; "
            f"{', '.join(absent)} absent. The folder was not made by this project."
        )
    for name, signature in expected(manifest).items():
        function = module.signatures[name]
        place = f"{folder}: signature {name}"
        taken = function.structured_input_signature[1]
        for foreign in taken.keys() - signature.takes.keys():
            raise ArtifactError(
                f"{place}: takes {foreign!r}, expected only {', '.join(signature.takes)}. "
                "The folder was not made by this project."
            )
        _compare(place, signature.takes, taken)
        _compare(place, signature.gives, function.structured_outputs)


def _compare(place: str, wanted: Mapping[str, Shape], found: Mapping[str, Any]) -> None:
    """Refuses arrays that are absent, or of another type or shape."""
    for name, shape in wanted.items():
        kind = "int32" if name in WHOLE_NUMBERS else "float32"
        if name not in found:
            got = f"only {', '.join(found)}"
        elif found[name].dtype.name == kind and found[name].shape.is_compatible_with(
            shape
        ):
            continue
        else:
            got = f"{found[name].dtype.name} of shape {found[name].shape}"
        raise ArtifactError(
            f"{place}: expected {name} as {kind} of shape {shape} by the manifest, the "
            f"SavedModel has {got}. Copy the version again or choose another one."
        )
