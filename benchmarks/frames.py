"""The rows of the benchmark files as pandas frames `unique_id, ds, y`.

Rows are left as they are in the files: gaps, duplicates and times beside the grid are
for the product to deal with.
"""

from pathlib import Path

import pandas as pd

COLUMNS = ["unique_id", "ds", "y"]


def rows(
    folder: Path,
    *,
    file: str,
    ids: tuple[str, ...] = (),
    first: int | None = None,
    covariates: tuple[str, ...] = (),
) -> pd.DataFrame:
    """The rows of one file; of the series `ids`, if any; of each the `first` so many."""
    frame = pd.read_csv(
        folder / f"{file}.csv.gz",
        usecols=[*COLUMNS, *covariates],
        dtype={"unique_id": str},
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


def interpolated(folder: Path, *, file: str, series: str) -> pd.DataFrame:
    """One series of a file with straight lines through its missing values."""
    frame = rows(folder, file=file, ids=(series,))
    return frame.assign(y=frame["y"].interpolate())


def with_temperature(folder: Path, *, file: str, stations: str) -> pd.DataFrame:
    """The rows of one file beside the mean `temperature` of all stations at each time."""
    hourly = rows(folder, file=stations).groupby("ds")["y"].mean()
    frame = rows(folder, file=file)
    return frame.assign(temperature=frame["ds"].map(hourly))
