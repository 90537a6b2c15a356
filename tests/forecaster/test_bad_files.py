"""A table of files that cannot be used, and what the error must say about each."""

import datetime
import gzip
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.errors import DataError, InputError
from forecaster.reading import read_panel

HEAD = "unique_id,ds,y\n"
DAYS = "a,2024-01-01,1\na,2024-01-02,2\na,2024-01-03,3\n"
GOOD = HEAD + DAYS

# What the file is: its name, its content, what the message must hold (place, mend, …).
BAD_TEXT = {
    "empty": ("x.csv", "", ["x.csv", "empty", "unique_id, ds, y"]),
    "blank lines only": ("x.csv", "\n\n \n", ["empty"]),
    "header only": ("x.csv", HEAD, ["without rows", "one row per observation"]),
    "header and commas": ("x.csv", HEAD + ",,\n,,\n", ["without rows"]),
    "no value column": (
        "x.csv",
        "unique_id,ds,load\na,2024-01-01,1\n",
        ["expected a column 'y' (or 'target')", "'unique_id, ds, load'", "Rename"],
    ),
    "no series column": (
        "x.csv",
        "ds,y\n2024-01-01,1\n",
        ["'unique_id'", "Rename", "or add one"],
    ),
    "no time column": ("x.csv", "unique_id,y\na,1\n", ["'ds' (or 'timestamp')"]),
    "other capitals": ("x.csv", "unique_id,DS,Y\na,1,1\n", ["'ds'", "Rename"]),
    "no header": ("x.csv", DAYS, ["expected a column 'unique_id'", "Rename"]),
    "semicolons": ("x.csv", GOOD.replace(",", ";"), ["Separate the columns by commas"]),
    "tabs": ("x.csv", GOOD.replace(",", "\t"), ["Separate the columns by commas"]),
    "a column twice": (
        "x.csv",
        "unique_id,ds,y,y\na,2024-01-01,1,2\n",
        ["column 'y' stands there twice", "Rename or remove"],
    ),
    "a covariate twice": (
        "x.csv",
        "unique_id,ds,y,wind,wind\na,2024-01-01,1,2,2\n",
        ["column 'wind' stands there twice"],
    ),
    "text for a number": (
        "x.csv",
        GOOD + "a,2024-01-04,n/a\n",
        [
            "x.csv, line 5, series 'a'",
            "expected a number in 'y'",
            "'n/a'",
            "or nothing",
        ],
    ),
    "decimal comma": (
        "x.csv",
        GOOD + 'a,2024-01-04,"12,5"\n',
        ["line 5, series 'a'", "'12,5'", "such as 12.5"],
    ),
    "number with underscore": (
        "x.csv",
        GOOD + "a,2024-01-04,1_0\n",
        ["line 5", "'1_0'"],
    ),
    "infinite": ("x.csv", GOOD + "a,2024-01-04,inf\n", ["line 5, series 'a'", "'inf'"]),
    "beyond floats": (
        "x.csv",
        GOOD + "a,2024-01-04,1e999\n",
        ["line 5, series 'a'", "finite number within ±1e+30", "'1e999'", "Correct"],
    ),
    "too large": ("x.csv", GOOD + "a,2024-01-04,-2e30\n", ["line 5", "'-2e30'"]),
    "a long value": (
        "x.csv",
        GOOD + "a,2024-01-04," + "x" * 9_999 + "\n",
        ["line 5", "xxx…'"],
    ),
    "no series name": (
        "x.csv",
        GOOD + " ,2024-01-04,1\n",
        ["line 5", "expected the name of a series in 'unique_id'", "remove the row"],
    ),
    "no time": (
        "x.csv",
        GOOD + "a,,1\n",
        ["line 5, series 'a'", "got nothing", "remove the row"],
    ),
    "no whole number": (
        "x.csv",
        HEAD + "a,1,1\na,,2\n",
        ["line 3, series 'a'", "nothing"],
    ),
    "no date": (
        "x.csv",
        GOOD + "a,yesterday,1\n",
        ["line 5, series 'a'", "ISO-8601", "'yesterday'", "2024-01-31T18:00:00"],
    ),
    "day first": ("x.csv", HEAD + "a,31/01/2024,1\n", ["line 2", "'31/01/2024'"]),
    "no such day": ("x.csv", GOOD + "a,2024-02-30,1\n", ["line 5", "'2024-02-30'"]),
    "dates as whole numbers": (
        "x.csv",
        HEAD + "a,20240101,1\na,20240102,2\n",
        ["line 2, series 'a'", "looks like a date", "Write it as 2024-01-01"],
    ),
    "a step among dates": (
        "x.csv",
        GOOD + "a,4,1\n",
        ["line 5, series 'a'", "expected timestamps", "'4'", "alike"],
    ),
    "a date among steps": (
        "x.csv",
        HEAD + "a,1,1\na,2,1\na,2024-01-03,1\n",
        ["line 4, series 'a'", "expected whole numbers", "'2024-01-03'"],
    ),
    "a step beyond floats": (
        "x.csv",
        HEAD + "a,1,1\na,9999999999999999,1\n",
        ["line 3, series 'a'", "2^53", "9999999999999999"],
    ),
    "a time twice": (
        "x.csv",
        GOOD + "b,2024-01-02,4\na,2024-01-02,5\n",
        ["line 6, series 'a'", "'2024-01-02' again after line 3", "Keep one row"],
    ),
    "a time twice in UTC": (
        "x.csv",
        HEAD + "a,2024-01-01T00:00:00Z,1\na,2024-01-01T02:00:00+02:00,2\n",
        ["line 3, series 'a'", "again after line 2"],
    ),
    "off the grid": (
        "x.csv",
        HEAD
        + "".join(f"a,2024-01-01T{hour:02}:00,1\n" for hour in range(20))
        + "a,2024-01-01T20:07,1\n",
        ["line 22, series 'a'", "2024-01-01T20:07:00", "'h' steps after", "Correct it"],
    ),
    "days of local time": (
        "x.csv",
        HEAD
        + "".join(f"a,2024-03-{day:02}T00:00:00+01:00,1\n" for day in range(20, 32))
        + "a,2024-04-01T00:00:00+02:00,1\n",
        ["line 14, series 'a'", "without the offset from UTC"],
    ),
    "irregular": (
        "x.csv",
        HEAD
        + "".join(
            f"a,2024-01-01T{n * n // 60:02}:{n * n % 60:02},1\n" for n in range(30)
        ),
        ["series 'a'", "equal steps", "--freq"],
    ),
    "one row": ("x.csv", HEAD + "a,2024-01-01,1\n", ["two timestamps", "--freq h"]),
    "two frequencies": (
        "x.csv",
        HEAD
        + "".join(f"a,2024-01-{day:02},1\n" for day in range(1, 31))
        + "".join(f"b,2024-{month:02}-01,1\n" for month in range(1, 13)),
        ["series 'b'", "longer than that of the others", "Split the file"],
    ),
    "a wrong century": (
        "x.csv",
        GOOD + "a,2924-01-04,1\n",
        ["line 5, series 'a'", "so long a gap", "Correct the time"],
    ),
    "no value at all": (
        "x.csv",
        GOOD + "b,2024-01-01,\nb,2024-01-02,NaN\n",
        ["series 'b'", "at least one value", "Leave the series out"],
    ),
    "a bad value behind names of two lines": (
        "x.csv",
        HEAD + '"a\nb",2024-01-01,1\n"a""\nb",2024-01-01,2\nc,2024-01-01,x\n',
        ["line 6", "series 'c'"],
    ),
    "a field too many behind a name of two lines": (
        "x.csv",
        HEAD + '"a\nb",2024-01-01,1\nc,2024-01-01,2,3\n',
        ["line 4", "got 4"],
    ),
    "a field too many": (
        "x.csv",
        GOOD + "a,2024-01-04,12,5\n",
        [
            "line 5",
            "expected 3 fields",
            "got 4",
            "'a,2024-01-04,12,5'",
            "double quotes",
        ],
    ),
    "a field too few": (
        "x.csv",
        GOOD + "a,2024-01-04\n",
        ["line 5", "got 2", "commas"],
    ),
    "an open quote": ("x.csv", GOOD + 'a,"2024-01-04,1\n', ["line 5", "double quotes"]),
    "old Macintosh": ("x.csv", GOOD.replace("\n", "\r"), ["line 1", "line feed"]),
    "another ending": (
        "x.xlsx",
        GOOD,
        ["x.xlsx", ".csv, .csv.gz or .parquet", "Convert"],
    ),
    "no ending": ("x", GOOD, ["Convert or rename"]),
    "gz without gzip": ("x.csv.gz", GOOD, ["whole gzip file", "name it .csv"]),
    "text named parquet": ("x.parquet", GOOD, ["whole Parquet file", "name it .csv"]),
}

