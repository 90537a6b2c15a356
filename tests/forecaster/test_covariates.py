"""Covariates from a file to the rows that a network takes."""

from pathlib import Path

import numpy as np
import pytest

from forecaster.batches import train_ends_of
from forecaster.config import covariates_from
from forecaster.covariates import Column, Covariates, per_series, rows_of
from forecaster.errors import ConfigError, DataError
from forecaster.exog import Columns
from forecaster.panel import Panel
from forecaster.reading import Mending, read_future, read_panel
from forecaster.scaling import fit

COLUMNS = Columns(futr=("promo",), hist=("temp",), stat=("size", "kind"))
HEADER = "unique_id,ds,y,promo,temp,size,kind\n"
SHOPS = HEADER + (
    "a,2024-01-01,1,0,20.5,100,inn\n"
    "a,2024-01-02,2,True,,100,\n"
    "a,2024-01-04,4,0,22,,inn\n"
    "b,2024-01-01,5,1,,7,shop\n"
    "b,2024-01-02,6,,1e2,7,shop\n"
)


def read(folder: Path, text: str, columns: Columns = COLUMNS) -> Panel:
    """A panel from the text of a CSV file."""
    path = folder / "shops.csv"
    path.write_text(text, encoding="utf-8")
    return read_panel(path, "D", columns)


def test_covariates_stand_beside_their_values(tmp_path: Path) -> None:
    """Each value has the covariates of its row, an absent row has none."""
    exog = read(tmp_path, SHOPS).exog
    nan = np.nan
    wanted = [[0, 20.5], [1, nan], [nan, nan], [0, 22], [1, nan], [nan, 100]]
    np.testing.assert_array_equal(exog.steps, wanted)
    assert exog.stat[0].tolist() == [100.0, 7.0]
    assert exog.stat[1].tolist() == ["inn", "shop"]


def test_parquet_gives_the_same_covariates(tmp_path: Path) -> None:
    """Booleans are 1 and 0, categories are texts."""
    import pandas as pd

    frame = pd.read_csv(pd.io.common.StringIO(SHOPS), dtype={"kind": "category"})
    frame["promo"] = frame.promo.map({"0": False, "1": True, "True": True})
    frame["promo"] = frame.promo.astype("boolean")
    frame.to_parquet(tmp_path / "shops.parquet")
    ours = read_panel(tmp_path / "shops.parquet", "D", COLUMNS).exog
    theirs = read(tmp_path, SHOPS).exog
    np.testing.assert_array_equal(ours.steps, theirs.steps)
    assert [one.tolist() for one in ours.stat] == [one.tolist() for one in theirs.stat]


def test_covariates_go_along_when_a_panel_is_taken_or_cut(tmp_path: Path) -> None:
    """Some series, and beginnings of series, keep their own covariates."""
    panel = read(tmp_path, SHOPS)
    np.testing.assert_array_equal(panel.take([1]).exog.steps, panel.exog.steps[4:])
    assert panel.take([1]).exog.stat[1].tolist() == ["shop"]
    cut = panel.cut([2, 1])
    np.testing.assert_array_equal(cut.exog.steps, panel.exog.steps[[0, 1, 4]])
    late = read(tmp_path, SHOPS.replace("a,2024-01-01,1", "a,2024-01-01,"))
    np.testing.assert_array_equal(late.exog.steps, panel.exog.steps[1:])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("promo,", "promotion,", ["'promo' (futr_exog)", "Add the columns"]),
        ("20.5", "warm", ["line 2", "series 'a'", "'temp'", "'warm'"]),
        ("20.5", "inf", ["line 2", "number", "'inf'"]),
        ("20.5", "1e99", ["line 2", "finite", "1e99"]),
        ("4,0,22,,inn", "4,0,22,,shop", ["line 4", "'kind'", "'shop'", "'inn'"]),
        (",,1e2,7,", ",,1e2,8,", ["line 6", "'size'", "8", "7", "hist_exog"]),
    ],
)
def test_bad_covariates_are_refused(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    """The error names the column, the row and what stands there."""
    assert old in SHOPS
    with pytest.raises(DataError) as caught:
        read(tmp_path, SHOPS.replace(old, new, 1))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "given", [{"futr": ("a",), "hist": ("a",)}, {"stat": ("y",)}, {"futr": ("",)}]
)
def test_a_name_means_one_thing(given: dict[str, tuple[str, ...]]) -> None:
    """A column in two lists, or one that is no covariate, is refused."""
    with pytest.raises(ConfigError, match="covariate"):
        Columns(**given)


