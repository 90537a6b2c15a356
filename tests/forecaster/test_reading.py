"""Laws of reading: what a file means does not depend on how it is written."""

import gzip
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.errors import DataError
from forecaster.panel import Panel
from forecaster.reading import read_panel
from tests.forecaster.panels import same

Row = tuple[str, str, str]

START = datetime.fromisoformat("2024-02-28")
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
VALUES = st.one_of(st.none(), st.floats(-1e30, 1e30))
SERIES = st.dictionaries(
    NAMES, st.lists(VALUES, min_size=2, max_size=6), min_size=1, max_size=4
)
patient = settings(
    deadline=None,  # a busy machine is no error
    suppress_health_check=[
        HealthCheck.function_scoped_fixture
    ],  # files are overwritten
)


def rows_of(series: dict[str, list[float | None]]) -> list[Row]:
    """Daily rows of each series, with a first value so that none is empty."""
    return [
        (name, f"{START + timedelta(days=day):%Y-%m-%d}", "" if y is None else repr(y))
        for name, values in series.items()
        for day, y in enumerate([1.0, *values])
    ]


def write(path: Path, rows: list[Row], names: str = "unique_id,ds,y") -> Path:
    """A CSV file, or a compressed one, or Parquet, by the name."""
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    table = pa.table(columns, names=names.split(","))
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
        return path
    pyarrow.csv.write_csv(table, path.with_suffix(".raw"))
    content = path.with_suffix(".raw").read_bytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@patient
@given(SERIES)
def test_values_are_read_exactly(
    tmp_path: Path, series: dict[str, list[float | None]]
) -> None:
    """Each series has, to the last bit, the values and the times that were written."""
    panel = read_panel(write(tmp_path / "x.csv", rows_of(series)))
    assert panel.ids == tuple(sorted(series))
    for index, name in enumerate(panel.ids):
        wanted = [1.0, *(math.nan if y is None else y for y in series[name])]
        assert np.array_equal(panel.values_of(index), wanted, equal_nan=True)
        assert panel.times_of(index)[0] == np.datetime64(START)


@patient
@given(SERIES, st.randoms(use_true_random=False))
def test_shuffled_rows_read_the_same(
    tmp_path: Path, series: dict[str, list[float | None]], random: Random
) -> None:
    """The order of the rows means nothing."""
    rows = rows_of(series)
    panel = read_panel(write(tmp_path / "x.csv", rows))
    random.shuffle(rows)
    assert same(read_panel(write(tmp_path / "x.csv", rows)), panel)


@patient
@given(SERIES)
def test_every_format_reads_the_same(
    tmp_path: Path, series: dict[str, list[float | None]]
) -> None:
    """CSV, compressed CSV and Parquet of the same rows are the same panel."""
    rows = rows_of(series)
    panel = read_panel(write(tmp_path / "x.csv", rows))
    for name in ("x.csv.gz", "X.CSV", "x.parquet"):
        assert same(read_panel(write(tmp_path / name, rows)), panel)


def one_series(path: Path, times: list[str], freq: str | None = None) -> Panel:
    """A panel of one series with the values 0, 1, 2, … at the times."""
    rows = [("a", time, str(value)) for value, time in enumerate(times)]
    return read_panel(write(path / "x.csv", rows), freq)


@patient
@given(st.sets(st.integers(0, 60), min_size=10))
def test_absent_times_are_missing_values(tmp_path: Path, kept: set[int]) -> None:
    """Rows left out come back as missing values, those kept stay where they are."""
    hours = sorted(kept)
    times = [f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S}" for hour in hours]
    panel = one_series(tmp_path, times, "h")
    assert panel.lengths.tolist() == [hours[-1] - hours[0] + 1]
    observed = np.flatnonzero(~np.isnan(panel.values))
    assert (observed + hours[0]).tolist() == hours
    assert panel.values[observed].tolist() == list(range(len(hours)))


def test_the_other_names_are_the_same_three(tmp_path: Path) -> None:
    """`item_id,timestamp,target` read as `unique_id,ds,y`, also mixed with them."""
    rows = rows_of({"a": [1.0, 2.0]})
    panel = read_panel(write(tmp_path / "x.csv", rows))
    for names in ("item_id,timestamp,target", "item_id,ds,target", " unique_id,ds ,y"):
        assert same(read_panel(write(tmp_path / "x.csv", rows, names)), panel)


def test_further_columns_change_nothing(tmp_path: Path) -> None:
    """Covariates of any kind, even one named like an alias, are left alone."""
    path = tmp_path / "x.csv"
    path.write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\n")
    panel = read_panel(path)
    path.write_text(
        'note,ds,target,y,unique_id,\n"a,\nb",2024-01-01,x,1,a,\n,2024-01-02,,2,a,\n'
    )
    assert same(read_panel(path), panel)


