"""Laws of the M4 scorer; on the competition's own data, its published numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.m4 import bars, score, score_file
from benchmarks.m4_data import GROUPS, Competition, load
from benchmarks.naive2 import naive2

DATA = Path("../shared/benchmarks")


@pytest.mark.parametrize("season", [4, 5])
def test_naive2_continues_level_and_season_exactly(season: int) -> None:
    """A level times a season is forecast exactly, for even and odd seasons."""
    whole = 7.0 * np.resize(np.linspace(0.5, 1.5, season), 12 * season + 6)
    np.testing.assert_allclose(naive2(whole[:-6], season, 6), whole[-6:])


def test_naive2_without_a_season_repeats_the_last_value() -> None:
    """Noise fails the test of seasonality, a constant has nothing to test."""
    noise = np.random.default_rng(3).normal(10.0, 1.0, size=60)
    np.testing.assert_array_equal(naive2(noise, 12, 3), np.repeat(noise[-1], 3))
    np.testing.assert_array_equal(naive2(np.full(60, 2.0), 12, 2), [2.0, 2.0])


@pytest.fixture
def small() -> Competition:
    """Two short series under the weekly rules."""
    ids = np.repeat(["W1", "W2"], 13)
    values = np.arange(26.0) + 5.0
    future = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(4, 17), 2)})
    history = [np.array([1.0, 2.0, 4.0]), np.array([3.0, 3.0, 9.0])]
    return Competition(GROUPS["weekly"], history, future.assign(y=values))


def test_a_file_is_scored_by_series_and_step(
    small: Competition, tmp_path: Path
) -> None:
    """An oracle scores zero in whatever order its rows come, with its intervals."""
    oracle = small.future.rename(columns={"y": "mine"}).sample(frac=1, random_state=0)
    path = tmp_path / "f.csv"
    oracle.assign(
        **{"mine-lo-95": oracle["mine"], "mine-hi-95": oracle["mine"]}
    ).to_csv(path, index=False)
    name, scores = score_file(small, path, None)
    assert name == "mine"
    assert scores == {"sMAPE": 0, "MASE": 0, "MSIS-95": 0, "coverage-95": 1}


def test_an_absent_forecast_is_an_error(small: Competition, tmp_path: Path) -> None:
    """A file that lacks one step of one series is refused, naming both."""
    path = tmp_path / "f.csv"
    small.future.rename(columns={"y": "mine"})[:-1].to_csv(path, index=False)
    with pytest.raises(Exception, match="no forecast of series W2 at step 16"):
        score_file(small, path, None)


@pytest.mark.skipif(not DATA.exists(), reason="the competition's data are not here")
@pytest.mark.parametrize("name", GROUPS)
def test_the_scorer_gives_the_published_numbers(name: str) -> None:
    """Naive2 scores 18.383 / 2.395 on Hourly and 9.161 / 2.777 on Weekly, and the
    organisers' own Naive2 forecasts score the same.
    """
    m4 = load(DATA, GROUPS[name])
    ours = bars(m4)["Naive2"]
    theirs = pd.read_csv(DATA / f"m4_{name}_naive2.csv.gz")["naive2"].to_numpy()
    submitted = score(m4, theirs.reshape(m4.actual.shape))
    assert ours == pytest.approx(submitted, rel=1e-8)
    assert tuple(ours.values()) == pytest.approx(GROUPS[name].naive2, abs=5.1e-4)