def test_rows_behind_the_last_value_are_the_future(tmp_path: Path) -> None:
    """Where covariates go on without values, series end before and the rest is ahead."""
    later = "a,2024-01-05,,1,30,,\na,2024-01-06,,,,,\na,2024-01-07,,0,,,\n"
    panel = read(tmp_path, SHOPS + later)
    assert panel.lengths.tolist() == [4, 2]
    nan = np.nan
    wanted = [[[1], [nan], [0]], [[nan], [nan], [nan]]]
    np.testing.assert_array_equal(panel.exog.ahead, wanted)


def test_missing_values_at_the_end_without_covariates_stay(tmp_path: Path) -> None:
    """A series that merely ends with missing values keeps them, as without covariates."""
    panel = read(tmp_path, SHOPS + "a,2024-01-05,,,30,,\n")
    assert panel.lengths.tolist() == [5, 2]


def test_a_file_of_the_future_says_what_trailing_rows_say(tmp_path: Path) -> None:
    """Rows behind the data and rows of a file of their own give the same panel."""
    inside = read(tmp_path, SHOPS + "a,2024-01-05,,1,,,\nb,2024-01-04,,0,,,\n")
    path = tmp_path / "future.csv"
    path.write_text("unique_id,ds,promo\nb,2024-01-04,0\na,2024-01-05,1\n")
    beside = read_future(path, read(tmp_path, SHOPS))
    np.testing.assert_array_equal(inside.exog.ahead, beside.exog.ahead)


def test_a_file_of_the_future_is_mended_as_the_data_are(tmp_path: Path) -> None:
    """Where asked, on the grid of the data; and how much it was is told."""
    panel = read(tmp_path, SHOPS)
    path = tmp_path / "future.csv"
    path.write_text(
        "unique_id,ds,promo\na,2024-01-05T02:00,1\na,2024-01-04T23:00,0\n"
        "b,2024-01-03,1\n"
    )
    told: list[str] = []

    mended = read_future(path, panel, mending=Mending(True, "mean"), say=told.append)

    np.testing.assert_array_equal(mended.exog.ahead, [[[0.5]], [[1.0]]])
    assert [line.split()[:2] for line in told] == [["snapped", "2"], ["merged", "1"]]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("c,2024-01-05,1", ["line 2", "'c'"]),
        ("a,2024-01-04,1", ["line 2", "after 2024-01-04"]),
        ("a,2024-01-05T06:00,1", ["line 2", "off the grid"]),
        ("a,2024-01-05,x", ["line 2", "'promo'", "'x'"]),
    ],
)
def test_a_bad_file_of_the_future_is_refused(
    tmp_path: Path, row: str, words: list[str]
) -> None:
    """Unknown series, times of the past or off the grid, and texts are errors."""
    path = tmp_path / "future.csv"
    path.write_text(f"unique_id,ds,promo\n{row}\n")
    with pytest.raises(DataError) as caught:
        read_future(path, read(tmp_path, SHOPS))
    for word in words:
        assert word in str(caught.value)


