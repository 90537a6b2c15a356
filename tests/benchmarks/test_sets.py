"""Laws of the benchmark sets and their scores; on the real data, the known numbers."""

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import scoring
from benchmarks.cases import Benchmark, Case
from benchmarks.sets import SETS
from forecaster.frequency import Frequency
from forecaster.panel import Panel

DATA = Path(os.environ.get("BENCHMARK_DATA", "../shared/benchmarks"))
LEVELS = scoring.LEVELS
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the data sets are not here")

# By set: measure, then the published (or separately computed) score of each bar.
KNOWN = {
    "m4_hourly": ("OWA", {"Naive": 3.593, "SeasonalNaive 24": 0.6275, "Naive2": 1.0}),
    "m3_quarterly": ("sMAPE", {"SeasonalNaive 4": 11.065, "Naive2": 10.029}),
    "nab_nyc_taxi": ("MASE", {"Naive": 4.901, "SeasonalNaive 336": 1.451}),
    "beijing_pm25_hourly": ("MASE", {"Naive": 0.969, "SeasonalNaive 24": 1.148}),
    "wikipedia_peyton_manning": ("MASE", {"Naive": 1.138, "SeasonalNaive 7": 0.975}),
    "nngc1_daily": ("MASE", {"Naive": 1.868, "SeasonalNaive 7": 0.865}),
    "nngc1_weekly": ("MASE", {"Naive": 2.781, "SeasonalNaive 52": 6.165}),
    "air_passengers_monthly": ("MASE", {"SeasonalNaive 12": 2.494}),
    "melbourne_min_temp_daily": ("MASE", {"SeasonalNaive 365": 0.916}),
    "sunspots_monthly": ("MASE", {"SeasonalNaive 132": 0.891}),
    "california_births_daily": ("MASE", {"SeasonalNaive 7": 0.989}),
    "co2_weekly": ("MASE", {"SeasonalNaive 52": 1.427}),
}


def no_rows(folder: Path) -> pd.DataFrame:
    """The reader of a set that is made by hand."""
    raise NotImplementedError


def rolling(lengths: tuple[int, ...] = (40, 31)) -> Case:
    """Two windows of three steps over series of small whole numbers."""
    spec = Benchmark("made", "rolling", no_rows, 3, (4,), 4, test_steps=6, step=3)
    rng = np.random.default_rng(5)
    values = [rng.integers(1, 50, length).astype(float) for length in lengths]
    values[0][-2] = np.nan
    ids = [f"s{i}" for i in range(len(lengths))]
    panel = Panel.from_series(ids, values, [1] * len(ids), Frequency("1"))
    times = [panel.times_of(i) for i in range(len(panel))]
    rows = {"unique_id": np.repeat(ids, panel.lengths), "ds": np.concatenate(times)}
    return Case(spec, pd.DataFrame(rows).assign(y=panel.values), panel)


def certain(points: scoring.Floats) -> scoring.Floats:
    """Quantiles `[N, W, H, Q]` without any width."""
    return np.repeat(points[..., None], len(LEVELS), axis=-1)


def test_an_oracle_scores_zero_and_covers_all() -> None:
    """A perfect forecast has no error; what is missing is not scored."""
    case = rolling()
    scores = scoring.score(case, certain(np.nan_to_num(case.actual)), LEVELS)
    assert scores.pop("coverage-80") == scores.pop("coverage-95") == 1.0
    assert set(scores.values()) == {0.0}


def test_windows_tile_the_test_part() -> None:
    """Every test point is forecast exactly once, and training ends before the first."""
    case = rolling()
    for i, one in enumerate(case.actual):
        np.testing.assert_array_equal(one.ravel(), case.panel.values_of(i)[-6:])
    assert (case.train_ends == case.origins[:, 0]).all()


def test_a_model_is_fitted_on_nothing_of_the_test_part() -> None:
    """The rows for training and the panel of them hold the same values."""
    case = rolling()
    counts = case.training_frame.groupby("unique_id")["y"].size()
    assert counts.to_list() == case.training.lengths.tolist() == [34, 25]
    np.testing.assert_array_equal(case.training_frame["y"], case.training.values)


def test_a_thinned_set_keeps_its_last_origin_and_its_scale() -> None:
    """Fewer origins are some of the same ones, and errors are scaled as before."""
    whole = replace(rolling().spec, test_steps=21)
    case = Case(whole, rolling().frame, rolling().panel)
    thin = case.thinned(3)
    np.testing.assert_array_equal(thin.origins, case.origins[:, case.kept(3)])
    assert thin.origins[0, -1] == case.origins[0, -1]
    np.testing.assert_array_equal(thin.scales, case.scales)
    assert (thin.train_ends == case.train_ends).all()


