"""Where a version comes from: what was asked for, so that it can be asked for again."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forecaster.config import Architecture, Schedule, tables
from forecaster.covariates import Covariates
from forecaster.exog import Columns
from forecaster.manifest import Manifest
from forecaster.planning import Wishes

ASKED = ("horizon", "season_length", "cell", "seed", "max_time_s")


def configuration(wishes: Wishes, columns: Columns) -> dict[str, Any]:
    """What a training was asked for, as JSON has it; what the data chose is absent.

    A configuration file is written out, with the names of its tables and entries.

    >>> configuration(Wishes(horizon=12, seed=1), Columns(futr=("promo",)))
    {'horizon': 12, 'seed': 1, 'futr_exog': ['promo']}
    """
    file = tables(wishes.config)
    entries = {
        **{name: getattr(wishes, name) for name in ASKED},
        "futr_exog": list(columns.futr),
        "hist_exog": list(columns.hist),
        "stat_exog": list(columns.stat),
        "holidays": list(wishes.holidays),
        "network": file.get("network"),
        "training": file.get("training"),
    }
    return {name: value for name, value in entries.items() if value not in (None, [])}


def asked_again(manifest: Manifest, folder: Path) -> Wishes:
    """What makes a training like the one that made a version, with new data.

    Horizon and season are those of the version also where the data chose them then: who
    asks a service for forecasts counts on them. Of a version from before configurations
    were written down the network is taken over, as it was.

    Args:
        manifest: of the version.
        folder: where a configuration file may be written; read when training begins.
    """
    asked = manifest.configuration
    if asked is None:
        asked = {"network": manifest.architecture}
    config = folder / "asked.toml"
    config.write_text(
        toml("network", Architecture, asked.get("network", {}))
        + toml("training", Schedule, asked.get("training", {})),
        encoding="utf-8",
    )
    return Wishes(
        horizon=manifest.horizon,
        season_length=manifest.season_length,
        cell=asked.get("cell"),
        seed=asked.get("seed"),
        max_time_s=asked.get("max_time_s"),
        config=config,
        holidays=Covariates.read(manifest.covariates).holidays,
    )


def toml(title: str, kind: Any, values: Mapping[str, Any]) -> str:
    """A table of a configuration file: the values that the spec has entries for.

    >>> toml("network", Architecture, {"units": 8, "ring": 40})
    '[network]\\nunits = 8\\n'
    """
    known = {field.name for field in dataclasses.fields(kind)}
    lines = [
        f"{name} = {json.dumps(value)}"
        for name, value in values.items()
        if name in known and value is not None
    ]
    return "\n".join([f"[{title}]", *lines, ""])