def test_constants_come_from_what_training_sees(tmp_path: Path) -> None:
    """Held-out values move no mean and no spread; categories are sorted."""
    text = HEADER + "".join(
        f"s,2024-01-{day:02},{day},{day % 2},{day},3,z\n" for day in range(1, 31)
    )
    panel = read(tmp_path, text)
    ends = train_ends_of(panel, 5)
    covariates = fit(panel, ends)
    wild = panel.exog.steps.copy()
    wild[ends[0] :] = 1e6
    object.__setattr__(panel.exog, "steps", wild)
    assert fit(panel, ends) == covariates
    temp = np.arange(1.0, ends[0] + 1)
    assert covariates.columns[1] == Column("temp", "hist", temp.mean(), temp.std())
    assert covariates.columns[3].categories == ("z",)


def test_a_column_without_any_value_is_refused(tmp_path: Path) -> None:
    """There is nothing to learn from it, and no spread to scale it by."""
    text = SHOPS.replace("20.5", "").replace("22", "").replace("1e2", "")
    panel = read(tmp_path, text)
    with pytest.raises(DataError, match="'temp'"):
        fit(panel, panel.lengths)


def test_rows_hold_numbers_in_the_order_of_the_columns(tmp_path: Path) -> None:
    """Futr, hist, then static values, categories as codes, 0 for unknown ones."""
    panel = read(tmp_path, SHOPS)
    covariates = fit(panel, panel.lengths)
    rows = rows_of(covariates, panel)
    assert rows[0].tolist() == [0, 20.5, 100, 1]
    assert rows[4].tolist()[2:] == [7, 2]
    strange = read(tmp_path, SHOPS.replace("shop", "school"))
    assert rows_of(covariates, strange)[4].tolist()[2:] == [7, 0]


def test_a_number_where_a_model_has_texts_is_a_category_too(tmp_path: Path) -> None:
    """Whether a file happens to hold numbers alone does not change what they mean."""
    column = Column("kind", "stat", categories=("1", "2", "x"))
    assert [column.code(v) for v in (1.0, "2", "x", 3.0)] == [1.0, 2.0, 3.0, 0.0]
    assert np.isnan(column.code(np.nan))
    with pytest.raises(DataError, match="'size'"):
        Column("size", "stat").code("large")


def test_the_manifest_tells_everything(tmp_path: Path) -> None:
    """What is written down and read back is the same."""
    import json

    panel = read(tmp_path, SHOPS)
    covariates = fit(panel, panel.lengths, ("US",))
    written = json.dumps(covariates.describe())
    assert Covariates.read(json.loads(written)) == covariates
    assert Covariates.read({}) == Covariates()


def test_a_panel_without_covariates_can_be_forecast(tmp_path: Path) -> None:
    """All is missing then, in the past and ahead."""
    panel = read(tmp_path, SHOPS)
    covariates = fit(panel, panel.lengths)
    bare = per_series(covariates, read(tmp_path, SHOPS, Columns()))
    assert all(np.isnan(one).all() and one.shape[1] == 4 for one in bare.rows)
    with pytest.raises(ConfigError, match="expected the covariates"):
        rows_of(covariates, read(tmp_path, SHOPS, Columns(hist=("temp",))))


def test_a_configuration_names_covariates_at_the_top_or_in_a_table(
    tmp_path: Path,
) -> None:
    """Both places say the same, and the command line wins."""
    top, table = tmp_path / "top.toml", tmp_path / "table.toml"
    entries = 'futr_exog = ["promo"]\nholidays = "US"\n'
    top.write_text(f"{entries}[network]\nunits = 8\n")
    table.write_text(f"[covariates]\n{entries}")
    for file in (top, table):
        columns, holidays = covariates_from(file, {})
        assert (columns, holidays) == (Columns(futr=("promo",)), ("US",))
        columns, holidays = covariates_from(file, {"futr_exog": ("price",)})
        assert (columns.futr, holidays) == (("price",), ("US",))
    assert covariates_from(None, {}) == (Columns(), ())


@pytest.mark.parametrize(
    "text", ["futr_exog = 3", "[covariates]\nprice = 1", "hist_exog = [1]", "exog = []"]
)
def test_a_bad_entry_is_refused(tmp_path: Path, text: str) -> None:
    """An unknown entry, or one of the wrong kind, is named."""
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        covariates_from(file, {})
