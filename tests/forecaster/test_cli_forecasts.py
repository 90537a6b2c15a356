"""Laws of `predict` and `backtest`: what they print and write, and what they refuse."""

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from utilsforecast import losses
from utilsforecast.evaluation import evaluate

from forecaster import cli, manifest, registry
from forecaster.cli.frames import FORMATS, MOST_ROWS, as_csv, as_table, write
from forecaster.cli.levels import spread
from forecaster.panel import Panel
from tests.forecaster.oracles import LEVELS

VERSION = "20260101T000000Z-1a2b"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command line left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs command lines in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORECASTER_MODELS_DIR", raising=False)

    def command(*arguments: object) -> Outcome:
        code = cli.run([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return command


@pytest.fixture
def data(seasonal_panel: Panel, tmp_path: Path) -> Path:
    """The seasonal series as a file, and one too short to be evaluated."""
    frames = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": seasonal_panel.times_of(i),
                "y": seasonal_panel.values_of(i),
            }
        )
        for i, name in enumerate(seasonal_panel.ids)
    ]
    short = pd.DataFrame({"unique_id": "short", "ds": frames[0]["ds"][:5], "y": 1.0})
    path = tmp_path / "data.csv"
    pd.concat([*frames, short]).to_csv(path, index=False)
    return path


@pytest.fixture
def unloadable(tmp_path: Path) -> Path:
    """A models folder whose monthly model `m` has a manifest and no network."""
    folder = tmp_path / "models" / "m" / VERSION
    folder.mkdir(parents=True)
    content = manifest.Manifest(
        name="m",
        version=VERSION,
        freq="MS",
        horizon=12,
        quantiles=LEVELS,
        season_length=12,
        features=(),
        covariates={},
        state_size=3,
        architecture={},
        data={},
        metrics={},
        training={},
        libraries={},
        git_revision=None,
        files={},
    )
    (folder / "manifest.json").write_text(content.to_json())
    registry.set_alias(tmp_path / "models", "m", "champion", VERSION)
    return tmp_path / "models"


# --- what is refused, before TensorFlow is loaded -------------------------------------

DATASETS = {
    "monthly.csv": "".join(f"a,2020-{k:02}-01,{k}\n" for k in range(1, 13)),
    "daily.csv": "".join(f"a,2020-01-{k:02},{k}\n" for k in range(1, 13)),
    "yearly.csv": "".join(f"a,{2000 + k}-01-01,{k}\n" for k in range(12)),
    "f.csv": "a,2021-01-01,1\n",
    "odd.csv": "a,2020-01-01,1\na,2020-01-02,2\na,2020-01-02,3\n",
}
REFUSED = [
    ("predict monthly.csv", "--name"),
    ("predict --name m", "DATA"),
    ("predict absent.csv --name m", "absent.csv"),
    ("predict monthly.csv --name other", "no model 'other'"),
    ("predict monthly.csv --name m --version v9", "no version 'v9'"),
    ("predict daily.csv --name m", "expected the frequency of model m, 'MS', got 'D'"),
    ("predict monthly.csv --name m --freq hourly", "--freq"),
    ("predict odd.csv --name m", "2020-01-02"),
    ("predict monthly.csv --name m --level 99", "level 99: this model knows"),
    ("predict monthly.csv --name m --level 0", "percentages above 0"),
    ("predict monthly.csv --name m --level high", "percentages above 0"),
    ("predict monthly.csv --name m --level 80,x", "percentages above 0"),
    ("predict monthly.csv --name m --horizon 0", "--horizon"),
    ("predict monthly.csv --name m --horizon 1000000000", "--horizon"),
    ("predict monthly.csv --name m --out f.xlsx", ".parquet"),
    ("predict monthly.csv --name m --out absent/f.csv", "no folder absent"),
    ("predict monthly.csv --name m --future f.csv --out f.csv", "than --future"),
    ("predict monthly.csv --name anomaly --insample", "expected another one"),
    ("predict daily.csv --name m", "Train a model on such data\n"),
    ("predict monthly.csv --name m --stateless", "--stateless: said to a running"),
    ("predict monthly.csv --name m --on-conflict revise", "--on-conflict: said to"),
    ("predict yearly.csv --name m", "or give --freq MS if the steps between"),
    ("backtest monthly.csv", "--name"),
    ("backtest monthly.csv --name m --windows 0", "--windows"),
    ("backtest monthly.csv --name m --step-size -1", "--step-size"),
    ("backtest monthly.csv --name m --windows x", "--windows"),
    ("backtest monthly.csv --name m", "at least 37 steps for 3 windows of 12, got at"),
    ("backtest daily.csv --name m", "frequency"),
    ("backtest monthly.csv --name m --baselines ETS", "expected some of AutoARIMA"),
    ("backtest monthly.csv --name Theta --baselines AutoETS Theta", "'Theta'"),
    ("backtest monthly.csv --name Naive", "expected another one than Naive"),
    ("backtest monthly.csv --name m --by day", "--by"),
    ("predict monthly.csv --name m --duplicates max", "--duplicates"),
    ("backtest monthly.csv --name m --plot f.gif", ".png"),
    ("backtest monthly.csv --name m --out f.json", ".csv"),
]