@pytest.mark.parametrize("missing", ["", " ", "NaN", "nan", "null", "NULL"])
def test_missing_values_have_few_names(tmp_path: Path, missing: str) -> None:
    """Nothing, NaN and null are missing values; so is null in Parquet."""
    rows = [
        ("a", "2024-01-01", "1"),
        ("a", "2024-01-02", missing),
        ("a", "2024-01-03", ""),
    ]
    for name in ("x.csv", "x.parquet"):
        panel = read_panel(write(tmp_path / name, rows))
        assert np.isnan(panel.values).tolist() == [False, True, True]


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z"],
        ["2024-01-01T02:00+02:00", "2024-01-01T02:00+01:00", "2024-01-01T02:00Z"],
        ["2024-01-01", "2024-01-01 01:00", "2024-01-01T02:00:00.000000"],
        ["2024-01-01T00:00:00", "2023-12-31T20:00:00-05:00", "2024-01-01T02:00:00Z"],
        [" 2024-01-01 00", "20240101T010000", "2024-W01-1T02"],
    ],
)
def test_times_may_be_spelled_in_many_ways(tmp_path: Path, times: list[str]) -> None:
    """The spellings of ISO-8601 are read alike; offsets are converted to UTC."""
    plain = ["2024-01-01T00:00:00", "2024-01-01T01:00:00", "2024-01-01T02:00:00"]
    assert same(one_series(tmp_path, times), one_series(tmp_path, plain))


def test_months_and_far_years_are_times_too(tmp_path: Path) -> None:
    """A month without a day is its first; years before 1677 and after 2262 exist."""
    assert one_series(tmp_path, ["2024-01", "2024-02"]).frequency.alias == "MS"
    panel = one_series(tmp_path, ["1600-01-01", "1601-01-01", "2500-01-01"])
    assert (panel.frequency.alias, panel.lengths.tolist()) == ("YS-JAN", [901])


def test_parquet_types_are_read_by_their_meaning(tmp_path: Path) -> None:
    """Dates, zoned and unzoned timestamps, categories and integers mean what they say."""
    moments = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    naive = [moment.replace(tzinfo=None) for moment in moments]
    text = write(tmp_path / "x.csv", [("7", f"{m:%Y-%m-%d}", "1.5") for m in moments])
    panel = read_panel(text)
    ids = [
        pa.array([7] * 3),
        pa.array(["7"] * 3).dictionary_encode(),
        pa.array(["7"] * 3, pa.string_view()),
    ]
    times = [
        pa.array(naive, pa.date32()),
        pa.array(naive, pa.timestamp("ns")),
        pa.array(naive, pa.timestamp("s")),
        pa.array(moments, pa.timestamp("ms", "Europe/Madrid")),
        pa.array([f"{m:%Y-%m-%d}" for m in moments]).dictionary_encode(),
        pa.array([f"{m:%Y-%m-%d}" for m in moments], pa.string_view()),
    ]
    values = [
        pa.array([1.5] * 3, pa.float32()),
        pa.array(["1.5"] * 3, pa.large_string()),
    ]
    path = tmp_path / "x.parquet"
    for one in [(i, t, v) for i in ids for t in times for v in values]:
        pyarrow.parquet.write_table(
            pa.table([*one], names=["unique_id", "ds", "y"]), path
        )
        assert same(read_panel(path), panel)


def test_nanoseconds_are_cut_to_microseconds(tmp_path: Path) -> None:
    """Parquet times finer than a microsecond are read as the microsecond they lie in."""
    times = pa.array([10**9 + 7, 2 * 10**9 + 7], pa.timestamp("ns"))
    table = pa.table([["a", "a"], times, [1, 2]], names=["unique_id", "ds", "y"])
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    panel = read_panel(tmp_path / "x.parquet")
    assert panel.starts[0] == np.datetime64("1970-01-01T00:00:01")
    assert panel.lengths.tolist() == [2]


def test_blank_lines_are_skipped_but_counted(tmp_path: Path) -> None:
    """Blank lines mean nothing, and do not shift the line an error names."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfunique_id,ds,y\r\na,1,1\r\n\r\n,,\r\na,2,2\r\n\r\n")
    assert read_panel(path).values.tolist() == [1, 2]
    path.write_text("unique_id,ds,y\n\na,1,1\n\na,2,x\n")
    with pytest.raises(DataError, match="line 5"):
        read_panel(path)


def test_the_frequency_given_is_the_one_used(tmp_path: Path) -> None:
    """A given frequency holds where another would be inferred, under its true name."""
    mondays = ["2024-01-01", "2024-01-08", "2024-01-15"]
    assert one_series(tmp_path, mondays, "D").lengths.tolist() == [15]
    assert one_series(tmp_path, mondays, "W").frequency.alias == "W-MON"
    assert one_series(tmp_path, mondays[:1], "W").frequency.alias == "W-MON"
