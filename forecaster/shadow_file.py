"""What versions in the shadow of a champion forecast, in a file for who wants to see it.

    MODELS/NAME/reports/shadow-2026-05-09.parquet    the newest day that was known in full

A row per series, cutoff and step, as `backtest --out` writes them, of the cutoffs at which
a version beside the champion was scored; of another that had learned from the values there
the columns are empty. A day has one file, however often one looks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forecaster import registry
from forecaster.report import long_frame
from forecaster.shadowing import Outcome, Plan

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "reports"
KEPT = 30  # files of a model; those written longest ago go


def write(plan: Plan, found: Mapping[str, Outcome]) -> Path | None:
    """Writes the forecasts of the versions that were scored.

    Args:
        plan: what was compared.
        found: what came of it, by version.

    Returns:
        The file; None where no version beside the champion was scored.

    Raises:
        OSError: it cannot be written there.
    """
    import pandas as pd  # slow to import

    scored = {version: one for version, one in found.items() if one.days}
    beside = {v: one for v, one in scored.items() if v != plan.champion}
    if not beside:
        return None
    champion = plan.entrants[plan.champion]
    ground, path = champion.ground, _path(champion.folder.parent, champion.days)
    counts = {v: np.isin(ground.days, plan.entrants[v].days) for v in scored}
    forecasts = {
        version: np.where(counts[version][..., None, None], one.quantiles, np.nan)
        for version, one in scored.items()
        if one.quantiles is not None
    }
    columns = long_frame(ground.panel, ground.origins, ground.levels, forecasts)
    shown = np.any([counts[version] for version in beside], axis=0)
    rows = np.repeat(shown.ravel(), ground.horizon)
    frame = pd.DataFrame({name: column[rows] for name, column in columns.items()})
    _put(frame, path)
    return path


def _path(folder: Path, days: list[str]) -> Path:
    """Where it goes. Dates are of one length, of whole steps the longer is the later."""
    newest = max(days, key=lambda day: (len(day), day))
    return folder / FOLDER / f"shadow-{newest}.parquet"


def _put(frame: "pd.DataFrame", path: Path) -> None:
    """The file as a whole, no more than `KEPT` of them, and nothing half written."""
    path.parent.mkdir(exist_ok=True)
    for left in path.parent.glob(".shadow-*.partial"):  # by a kill, or on a full disk
        left.unlink(missing_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    frame.to_parquet(partial, index=False)
    registry.flush(partial)
    partial.replace(path)
    written = sorted(path.parent.glob("shadow-*.parquet"), key=_written_at)
    for old in written[:-KEPT]:
        old.unlink(missing_ok=True)


def _written_at(path: Path) -> float:
    return path.stat().st_mtime