@pytest.mark.parametrize(("line", "says"), REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(
    run: Run, unloadable: Path, tmp_path: Path, line: str, says: str
) -> None:
    """Exit code 2, nothing on stdout, one line on stderr that names the place."""
    for name, rows in DATASETS.items():
        (tmp_path / name).write_text("unique_id,ds,y\n" + rows)
    outcome = run(*line.split())
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("Error: ")
    assert says in outcome.err


@pytest.mark.parametrize("verb", ["predict", "backtest"])
@pytest.mark.parametrize("out", ["monthly.csv", "./monthly.csv", "link.csv"])
def test_the_file_that_is_read_is_not_written_over(
    run: Run, unloadable: Path, tmp_path: Path, verb: str, out: str
) -> None:
    """By whatever name it goes: exit code 2, in one line, and the file stays."""
    data = tmp_path / "monthly.csv"
    data.write_text("unique_id,ds,y\n" + DATASETS["monthly.csv"])
    (tmp_path / "link.csv").symlink_to(data)
    before = data.read_text()

    outcome = run(verb, "monthly.csv", "--name", "m", "--out", out)

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert "--out: expected another file than DATA" in outcome.err
    assert data.read_text() == before


@pytest.mark.parametrize(
    "line", ["predict monthly.csv --out f.csv", "backtest monthly.csv --plot f.png"]
)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    run: Run, unloadable: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Before DATA is read, which is not there."""
    unloadable.parent.chmod(0o555)
    if os.geteuid() == 0:  # who may write nevertheless
        monkeypatch.setattr(os, "access", lambda *_: False)

    outcome = run(*line.split(), "--name", "m")

    unloadable.parent.chmod(0o755)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert "expected a place that can be written" in outcome.err


def test_a_damaged_model_is_a_failure_and_not_a_wrong_usage(
    run: Run, unloadable: Path, tmp_path: Path
) -> None:
    """A version whose files are not those of its manifest exits with 1, in one line."""
    (unloadable / "m" / VERSION / "foreign").write_text("x")
    (tmp_path / "monthly.csv").write_text("unique_id,ds,y\n" + DATASETS["monthly.csv"])
    outcome = run("predict", "monthly.csv", "--name", "m")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("Error: ")
    assert "foreign" in outcome.err


# --- predict ------------------------------------------------------------------------


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.tf
def test_predict_goes_on_where_each_series_ends(
    run: Run, data: Path, tiny_models: Path
) -> None:
    """Twelve months after the last row of every series, unseen ones too, in order."""
    outcome = run("predict", data, "--name", "tiny", "--models-dir", tiny_models)
    assert outcome.code == 0, outcome.err
    rows = rows_of(outcome.out)
    assert list(rows[0]) == [
        "unique_id", "ds", "tiny",
        "tiny-lo-80", "tiny-hi-80", "tiny-lo-95", "tiny-hi-95",
    ]  # fmt: skip
    assert len(rows) == 7 * 12
    assert rows[0]["ds"] == "2025-01-01"
    assert rows[-12]["unique_id"] == "short"
    assert rows[-12]["ds"] == "2000-06-01"
    for row in rows:
        order = [f"tiny{end}" for end in ("-lo-95", "-lo-80", "", "-hi-80", "-hi-95")]
        values = [float(row[name]) for name in order]
        assert values == sorted(values)


@pytest.mark.tf
def test_insample_forecasts_each_observed_step_from_the_one_before(
    run: Run, data: Path, tiny_models: Path
) -> None:
    """A row for each step of the file, its value, intervals and how unusual it was."""
    outcome = run(
        "predict", data, "--name", "tiny", "--insample", "--models-dir", tiny_models
    )
    assert outcome.code == 0, outcome.err
    rows = rows_of(outcome.out)
    given = rows_of(data.read_text())
    assert [row["unique_id"] for row in rows] == [row["unique_id"] for row in given]
    assert list(rows[0]) == [
        "unique_id", "ds", "y", "tiny",
        "tiny-lo-80", "tiny-hi-80", "tiny-lo-95", "tiny-hi-95", "anomaly",
    ]  # fmt: skip
    assert rows[0]["anomaly"] == ""  # nothing preceded it
    late = [row for row in rows[20:60] if row["anomaly"]]
    assert len(late) > 20
    for row in late:
        assert 0.0 <= float(row["anomaly"]) <= 1.0
        assert (
            float(row["tiny-lo-95"]) <= float(row["tiny"]) <= float(row["tiny-hi-95"])
        )


@pytest.mark.tf
def test_all_spellings_of_levels_and_formats_agree(
    run: Run, data: Path, tiny_models: Path, tmp_path: Path
) -> None:
    """--level 50 90, 50,90 and twice, to CSV, gzip, Parquet and JSON: one forecast."""
    common = ("predict", data, "--name", "tiny", "--models-dir", tiny_models)
    asked = {
        "a.csv": ("--level", "50", "90"),
        "b.csv.gz": ("--level", "90,50"),
        "c.parquet": ("--level", "50", "--level=90"),
    }
    for name, levels in asked.items():
        assert run(*common, *levels, "--out", name).out == ""
    one, two = (pd.read_csv(tmp_path / name) for name in ("a.csv", "b.csv.gz"))
    three = pd.read_parquet(tmp_path / "c.parquet")
    assert list(one) == list(two) == list(three)
    values = list(one)[2:]
    np.testing.assert_allclose(one[values], two[values], rtol=1e-6)
    np.testing.assert_allclose(one[values], three[values], rtol=1e-6)
    answer = json.loads(run(*common, "--level", "50", "90", "--json").out)
    assert answer["model"]["name"] == "tiny"
    first = answer["forecasts"][0]
    assert first["ds"][0] == "2025-01-01T00:00:00"
    np.testing.assert_allclose(first["median"], one["tiny"][:12], rtol=1e-5)
    np.testing.assert_allclose(
        first["intervals"]["hi-90"], one["tiny-hi-90"][:12], rtol=1e-5
    )


@pytest.mark.tf
def test_a_series_of_one_row_has_the_frequency_of_the_model(
    run: Run, tiny_models: Path, tmp_path: Path
) -> None:
    """A file from which no frequency can be told is forecast all the same."""
    (tmp_path / "one.csv").write_text("unique_id,ds,y\nnew,2024-03-01,7\n")
    outcome = run("predict", "one.csv", "--name", "tiny", "--models-dir", tiny_models)
    assert outcome.code == 0, outcome.err
    assert rows_of(outcome.out)[0]["ds"] == "2024-04-01"


# --- backtest -----------------------------------------------------------------------


@pytest.mark.tf
def test_backtest_prints_a_table_and_names_who_is_left_out(
    run: Run, data: Path, tiny_models: Path
) -> None:
    """One row per measure, one column per model, and the short series by name."""
    outcome = run("backtest", data, "--name", "tiny", "--models-dir", tiny_models)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert "on 6 series: 3 windows of 12 steps, 12 apart" in lines[0]
    table = [line.split() for line in lines[2:11]]
    assert table[0] == ["tiny", "Naive", "SeasonalNaive", "skill"]
    assert [row[0] for row in table[1:]] == [
        "mase", "smape", "mae", "rmse", "wql", "coverage-80", "coverage-95", "msis-95",
    ]  # fmt: skip
    assert len({len(line) for line in lines[2:11]}) == 1  # aligned to the right
    assert "1 series (short)" in lines[-1]
    for row in table[1:]:
        assert sum(cell.startswith("*") for cell in row) == 1, row


@pytest.mark.tf
def test_scores_by_series_and_by_step_average_to_those_of_all(
    run: Run, data: Path, tiny_models: Path
) -> None:
    """--by series lists every series, in the table and in JSON; thirds are in JSON."""
    asked = ("backtest", data, "--name", "tiny", "--models-dir", tiny_models, "--by")
    lines = run(*asked, "series", "--by", "step").out.splitlines()
    begin = lines.index("by series: mase, then measures of tiny")
    assert [line.split()[0] for line in lines[begin + 2 :][:6]] == [
        f"s{k}" for k in range(6)
    ]
    assert any(line.startswith("5 to 8") for line in lines)
    answer = json.loads(run(*asked, "series", "--json").out)
    for name, scores in answer["metrics"].items():
        each = [of[name]["mase"] for of in answer["by_series"].values()]
        assert np.mean(each) == pytest.approx(scores["mase"])
        thirds = [part["metrics"][name]["mae"] for part in answer["by_step"]]
        assert np.mean(thirds) == pytest.approx(scores["mae"])
        assert answer["pooled"][name]["mae"] == pytest.approx(scores["mae"])
    ours, best = answer["metrics"]["tiny"], answer["best"]["mae"]
    assert all(
        s["mae"] >= answer["metrics"][best]["mae"] for s in answer["metrics"].values()
    )
    bar = min(answer["metrics"][name]["mae"] for name in ("Naive", "SeasonalNaive"))
    assert answer["skill"]["mae"] == pytest.approx(100 * (1 - ours["mae"] / bar))


@pytest.mark.tf
def test_statistical_baselines_stand_beside(
    run: Run, data: Path, tiny_models: Path, tmp_path: Path
) -> None:
    """--baselines adds columns that utilsforecast scores as --json does."""
    outcome = run(
        "backtest", "--baselines", "Theta", data, "--name", "tiny",
        "--models-dir", tiny_models, "--windows", "2", "--json", "--out", "long.csv",
    )  # fmt: skip
    answer = json.loads(outcome.out)
    assert list(answer["metrics"]) == ["tiny", "Theta", "Naive", "SeasonalNaive"]
    frame = pd.read_csv(tmp_path / "long.csv", parse_dates=["ds", "cutoff"])
    found = evaluate(frame, [losses.mae], agg_fn="mean")
    for name, scores in answer["metrics"].items():
        assert found[name].mean() == pytest.approx(scores["mae"], rel=1e-6)
    assert {"Theta-lo-80", "Theta-hi-95"} <= set(frame.columns)


@pytest.mark.tf
def test_refitting_learns_from_what_precedes_alone_and_publishes_nothing(
    run: Run, data: Path, tiny_models: Path, tmp_path: Path
) -> None:
    """Values after the cutoff change no forecast, and no version is added."""
    changed = pd.read_csv(data)
    tail = changed.groupby("unique_id")["y"].cumcount(ascending=False) < 12
    changed.loc[tail & (changed["unique_id"] != "short"), "y"] += 1000.0
    changed.to_csv(tmp_path / "changed.csv", index=False)
    before = registry.versions(tiny_models, "tiny")
    frames = []
    for file in (data, tmp_path / "changed.csv"):
        outcome = run(
            "backtest", file, "--name", "tiny", "--models-dir", tiny_models,
            "--windows", "1", "--refit", "--max-time", "500", "--out", "long.csv",
        )  # fmt: skip
        assert outcome.code == 0, outcome.err
        assert "tiny trained anew on 6 series" in outcome.out
        frames.append(pd.read_csv(tmp_path / "long.csv"))
    np.testing.assert_array_equal(frames[0]["tiny"], frames[1]["tiny"])
    assert (frames[0]["y"] != frames[1]["y"]).all()
    assert registry.versions(tiny_models, "tiny") == before


@pytest.mark.tf
def test_the_files_of_a_backtest_hold_what_it_printed(
    run: Run, data: Path, tiny_models: Path, tmp_path: Path
) -> None:
    """The long frame scores in utilsforecast as --json says; the picture is one."""
    outcome = run(
        "backtest", data, "--name", "tiny", "--models-dir", tiny_models,
        "--windows", "4", "--step-size", "6", "--horizon", "9", "--json",
        "--out", "long.csv", "--plot", "fans.png",
    )  # fmt: skip
    answer = json.loads(outcome.out)
    assert (answer["windows"], answer["step_size"], answer["horizon"]) == (4, 6, 9)
    assert answer["left_out"] == ["short"]
    frame = pd.read_csv(tmp_path / "long.csv", parse_dates=["ds", "cutoff"])
    assert len(frame) == 6 * 4 * 9
    found = evaluate(frame, [losses.mae], agg_fn="mean")
    for name, scores in answer["metrics"].items():
        assert found[name].mean() == pytest.approx(scores["mae"], rel=1e-6)
    assert (tmp_path / "fans.png").read_bytes().startswith(b"\x89PNG")


# --- their parts ----------------------------------------------------------------------


@given(st.lists(st.integers(1, 99).map(str), min_size=1, max_size=4))
def test_numbers_after_level_are_its_values(levels: list[str]) -> None:
    """However many numbers follow --level, each becomes a value of its own."""
    repeated = [part for level in levels for part in ("--level", level)]
    assert spread(["d.csv", "--level", *levels]) == ["d.csv", *repeated]
    assert spread(["--level", *levels, "d.csv"]) == [*repeated, "d.csv"]
    assert spread(["--level", *levels, "--horizon", "9"]) == [
        *repeated,
        "--horizon",
        "9",
    ]
    first, *rest = levels
    assert spread([f"--level={first}", *rest]) == [f"--level={first}", *repeated[2:]]


def test_numbers_elsewhere_are_left_alone() -> None:
    """Without --level nothing changes, numbers or not."""
    assert spread(["2024", "--horizon", "12", "80"]) == [
        "2024",
        "--horizon",
        "12",
        "80",
    ]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("step", ["D", "h", "ms"])
def test_what_is_written_is_read_back(ending: str, step: str, tmp_path: Path) -> None:
    """Ids, times and numbers survive every format, whatever the times of day."""
    times = np.datetime64("2024-02-28", "us") + np.arange(3) * np.timedelta64(1, step)
    columns = {
        "unique_id": np.array(["a", "b,c", 'd"e'], object),
        "ds": times,
        "m": np.array([0.1, 1e300, -2.0]),
    }
    path = tmp_path / f"f{ending}"
    write(columns, path)
    reader = pd.read_parquet if ending == ".parquet" else pd.read_csv
    frame = reader(path)
    assert frame["unique_id"].tolist() == ["a", "b,c", 'd"e']
    assert frame["m"].tolist() == [0.1, 1e300, -2.0]
    np.testing.assert_array_equal(pd.to_datetime(frame["ds"]), times)


def test_times_are_written_as_iso_8601() -> None:
    """Dates alone where there is no time of day, else with a T."""
    days = np.array(["2024-01-01"], "M8[us]")
    assert as_csv({"ds": days}) == "ds\n2024-01-01"
    assert as_csv({"ds": days + np.timedelta64(90, "m")}) == "ds\n2024-01-01T01:30:00"


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    """A reader at a terminal gets the first rows and the number of the others."""
    text = as_table({"m": np.arange(MOST_ROWS + 5.0)})
    assert "and 5 rows more" in text
    assert "more" not in as_table({"m": np.arange(float(MOST_ROWS))})
