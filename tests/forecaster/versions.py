"""Versions without a network: files, and a manifest that fits them."""

from pathlib import Path

from forecaster import manifest

A, B, C, D = (f"2026010{day}T000000Z-1a2b" for day in range(1, 5))


def made(models: Path, version: str, name: str = "demo") -> Path:
    """The folder of a version that `registry.verify` finds whole."""
    folder = models / name / version
    (folder / "saved_model" / "variables").mkdir(parents=True)
    for file in ("saved_model.pb", "variables/variables.index", "variables/data"):
        (folder / "saved_model" / file).write_text(f"{file} of {version}")
    content = manifest.Manifest(
        name=name,
        version=version,
        freq="MS",
        horizon=12,
        quantiles=(0.1, 0.5, 0.9),
        season_length=12,
        features=("month",),
        covariates={},
        state_size=3,
        architecture={"cell": "lstm"},
        data={"series": 5},
        metrics={"mase": 0.8},
        training={"seed": 1},
        libraries={"numpy": "2"},
        git_revision=None,
        files=manifest.checksums(folder),
    )
    (folder / manifest.FILE_NAME).write_text(content.to_json())
    return folder
