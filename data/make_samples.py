"""Make the files of this folder from the public-domain series inside statsmodels.

    python data/make_samples.py [--out FOLDER]

Each run writes the same bytes. Where the series come from: README.md beside this file.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from statsmodels.datasets import co2, elec_equip, elnino, macrodata, nile, sunspots

Row = tuple[str, str, str]  # unique_id, ds, y


def rows(series: pd.Series, unique_id: str) -> Iterator[Row]:
    """One row per value of a series indexed by date; a missing value is left empty."""
    for date, value in series.items():
        yield (
            unique_id,
            f"{date:%Y-%m-%d}",
            "" if pd.isna(value) else repr(float(value)),
        )


def weekly_co2() -> pd.Series:
    """CO2 at Mauna Loa, week by week, 59 weeks of it missing."""
    return co2.load_pandas().data["co2"]


def monthly_co2() -> pd.Series:
    """The means of the weeks observed in each month; a month without any is missing."""
    return weekly_co2().resample("MS").mean().round(2)


def monthly_elnino() -> pd.Series:
    """Sea temperatures, turned from one row a year into one row a month."""
    table = elnino.load_pandas().data.set_index("YEAR").stack()
    first = f"{table.index[0][0]:.0f}-01-01"
    return table.set_axis(pd.date_range(first, periods=len(table), freq="MS"))


def monthly_turnover() -> pd.Series:
    """Turnover of makers of electrical equipment in the euro area."""
    return elec_equip.load_pandas().data.iloc[:, 0]


def quarterly_macro() -> Iterator[Row]:
    """Twelve series of the economy of the United States."""
    table = macrodata.load_pandas().data
    first = f"{table['year'].iloc[0]:.0f}-01-01"
    table.index = pd.date_range(first, periods=len(table), freq="QS")
    for name in table.columns.drop(["year", "quarter"]):
        yield from rows(table[name], name)


def yearly(table: pd.DataFrame, unique_id: str) -> Iterator[Row]:
    """A table of years and values."""
    for year, value in table.itertuples(index=False):
        yield unique_id, f"{year:.0f}-01-01", repr(float(value))


def write(path: Path, lines: Iterable[Row]) -> None:
    """A file in long format."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("unique_id", "ds", "y"))
        writer.writerows(lines)


def make(folder: Path) -> None:
    """Every sample file, into one folder."""
    write(
        folder / "sample.csv",
        [
            *rows(monthly_co2(), "co2"),
            *rows(monthly_turnover(), "elec_equip"),
            *rows(monthly_elnino(), "elnino"),
        ],
    )
    write(folder / "macro.csv", quarterly_macro())
    write(folder / "co2_weekly.csv", rows(weekly_co2(), "co2"))
    write(
        folder / "yearly.csv",
        [
            *yearly(nile.load_pandas().data, "nile"),
            *yearly(sunspots.load_pandas().data, "sunspots"),
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    make(parser.parse_args().out)
