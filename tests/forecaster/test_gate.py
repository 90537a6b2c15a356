"""Laws of the gate: what is better goes through, what is not never does."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from forecaster.evaluation import cutoffs_of, judge
from forecaster.frequency import Frequency
from forecaster.gate import ALPHA, Decision, decide, p_of
from forecaster.panel import Panel
from forecaster.report import Report, actual_values
from forecaster.verdict import METRICS
from tests.forecaster.oracles import LEVELS

Floats = NDArray[np.float64]
Error = Callable[[Floats, np.random.Generator], Floats]
HORIZON, WINDOWS = 6, 3
NORMAL = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


def compared(
    challenger: Error,
    champion: Error,
    series: int = 24,
    seed: int = 0,
    short: int = 0,
) -> Report:
    """What two forecasters of given errors make of random series around 20.

    Args:
        challenger, champion: errors `[N, W, H]`, given the actual values.
        series: N.
        seed: of all chance.
        short: so many of the series have just begun.
    """
    rng = np.random.default_rng(seed)
    lengths = [30 if i < short else 80 for i in range(series)]
    level = 20 + 4.0 * np.arange(series)
    values = [level[i] + rng.normal(0, 2, n) for i, n in enumerate(lengths)]
    ids = [f"s{i}" for i in range(series)]
    panel = Panel.from_series(ids, values, np.ones(series), Frequency("1"))
    where = cutoffs_of(panel, HORIZON, WINDOWS, HORIZON)
    actual = actual_values(panel, where.origins, HORIZON)
    forecasts = {
        name: (actual + error(actual, rng))[..., None] + NORMAL
        for name, error in (("challenger", challenger), ("champion", champion))
    }
    return judge(where, forecasts, LEVELS, 1)


def noise(size: float) -> Error:
    """Errors of a deviation."""
    return lambda actual, rng: rng.normal(0, size, actual.shape)


def perfect(actual: Floats, rng: np.random.Generator) -> Floats:
    """No error."""
    return np.zeros_like(actual)


def sentences(decision: Decision) -> dict[str, str]:
    """What failed, by name."""
    return {c.name: c.sentence for c in decision.checks if not c.passed}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("series", [2, 9, 24])
def test_an_oracle_is_always_promoted(metric: str, series: int) -> None:
    """Whoever knows the future wins, on every measure, with few series and with many."""
    decision = decide(compared(perfect, noise(2), series), metric, 0.01)
    assert decision.promote, decision.reason
    assert "better" in decision.reason


@pytest.mark.parametrize("series", [2, 24])
def test_a_twin_of_the_champion_is_never_promoted(series: int) -> None:
    """Equal forecasts are no gain, also at a margin of nothing."""

    def same(actual: Floats, rng: np.random.Generator) -> Floats:
        return np.sin(actual)

    decision = decide(compared(same, same, series), "wql", 0.0)
    assert not decision.promote
    assert "exactly what the champion does" in decision.reason


@pytest.mark.parametrize("seed", range(20))
def test_a_worse_one_is_never_promoted(seed: int) -> None:
    """Errors half as large again go through neither the margin nor the test."""
    decision = decide(compared(noise(1.5), noise(1), seed=seed), "mase", 0.0)
    assert not decision.promote
    assert sentences(decision).keys() >= {"margin", "test"}
    assert "worse, where 0.0% better is asked for" in decision.reason


def test_better_by_less_than_the_margin_is_not_enough() -> None:
    """A gain that is certain but small is refused with both numbers."""
    small = compared(lambda a, r: np.full_like(a, 0.97), lambda a, r: np.ones_like(a))
    assert decide(small, "mae", 0.01).promote
    refused = decide(small, "mae", 0.05)
    assert sentences(refused).keys() == {"margin"}
    assert "3.0% better, where 5.0% better is asked for" in refused.reason


def far_end(actual: Floats, rng: np.random.Generator) -> Floats:
    """Much better, but for the last third of the horizon."""
    return rng.normal(0, 1, actual.shape) * np.array([0.1, 0.1, 0.1, 0.1, 1.3, 1.3])


def smallest(actual: Floats, rng: np.random.Generator) -> Floats:
    """Much better, but for the smallest series."""
    sizes = np.where(np.arange(len(actual)) < 8, 1.4, 0.1)
    return rng.normal(0, 1, actual.shape) * sizes[:, None, None]


def young(actual: Floats, rng: np.random.Generator) -> Floats:
    """Much better, but for the two series that have just begun."""
    sizes = np.where(np.arange(len(actual)) < 2, 2.0, 0.1)
    return rng.normal(0, 1, actual.shape) * sizes[:, None, None]


@pytest.mark.parametrize(
    ("challenger", "told", "short"),
    [
        (far_end, "steps 5 to 6 ahead", 0),
        (smallest, "the smallest series (8 series)", 0),
        (young, "young series of fewer than", 2),
    ],
)
def test_better_on_average_but_far_worse_somewhere_is_never_promoted(
    challenger: Error, told: str, short: int
) -> None:
    """The mean hides nothing: the part is named, with the scores of both."""
    for seed in range(5):
        report = compared(challenger, noise(1), seed=seed, short=short)
        decision = decide(report, "mae", 0.01)
        assert not decision.promote
        assert sentences(decision).keys() == {"segments"}
        assert told in decision.reason
        assert "where at most 10% worse is accepted" in decision.reason


@pytest.mark.parametrize("count", [5, 9, 24, 60])
def test_chance_alone_passes_the_test_as_seldom_as_is_stated(count: int) -> None:
    """Of pairs of interchangeable scores, with tails as heavy as errors have, 5 % pass."""
    rng, runs = np.random.default_rng(count), 1000
    scores = np.exp(rng.normal(0, 1.5, (2, runs, count)))
    differences = (scores[0] - scores[1]) / scores.sum(axis=0)
    passed = sum(p_of(one) <= ALPHA for one in differences)
    assert passed / runs <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)


@pytest.mark.parametrize("series", [3, 24])
def test_challengers_that_are_no_better_are_seldom_promoted(series: int) -> None:
    """The whole gate lets no more of them through than its test does."""
    passed, runs = 0, 50
    for seed in range(runs):
        decision = decide(
            compared(noise(1), noise(1), series, seed=1000 + seed), "wql", 0.0
        )
        passed += decision.promote
    # Three deviations of a binomial above what is stated; seeds are fixed.
    assert passed / runs <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_one_lucky_series_does_not_carry_the_others() -> None:
    """A mean that one series makes is no better model: the test says so."""

    def lucky(actual: Floats, rng: np.random.Generator) -> Floats:
        sizes = np.where(np.arange(len(actual)) == 0, 0.01, 1.0)
        return rng.normal(0, 1, actual.shape) * sizes[:, None, None]

    def unlucky(actual: Floats, rng: np.random.Generator) -> Floats:
        sizes = np.where(np.arange(len(actual)) == 0, 50.0, 1.0)
        return rng.normal(0, 1, actual.shape) * sizes[:, None, None]

    decision = decide(compared(lucky, unlucky), "mae", 0.01)
    assert "test" in sentences(decision)
    assert "margin" not in sentences(decision)


def test_forecasts_that_are_no_numbers_are_refused() -> None:
    """A series that only the champion has a score of is named; all the others count."""

    def broken(actual: Floats, rng: np.random.Generator) -> Floats:
        return np.where(
            np.arange(len(actual))[:, None, None] == 3, np.nan, 0.0 * actual
        )

    decision = decide(compared(broken, noise(1)), "wql", 0.01)
    assert sentences(decision).keys() == {"finite"}
    assert "forecasts of 1 of 24 series have no finite score" in decision.reason


def test_a_champion_that_is_perfect_stays() -> None:
    """Nothing is better than no error, and no division by it fails."""
    decision = decide(compared(noise(1), perfect), "mae", 0.0)
    assert not decision.promote
    assert "worse than a perfect one" in decision.reason


def test_too_few_to_tell_skill_from_luck_is_refused() -> None:
    """One series with three windows: no test can be passed, and the message counts."""
    decision = decide(compared(perfect, noise(1), series=1), "mae", 0.01)
    assert "Only 3 windows of series can be compared" in decision.reason


def test_nothing_observed_behind_the_cutoffs_is_refused() -> None:
    """Scores of neither: nothing to decide on, and that is what is said."""
    report = compared(noise(1), noise(2))
    blind = Panel.from_series(
        report.panel.ids,
        [
            np.where(np.arange(80) < 60, report.panel.values_of(i), np.nan)
            for i in range(24)
        ],
        report.panel.starts,
        report.panel.frequency,
    )
    where = cutoffs_of(blind, HORIZON, WINDOWS, HORIZON)
    two = {name: report.forecasts[name] for name in ("challenger", "champion")}
    decision = decide(judge(where, two, LEVELS, 1), "mase", 0.01)
    assert not decision.promote
    assert "No series has a mase of both" in decision.reason
