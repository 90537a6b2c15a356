"""Plans and configuration: defaults from the data, clear refusals."""

import re
from pathlib import Path

import numpy as np
import pytest

from forecaster.errors import ConfigError, DataError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.planning import Wishes, plan


def panel(*lengths: int, freq: str = "1") -> Panel:
    """Series of ones of the given lengths."""
    frequency = Frequency(freq)
    starts = [1 if frequency.is_integer else "2024-01-07"] * len(lengths)
    values = [np.ones(n) for n in lengths]
    return Panel.from_series([f"s{n}" for n in lengths], values, starts, frequency)


@pytest.mark.parametrize("length", [6, 20, 100, 5_000])
@pytest.mark.parametrize("season", [1, 4, 12, 24, 288])
def test_the_ring_holds_a_season_and_the_horizon_fits(length: int, season: int) -> None:
    """Whatever the data, the ring is longer than a season, lanes and chunks positive."""
    decided = plan(panel(length), Wishes(season_length=min(season, length - 1)))
    season = decided.task.season_length
    assert decided.task.ring > season
    assert 1 <= decided.task.horizon <= max(1, length // 5)
    assert decided.schedule.lanes >= 1


def test_what_is_asked_for_is_what_is_planned(tmp_path: Path) -> None:
    """The command line goes before the file, the file before the default."""
    file = tmp_path / "c.toml"
    file.write_text("[network]\ncell = 'gru'\nunits = 9\n[training]\nseed = 3\n")
    decided = plan(panel(100), Wishes(horizon=7, cell="rnn", config=file))
    assert decided.task.horizon == 7
    assert (decided.architecture.cell, decided.architecture.units) == ("rnn", 9)
    assert decided.schedule.seed == 3


@pytest.mark.parametrize("lengths", [[24_000], [5_000] * 8])
def test_few_long_series_are_told_more_often_than_short_ones(
    lengths: list[int],
) -> None:
    """Short ones, of few seasons or of none, are known by heart before."""

    def epochs(lengths: list[int], season: int) -> float:
        taught = plan(panel(*lengths), Wishes(season_length=season)).schedule
        return taught.steps * taught.lanes * taught.chunk / sum(lengths)

    short = [length // 4 for length in lengths]
    for fewer in (epochs(short, 24), epochs(lengths, 288), epochs(lengths, 1)):
        assert epochs(lengths, 24) > 1.3 * fewer


def test_a_horizon_beyond_the_data_is_refused() -> None:
    """The message names the length there is and the two ways out."""
    with pytest.raises(DataError, match=r"longest has 10.*--horizon"):
        plan(panel(10, 4), Wishes(horizon=9))


@pytest.mark.parametrize(
    ("length", "season", "most"), [(40, 100, 39), (40, 10**9, 39), (9_000, 8_760, 4096)]
)
def test_a_season_beyond_the_data_or_the_memory_is_refused(
    length: int, season: int, most: int
) -> None:
    """The message names the longest season that can be had."""
    with pytest.raises(DataError, match=f"at most {most},.*--season-length"):
        plan(panel(length), Wishes(season_length=season))


@pytest.mark.parametrize("wish", [{"horizon": 0}, {"season_length": 0}])
def test_zero_is_refused_and_not_taken_for_nothing(wish: dict[str, int]) -> None:
    """A zero that was asked for is an error, not a default."""
    with pytest.raises(ConfigError, match="expected at least 1, got 0"):
        Wishes(**wish)  # type: ignore[arg-type] - the other fields are left out


def test_there_are_no_more_lanes_than_chunks_of_data(tmp_path: Path) -> None:
    """However many lanes are asked for, most of them have something to walk."""
    file = tmp_path / "c.toml"
    file.write_text("[training]\nlanes = 512\nchunk = 16\n")
    decided = plan(panel(60, 60, 60), Wishes(config=file))
    assert decided.schedule.lanes == 135 // 16  # a quarter is held out


def test_a_calendar_season_longer_than_the_data_is_no_season() -> None:
    """Forty weeks do not tell of a year."""
    assert plan(panel(40, freq="W-SUN"), Wishes()).task.season_length == 1
    assert plan(panel(60, freq="W-SUN"), Wishes()).task.season_length == 52


def test_a_horizon_beyond_the_memory_is_refused() -> None:
    """Longer ones are rolled forward, and the message says so."""
    with pytest.raises(DataError, match=r"at most 1024.*roll"):
        plan(panel(5_000), Wishes(horizon=1025))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[network]\nunits = 0", "[network]: units: expected at least 1"),
        ("[network]\nunits = 'many'", "[network]: units: expected int"),
        ("[network]\nunits = true", "[network]: units: expected int"),
        ("[network]\nwidth = 3", "[network]: width: not an entry"),
        ("[network]\ncell = 'cnn'", "[network]: cell: expected one of lstm"),
        ("[network]\ndropout = 1", "[network]: dropout: expected 0 to below 1"),
        ("[training]\nsteps = -1", "[training]: steps: expected at least 1"),
        (
            "[training]\nlearning_rate = 0",
            "[training]: learning_rate: expected above 0",
        ),
        (
            "[training]\nlearning_rate = nan",
            "[training]: learning_rate: expected above 0",
        ),
        (
            "[training]\nlearning_rate = inf",
            "[training]: learning_rate: expected above 0 and fin",
        ),
        (
            "[training]\nmax_time_s = inf",
            "[training]: max_time_s: expected above 0 and finite",
        ),
        (
            "[training]\nseed = 4294967296",
            "[training]: seed: expected at most 4294967295",
        ),
        ("[data]\nhist_exog = ['a']", "expected the tables"),
        ("network = 3", "expected the tables"),
        ("[network", "expected a TOML file"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(
    tmp_path: Path, content: str, said: str
) -> None:
    """Each refusal names file, table and entry, what was expected and what came."""
    file = tmp_path / "c.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=rf"c\.toml.*{re.escape(said)}"):
        plan(panel(100), Wishes(config=file))


def test_a_configuration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        plan(panel(100), Wishes(config=tmp_path / "absent.toml"))
