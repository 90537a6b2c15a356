"""The manifest: what is written can be read, what cannot be used is refused by its entry."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from forecaster.errors import ArtifactError
from forecaster.manifest import FILE_NAME, Facts, Manifest, read

FACTS = Facts("x", "1", 1, ("a",), {}, {}, {"series": 3}, {"mase": 1}, {})
MANIFEST = Manifest(
    **FACTS.entries(),
    version="20260101T000000Z-1a2b",
    horizon=2,
    quantiles=(0.1, 0.5, 0.9),
    state_size=7,
    libraries={"numpy": "2"},
    git_revision=None,
    files={"a": "b"},
)


def written(folder: Path, **changes: Any) -> Path:
    """A folder with a manifest of which some entries were changed."""
    content = {**json.loads(MANIFEST.to_json()), **changes}
    (folder / FILE_NAME).write_text(json.dumps(content))
    return folder


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """The manifest comes back as it was."""
    assert read(written(tmp_path)) == MANIFEST


def test_an_older_manifest_with_less_of_its_lineage_is_read(tmp_path: Path) -> None:
    """An entry that has a default may be absent."""
    content = json.loads(MANIFEST.to_json())
    del content["parent"], content["configuration"]
    (tmp_path / FILE_NAME).write_text(json.dumps(content))
    assert read(tmp_path) == MANIFEST


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("quantiles", 5),
        ("quantiles", None),
        ("quantiles", [0.5, "0.9"]),
        ("quantiles", [0.1, 0.9]),
        ("quantiles", [0.9, 0.5, 0.1]),
        ("files", ["a"]),
        ("files", {"a": 1}),
        ("horizon", "abc"),
        ("horizon", True),
        ("horizon", 1.5),
        ("metrics", {"mase": "low"}),
        ("features", [1]),
        ("name", None),
        ("git_revision", 7),
        ("configuration", [12]),
    ],
)
def test_an_entry_of_a_wrong_type_is_refused(
    tmp_path: Path, entry: str, value: object
) -> None:
    """The message names the file, the entry, what was expected and what came."""
    with pytest.raises(ArtifactError, match=rf"{FILE_NAME}: {entry}: expected .* got"):
        read(written(tmp_path, **{entry: value}))


def test_every_entry_of_the_facts_is_one_of_the_manifest() -> None:
    """What is known after training goes into the manifest under the same name."""
    assert {f.name for f in fields(Facts)} <= {f.name for f in fields(Manifest)}