BAD_BYTES = {
    "UTF-16": ("x.csv", GOOD.encode("utf-16"), ["UTF-16", "Save it as CSV in UTF-8"]),
    "Latin-1": (
        "x.csv",
        (GOOD + "caf\u00e9,2024-01-01,1\n").encode("latin-1"),
        ["x.csv, line 5", "0xe9", "UTF-8"],
    ),
    "a picture": ("x.csv", b"\x89PNG\r\n\x1a\n\x00", ["line 1", "UTF-8"]),
    "a sheet": ("x.csv", b"PK\x03\x04", ["Excel", "Save it as CSV"]),
    "gzip without gz": ("x.csv", gzip.compress(GOOD.encode()), ["Name it .csv.gz"]),
    "half a gzip": (
        "x.csv.gz",
        gzip.compress(GOOD.encode())[:-12],
        ["whole gzip file"],
    ),
    "a bad gzip": (
        "x.csv.gz",
        gzip.compress(GOOD.encode())[:14] + b"\xff" * 30,
        ["whole gzip file", "again"],
    ),
    "an empty parquet": ("x.parquet", b"", ["whole Parquet file"]),
}

DATES = pa.array([datetime.date(2024, 1, day) for day in (1, 2)])
IDS, ONES = pa.array(["a", "a"]), pa.array([1.0, 2.0])
BAD_PARQUET = {
    "no rows": ([IDS[:0], DATES[:0], ONES[:0]], ["no rows"]),
    "fractions for names": ([ONES, DATES, ONES], ["'unique_id'", "double", "Convert"]),
    "a missing name": (
        [pa.array(["a", None]), DATES, ONES],
        ["row 2", "name of a series"],
    ),
    "fractions for times": ([IDS, ONES, ONES], ["'ds'", "double", "Convert"]),
    "a missing time": (
        [IDS, pa.array([DATES[0], None], DATES.type), ONES],
        ["x.parquet, row 2, series 'a'", "got nothing"],
    ),
    "a time of day": (
        [IDS, pa.array([datetime.time(1)] * 2), ONES],
        ["time64", "Convert"],
    ),
    "years beyond all": (
        [IDS, pa.array([0, 2**62], pa.timestamp("ms")), ONES],
        ["'ds' is out of range", "Correct it"],
    ),
    "steps beyond all": (
        [IDS, pa.array([0, 2**63], pa.uint64()), ONES],
        ["'ds' is out of range"],
    ),
    "yes and no": ([IDS, DATES, pa.array([True, False])], ["'y'", "bool", "Convert"]),
    "lists": ([IDS, DATES, pa.array([[1.0], [2.0]])], ["'y'", "list", "Convert"]),
    "an infinite value": (
        [IDS, DATES, pa.array([1.0, float("-inf")])],
        ["row 2, series 'a'", "finite", "'-inf'"],
    ),
    "numbers as bad text": (
        [IDS, DATES, pa.array(["1", "?"])],
        ["row 2, series 'a'", "'?'"],
    ),
    "no value at all": (
        [IDS, DATES, pa.nulls(2)],
        ["series 'a'", "at least one value"],
    ),
}


