"""Laws of where champion and challenger meet."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from forecaster.checkpoint import fingerprint
from forecaster.errors import DataError
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.reporting.account import fairness
from forecaster.trial import WINDOWS, trial_of

HORIZON = 4


def panel(lengths: list[int], starts: list[int] | None = None) -> Panel:
    """Series of rising numbers, on whole steps; all end together if nothing is said."""
    longest = max(lengths)
    starts = [longest - n for n in lengths] if starts is None else starts
    values = [np.arange(n) + 1.0 for n in lengths]
    ids = [f"s{i}" for i in range(len(lengths))]
    return Panel.from_series(ids, values, starts, Frequency("1"))


def champion(last: int | None, season: int = 1, print_: str = "") -> Any:
    """What a trial reads of a manifest."""
    data = {"fingerprint": print_} if last is None else {"last": last}
    return SimpleNamespace(horizon=HORIZON, season_length=season, data=data)


def test_the_challenger_learns_from_nothing_that_is_asked() -> None:
    """Every series ends where its own first window begins, or where that of others does."""
    whole = panel([100] * 12 + [6, 3], [0] * 12 + [94, 97])
    trial = trial_of(whole, champion(0), None)
    assert trial.where.origins.shape == (12, WINDOWS)
    first = 100 - WINDOWS * HORIZON
    np.testing.assert_array_equal(
        trial.where.origins[0], first + HORIZON * np.arange(3)
    )
    ends = trial.known.starts + trial.known.lengths
    assert set(ends) == {first}
    assert trial.known.ids == tuple(
        f"s{i}" for i in range(12)
    )  # the others begin later
    assert trial.where.left_out == ("s12", "s13")


def test_windows_lie_behind_what_the_champion_learned_where_enough_came_since() -> None:
    """A comparison in which neither has seen the answers, and the account says so."""
    trial = trial_of(panel([200] * 12), champion(199 - 2 * HORIZON), None)
    assert trial.where.origins.shape[1] == 2
    assert trial.seen == 0
    assert "Neither has learned from them" in fairness(trial, champion(191))


def test_what_the_parents_of_a_champion_learned_from_counts_as_its_own() -> None:
    """Its weights know it, however old the data are that it was fine-tuned on."""
    whole, child = panel([200] * 12), champion(100)
    child.data["learned"] = 199 - 2 * HORIZON
    trial = trial_of(whole, child, None)
    assert trial.where.origins.shape[1] == 2
    child.data["learned"] = 199
    assert trial_of(whole, child, None).seen == 12 * WINDOWS
    assert "its data end at 199" in fairness(trial_of(whole, child, None), child)


def test_where_too_little_came_older_windows_are_taken_and_counted() -> None:
    """The champion may know the answers, the challenger never does."""
    trial = trial_of(panel([200] * 12), champion(199 - HORIZON + 1), None)
    assert trial.where.origins.shape[1] == WINDOWS
    assert trial.seen == 12 * WINDOWS
    told = fairness(trial, champion(196))
    assert f"within {12 * WINDOWS} of these {12 * WINDOWS} windows" in told
    assert "leans towards the champion" in told
    assert "neither is favoured" in fairness(trial, champion(196), fine_tune=True)
    partly = trial_of(panel([200] * 2), champion(199 - HORIZON), None)
    assert partly.seen == partly.windows - 2


def test_a_manifest_that_tells_nothing_is_not_taken_for_a_fair_one() -> None:
    """What is not known is said."""
    trial = trial_of(panel([200] * 12), champion(None), None)
    assert trial.seen is None
    assert "does not tell" in fairness(trial, champion(None))


@pytest.mark.parametrize(("series", "least"), [(1, 5), (2, 3), (5, 1), (30, 1)])
def test_there_are_windows_enough_for_a_test_also_where_data_are_few(
    series: int, least: int
) -> None:
    """Five windows of series, before the share of the history that is spent on them."""
    short = trial_of(panel([HORIZON * least + 6] * series), champion(0), None)
    assert short.where.origins.shape[1] == least
    assert short.windows >= 5


def test_too_few_points_are_refused_with_what_would_do() -> None:
    """The message counts what windows and training need; one step more is taken."""
    with pytest.raises(
        DataError, match=r"expected a series of 26 steps or more, 20 for 5"
    ):
        trial_of(panel([25]), champion(0), None)
    assert trial_of(panel([26]), champion(0), None).known.lengths == [6]
    with pytest.raises(DataError, match=r"40 for 10 windows"):
        trial_of(panel([45]), champion(0), 10)


def test_series_that_ended_long_ago_are_learned_from_but_decide_nothing() -> None:
    """The newest origins are those of series that go on."""
    trial = trial_of(panel([100] * 5 + [60], [0] * 6), champion(0), None)
    assert trial.where.left_out == ("s5",)
    assert trial.known.lengths[trial.known.ids.index("s5")] == 60


def test_the_same_data_are_no_news() -> None:
    """A fingerprint tells; one value more is news."""
    whole = panel([100] * 5)
    known = champion(None, print_=fingerprint(whole))
    assert not trial_of(whole, known, None).news
    assert trial_of(panel([101] * 5), known, None).news
