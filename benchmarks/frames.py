"""The rows of the benchmark files as pandas frames `unique_id, ds, y`.

Gaps stay gaps (the product lays series on full grids itself). What it would refuse is
mended here: timestamps beside the grid are moved to the nearest step of it, and rows of
one timestamp become their mean.
"""

from pathlib import Path

import pandas as pd

COLUMNS = ["unique_id", "ds", "y"]


def rows(
    folder: Path, *, file: str, ids: tuple[str, ...] = (), first: int | None = None
) -> pd.DataFrame:
    """The rows of one file; of the series `ids`, if any; of each the `first` so many."""
    frame = pd.read_csv(
        folder / f"{file}.csv.gz", usecols=COLUMNS, dtype={"unique_id": str}
    )
    if ids:
        frame = frame[frame["unique_id"].isin(ids)]
    if first is not None:
        frame = frame.groupby("unique_id").head(first)
    if not pd.api.types.is_integer_dtype(frame["ds"]):
        frame = frame.assign(ds=pd.to_datetime(frame["ds"]))
    return frame.reset_index(drop=True)


def competition(folder: Path, *, file: str) -> pd.DataFrame:
    """History and future of a competition in one frame."""
    parts = [rows(folder, file=f"{file}_{part}") for part in ("train", "test")]
    return pd.concat(parts, ignore_index=True)


def snapped(folder: Path, *, file: str, series: str, step: str) -> pd.DataFrame:
    """One irregular series on a grid: nearest step, the mean of what meets there."""
    frame = rows(folder, file=file, ids=(series,))
    frame = frame.assign(ds=frame["ds"].dt.round(step))
    return frame.groupby(["unique_id", "ds"], as_index=False)["y"].mean()


def interpolated(folder: Path, *, file: str, series: str) -> pd.DataFrame:
    """One series of a file with straight lines through its missing values."""
    frame = rows(folder, file=file, ids=(series,))
    return frame.assign(y=frame["y"].interpolate())