def test_coverage_pools_points_and_errors_average_series() -> None:
    """Five known points of one series and six of the other: 5/11 are covered."""
    case = rolling()
    points = np.nan_to_num(case.actual)
    points[1] += 2.0
    scores = scoring.score(case, certain(points), LEVELS)
    assert scores["coverage-80"] == pytest.approx(5 / 11)
    assert scores["MAE"] == pytest.approx(1.0)


def test_the_long_convention_counts_in_deviations_of_what_is_fitted() -> None:
    """An error of one deviation scores 1, however large the series."""
    spec = Benchmark(
        "made", "long", no_rows, 2, (1,), 1, test_steps=9, step=1, fit_steps=20
    )
    values = np.random.default_rng(1).normal(50.0, 9.0, (2, 40))
    panel = Panel.from_series(["a", "b"], values, [1, 1], Frequency("1"))
    case = Case(spec, pd.DataFrame(), panel)
    deviation = values[:, :20].std(axis=1)
    scores = scoring.score_points(case, case.actual + deviation[:, None, None])
    assert scores == pytest.approx({"MSE": 1.0, "MAE": 1.0})
    assert case.origins.shape == (2, 8)


def test_irregular_rows_are_moved_and_averaged(tmp_path: Path) -> None:
    """A defective set is read as `train --snap --duplicates mean` reads it."""
    times = pd.date_range("2024-01-01", periods=900, freq="5min").astype(str).to_list()
    times[700:702] = [
        "2024-01-03 10:24:00",
        "2024-01-03 10:26:00",
    ]  # both nearest to 10:25
    name = "speed_7578"
    frame = pd.DataFrame({"unique_id": name, "ds": times, "y": np.arange(900.0)})
    frame.to_csv(tmp_path / "nab_gappy.csv.gz", index=False)
    case = SETS[f"nab_{name}"].load(tmp_path)
    assert case.panel.values_of(0)[701] == 700.5
    assert {"--snap", "--duplicates"} < set(case.spec.options)


@needs_data
@pytest.mark.parametrize("name", ["bikeshare_hourly", "beijing_pm25_hourly"])
def test_weather_is_beside_the_same_values(name: str) -> None:
    """A set with covariates has the values and origins of the one without."""
    plain, known = SETS[name].load(DATA), SETS[f"{name}-weather"].load(DATA)
    np.testing.assert_array_equal(known.actual, plain.actual)
    assert known.panel.exog.steps.shape[1] == len(known.spec.covariates)
    assert set(known.spec.covariates) < set(known.training_frame.columns)


@cache
def loaded(name: str) -> tuple[Case, dict[str, scoring.Scores]]:
    """A real set and the scores of its bars."""
    case = SETS[name].load(DATA)
    return case, scoring.bars(case)


@needs_data
@pytest.mark.parametrize("name", KNOWN)
def test_the_bars_score_as_is_known(name: str) -> None:
    """The naive bars of a set give the numbers that its source or others computed."""
    (_, found), (measure, known) = loaded(name), KNOWN[name]
    scores = {bar: found[bar][measure] for bar in known}
    assert scores == pytest.approx(known, abs=1.1e-3)


@needs_data
@pytest.mark.parametrize(
    ("name", "season", "known"),
    [("etth1", 24, (0.512, 0.433)), ("exchange_rate", 1, (0.081, 0.196))],
)
def test_the_long_bars_score_as_published(
    name: str, season: int, known: tuple[float, float]
) -> None:
    """Repeating the last day of ETTh1, the last rate of a currency, scores as published."""
    case = SETS[name].load(DATA)
    points = scoring.seasonal_quantiles(case, season, [0.5])[..., 0]
    scores = scoring.score_points(case, points)
    assert (scores["MSE"], scores["MAE"]) == pytest.approx(known, abs=6e-4)


@needs_data
@pytest.mark.parametrize(
    ("name", "known"), [("m4_hourly", (18.383, 2.395)), ("m4_weekly", (9.161, 2.777))]
)
def test_naive2_is_that_of_the_organisers(
    name: str, known: tuple[float, float]
) -> None:
    """Our Naive2 gives the forecasts that the organisers submitted, and their scores."""
    case, found = loaded(name)
    theirs = pd.read_csv(DATA / f"{name}_naive2.csv.gz").set_index("unique_id")
    points = [theirs.loc[one, "naive2"].to_numpy() for one in case.panel.ids]
    np.testing.assert_allclose(case.naive2[:, 0], np.stack(points), rtol=1e-8)
    ours = found["Naive2"]
    assert (ours["sMAPE"], ours["MASE"]) == pytest.approx(known, abs=5.1e-4)