def check(path: Path, fragments: list[str], freq: str | None = None) -> None:
    """Reading must fail with one line that holds every fragment."""
    with pytest.raises(DataError) as caught:
        read_panel(path, freq)
    message = str(caught.value)
    assert [part for part in fragments if part not in message] == [], message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize("case", [*BAD_TEXT, *BAD_BYTES])
def test_bad_text_is_refused(case: str, tmp_path: Path) -> None:
    """A CSV file that cannot be used is refused with place, value and mend."""
    name, content, fragments = (BAD_TEXT | BAD_BYTES)[case]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    check(path, fragments)


@pytest.mark.parametrize("case", BAD_PARQUET)
def test_bad_parquet_is_refused(case: str, tmp_path: Path) -> None:
    """A Parquet file that cannot be used is refused with place, value and mend."""
    columns, fragments = BAD_PARQUET[case]
    table = pa.table(columns, names=["unique_id", "ds", "y"])
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    check(tmp_path / "x.parquet", fragments)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(), st.text('a1,"\\n\\r ;-:T.eé').map(str.encode)),
    st.sampled_from([b"", HEAD.encode(), GOOD.encode()]),
    st.sampled_from(["x.csv", "x.csv.gz", "x.parquet"]),
)
def test_noise_is_read_or_refused(
    tmp_path: Path, noise: bytes, before: bytes, name: str
) -> None:
    """Whatever the bytes of a file, reading gives a panel or an error for the user."""
    path = tmp_path / name
    content = before + noise
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with suppress(DataError):
        assert len(read_panel(path)) >= 1


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A path to nothing and a path to a folder are refused as such."""
    check(tmp_path / "none.csv", ["none.csv", "no such file", "Check the path"])
    check(tmp_path / "none.parquet", ["no such file"])
    for name in ("folder.csv", "folder.parquet"):
        (tmp_path / name).mkdir()
        check(tmp_path / name, ["a folder", "Name one file"])


def test_a_frequency_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    """Whole numbers do not take hours, dates do not take whole numbers."""
    steps, dates = tmp_path / "steps.csv", tmp_path / "dates.csv"
    steps.write_text(HEAD + "a,1,1\na,2,2\n")
    dates.write_text(GOOD)
    check(steps, ["got whole numbers", "--freq 1", "--season-length"], freq="h")
    check(dates, ["got timestamps", "--freq h"], freq="1")
    with pytest.raises(InputError, match="expected one of"):
        read_panel(dates, "hourly")
    check(dates, ["line 3, series 'a'", "'W-MON' steps"], freq="W")
