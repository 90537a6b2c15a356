"""Laws of mending: what is asked for is done, told, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.errors import ConfigError, DataError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.reading import Mending, read_panel

HEAD = "unique_id,ds,y\n"
HOUR = np.timedelta64(3_600, "s")
BEGIN = np.datetime64("2024-01-01T00:00", "us")
patient = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(folder: Path, rows: str, mending: Mending, freq: str | None = None) -> Panel:
    """A file of these rows, read."""
    (folder / "x.csv").write_text(HEAD + rows)
    return read_panel(folder / "x.csv", freq, mending=mending)


@patient
@given(
    st.lists(st.integers(-1799, 1799), min_size=12, max_size=30),
    st.sampled_from([None, "h"]),
)
def test_jitter_below_half_a_step_does_not_change_what_is_read(
    tmp_path: Path, jitter: list[int], freq: str | None
) -> None:
    """Hourly rows up to half an hour early or late are the hourly series."""
    jitter[0] = 0
    times = BEGIN + np.arange(len(jitter)) * HOUR + np.array(jitter, "m8[s]")
    if freq is None:  # what most differences show is an hour
        times[1::2] = (BEGIN + np.arange(len(jitter)) * HOUR)[1::2]
        times[2::4] = (BEGIN + np.arange(len(jitter)) * HOUR)[2::4]
    rows = "".join(f"a,{t},{k}\n" for k, t in enumerate(times))
    panel = read(tmp_path, rows, Mending(snap=True, duplicates="mean"), freq)
    assert panel.frequency == Frequency("h")
    assert panel.values.tolist() == list(range(len(jitter)))
    assert panel.starts[0] == BEGIN


def test_a_grid_of_its_own_phase_is_left_where_it_is(tmp_path: Path) -> None:
    """Rows at one minute past each five stay there; the one that is off moves."""
    texts = ["00:01", "00:06", "00:10", "00:16", "00:21"]
    rows = "".join(f"a,2024-01-01T{t},{k}\n" for k, t in enumerate(texts))
    panel = read(tmp_path, rows, Mending(snap=True), "5min")
    assert str(panel.starts[0])[11:16] == "00:01"
    assert panel.values.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("alias", "texts", "starts"),
    [
        ("MS", ["2024-01-02", "2024-01-31", "2024-03-03"], "2024-01-01"),
        ("ME", ["2024-01-30", "2024-02-27", "2024-04-01"], "2024-01-31"),
        ("B", ["2024-01-05", "2024-01-09", "2024-01-10"], "2024-01-05"),
        ("10", ["0", "11", "19"], "0"),
    ],
)
def test_every_kind_of_step_can_be_snapped_to(
    tmp_path: Path, alias: str, texts: list[str], starts: str
) -> None:
    """Months, business days and integer steps have grids too."""
    rows = "".join(f"a,{t},{k}\n" for k, t in enumerate(texts))
    panel = read(tmp_path, rows, Mending(snap=True), alias)
    known = panel.values[~np.isnan(panel.values)]
    assert known.tolist() == [0, 1, 2]
    assert str(panel.starts[0])[: len(starts)] == starts


@pytest.mark.parametrize(
    ("how", "values"),
    [("mean", 2.0), ("first", 1.0), ("last", 3.0), ("sum", 4.0)],
)
def test_rows_of_one_time_are_merged_as_asked(
    tmp_path: Path, how: str, values: float
) -> None:
    """Over the values that are there; a step without any stays missing."""
    rows = "a,1,\na,1,1\na,1,3\na,1,\na,2,5\na,3,\na,3,\na,4,7\n"
    panel = read(tmp_path, rows, Mending(duplicates=how))
    np.testing.assert_array_equal(panel.values, [values, 5.0, np.nan, 7.0])


def test_what_is_not_asked_for_is_refused_with_the_flag_that_mends(
    tmp_path: Path,
) -> None:
    """Repeats name --duplicates, times off the grid --snap; bad wishes are refused."""
    off = "".join(f"a,2024-01-{k},1\n" for k in range(10, 30)) + "a,2024-01-30T07,1\n"
    for rows, mending, says in (
        ("a,1,1\na,1,2\n", Mending(), r"again after line 2.*--duplicates mean"),
        (off, Mending(duplicates="mean"), r"off the grid.*--snap"),
        ("a,2024-01-01T00:00,1\na,2024-01-01T00:10,2\na,2024-01-01T01:00,3\n",
         Mending(snap=True), r"line 2, the step of '2024-01-01T00:00'.*--duplicates"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=says):
            read(tmp_path, rows, mending, "h" if "T00:10" in rows else None)
    with pytest.raises(ConfigError, match="expected one of error, mean"):
        Mending(duplicates="median")


def test_what_was_done_is_told(tmp_path: Path) -> None:
    """How many rows were moved, how far, and how many were merged into others."""
    (tmp_path / "x.csv").write_text(
        HEAD + "a,2024-01-01T00:00,1\na,2024-01-01T00:10,2\na,2024-01-01T01:00,3\n"
    )
    told: list[str] = []
    mending = Mending(snap=True, duplicates="sum")
    panel = read_panel(tmp_path / "x.csv", "h", mending=mending, say=told.append)
    assert panel.values.tolist() == [3.0, 3.0]
    assert [line.split(" rows")[0] for line in told] == [
        "snapped 1 of 3",
        "merged 1 of 3",
    ]
    assert "10 min" in told[0]


@pytest.mark.parametrize("mending", [Mending(), Mending(True, "mean")])
def test_a_mixture_of_frequencies_names_each(tmp_path: Path, mending: Mending) -> None:
    """Hourly and daily series in one file: which is which, and what to do."""
    rows = "".join(f"quick,{BEGIN + k * HOUR},1\n" for k in range(40))
    rows += "".join(f"slow,{BEGIN + k * 24 * HOUR},1\n" for k in range(20))
    with pytest.raises(DataError, match=r"'h' \('quick'\), 'D' \('slow'\).*--freq h"):
        read(tmp_path, rows, mending)
