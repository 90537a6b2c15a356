"""Laws of going live with trained versions: proven or refused, back and forth, kept in use."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import manifest as manifests
from forecaster import registry
from tests.forecaster.conftest import Shell

pytestmark = pytest.mark.tf

NEW, NEWER = "29990101T000000Z-aaaa", "29990102T000000Z-bbbb"


@pytest.fixture
def models(tiny_models: Path, shell: Shell) -> Path:
    """A models folder, the one of the shell, with three versions of `tiny`."""
    source = registry.resolve(tiny_models, "tiny")
    folder = shell.folder / "models"
    for version in (source.name, NEW, NEWER):
        copied = Path(shutil.copytree(source, folder / "tiny" / version))
        changed(copied, version=version)
    registry.set_alias(folder, "tiny", "champion", source.name)
    return folder


def changed(version: Path, /, **entries: Any) -> None:
    """Writes other entries into a manifest."""
    path = version / manifests.FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_promote_and_roll_back(shell: Shell, models: Path) -> None:
    """The challenger goes live by default; rolling back undoes it, and that goes back too."""
    old = registry.resolve(models, "tiny").name
    registry.set_alias(models, "tiny", "challenger", NEW)
    done = json.loads(shell("models promote tiny --json").out)
    assert done == {"name": "tiny", "version": NEW, "previous": old, "changed": True}
    assert registry.aliases(models, "tiny") == {"champion": NEW, "previous": old}
    assert f"{NEW} was champion already" in shell(f"models promote tiny {NEW}").out

    assert f"{old} is champion; previous is {NEW}" in shell("models rollback tiny").out
    done = json.loads(shell("models rollback --name tiny --json").out)
    assert done == {"name": "tiny", "version": NEW, "previous": old, "changed": True}


def test_what_is_not_sound_does_not_go_live(shell: Shell, models: Path) -> None:
    """Promotion and rollback refuse it in one line, and every role stays as it was."""
    changed(models / "tiny" / NEW, horizon=13)
    registry.set_alias(models, "tiny", "previous", NEW)
    before = registry.aliases(models, "tiny")
    for line in (f"models promote tiny {NEW}", "models rollback tiny"):
        outcome = shell(line)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.count("\n") == 1
        assert "expected quantiles as float32" in outcome.err
    assert registry.aliases(models, "tiny") == before

    outcome = shell("models verify tiny")
    assert outcome.code == 1
    assert outcome.out.count("sound") == 2
    assert shell("models verify tiny --quick").code == 0  # the files are those it names


def test_who_has_a_version_loaded_goes_on(shell: Shell, models: Path) -> None:
    """A version forecasts the same after it was deleted under those who use it."""
    from forecaster.artifact import load

    model = load(models / "tiny" / NEWER)
    width = len(model.manifest.features)
    y = np.linspace(9, 12, 20, dtype=np.float32)[None]
    state = model.advance(model.initial_state(1), y, np.zeros((1, 20, width)))
    given = state, y[:, -1:], np.zeros((1, 1 + model.manifest.horizon, width))
    before = model.step(*given)
    assert shell(f"models delete tiny {NEWER}").code == 0
    assert not (models / "tiny" / NEWER).exists()
    for one, other in zip(before, model.step(*given), strict=True):
        assert np.array_equal(one, other, equal_nan=True)
