"""Whether a challenger is so much better than the champion that it should take its place.

Both have forecast at the same newest cutoffs. Promoted is a challenger that is

1. better by a stated margin on a stated measure, in the mean over series;
2. better beyond chance: a Wilcoxon signed-rank test, one-sided, of the differences
   (a - b) / (a + b) between the two scores of a unit;
3. nowhere much worse: no third of the horizon, no group of series by their size, and not
   the series that are young.

Why that test: Demsar, "Statistical comparisons of classifiers over multiple data sets",
JMLR 7 (2006), section 3.1, recommends it for two models on many sets of data. It asks
neither for normal differences nor for equal scales, and one series with huge errors does
not decide it. The difference above changes its sign when the two models change places:
if they are interchangeable it is symmetric around zero, which is all that the test
assumes, so that of challengers that are no better at most `ALPHA` pass. Units are series,
which go their own ways more than the windows of one series do; of fewer than `MANY`
series the windows of each are units, taken as independent: then they must not overlap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from forecaster.registry import CHALLENGER, CHAMPION
from forecaster.report import Report
from forecaster.segments import Segment, better, both, by_window, segments_of

Floats = NDArray[np.float64]

ALPHA = 0.05
LEAST_UNITS = 5  # five of five better happen by chance once in 32 times, four too often
MANY = 10  # with so many series they are the units
WORSE = 0.10  # by so much a segment may not be worse


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was asked of the challenger, and a sentence with its numbers."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a challenger, and all that was looked at."""

    checks: tuple[Check, ...]
    segments: tuple[Segment, ...]
    p_value: float | None

    @property
    def promote(self) -> bool:
        """Whether every check was passed."""
        return all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """What failed, or all that speaks for the challenger."""
        told = [c.sentence for c in self.checks if c.passed == self.promote]
        return " ".join(told)


def decide(report: Report, metric: str, margin: float) -> Decision:
    """Compare `challenger` with `champion`, two of the forecasts of a report.

    Args:
        report: what both forecast at the same cutoffs.
        metric: the measure that decides; lower is better.
        margin: by what share the challenger must be better, 0.01 is 1 %.
    """
    ours, theirs = both(report.judged, metric)
    if np.array_equal(report.forecasts[CHALLENGER], report.forecasts[CHAMPION]):
        same = (
            "The challenger forecasts exactly what the champion does: nothing to gain."
        )
        return Decision((Check("different", False, same),), (), None)
    finite = _finite(ours, theirs)
    known = np.isfinite(ours) & np.isfinite(theirs)
    if not known.any():
        return Decision((finite or _incomparable(metric),), (), None)
    by_margin = _by_margin(metric, margin, ours[known], theirs[known])
    test, p_value = _test(report, metric)
    segments = tuple(segments_of(report, metric))
    checks = (finite, by_margin, test, *_nowhere_worse(metric, segments))
    return Decision(tuple(c for c in checks if c is not None), segments, p_value)


def _finite(ours: Floats, theirs: Floats) -> Check | None:
    """A failed check where the challenger has no score and the champion has one."""
    lost = int((np.isfinite(theirs) & ~np.isfinite(ours)).sum())
    if not lost:
        return None
    return Check(
        "finite",
        False,
        f"The challenger's forecasts of {lost} of {len(ours)} series have no finite score, "
        "the champion's have.",
    )


def _incomparable(metric: str) -> Check:
    return Check(
        "comparable",
        False,
        f"No series has a {metric} of both: nothing was observed behind the cutoffs, or "
        "there is nothing to measure it against.",
    )


def _by_margin(metric: str, margin: float, ours: Floats, theirs: Floats) -> Check:
    gain = better(float(ours.mean()), float(theirs.mean()))
    return Check(
        "margin",
        gain >= margin and gain > 0,
        f"In the mean over {len(ours)} series the challenger has a {metric} of "
        f"{ours.mean():.4g}, the champion {theirs.mean():.4g}: {_share(gain)}, where "
        f"{margin:.1%} better is asked for.",
    )


def _test(report: Report, metric: str) -> tuple[Check, float | None]:
    """Whether the challenger is better beyond chance, and the probability of chance."""
    what, judged = "series", report.judged
    if len(report.panel) < MANY:
        what, judged = "windows of series", by_window(judged)
    ours, theirs = both(judged, metric)
    known = np.isfinite(ours) & np.isfinite(theirs)
    differences = _differences(ours[known], theirs[known])
    count, wins = len(differences), int((differences < 0).sum())
    if count < LEAST_UNITS:
        few = (
            f"Only {count} {what} can be compared; no test can tell skill from luck with "
            f"fewer than {LEAST_UNITS}."
        )
        return Check("test", False, few), None
    p_value = p_of(differences)
    return Check(
        "test",
        p_value <= ALPHA,
        f"It is better in {wins} of {count} {what}; by chance alone that much would come "
        f"about with a probability of {_probability(p_value)} (Wilcoxon signed-rank test, "
        f"one-sided), and at most {ALPHA:.0%} is accepted.",
    ), p_value


def p_of(differences: Floats) -> float:
    """How probable differences as low as these `[n]` are, were they symmetric about 0.

    Equal scores speak for neither side: half of their ranks counts for each.

    >>> p_of(np.array([-0.1, -0.2, -0.3, -0.4, -0.5]))
    0.03125
    """
    if not differences.any():
        return 1.0
    found = wilcoxon(differences, alternative="less", zero_method="zsplit")
    return float(found.pvalue)


def _differences(ours: Floats, theirs: Floats) -> Floats:
    """(a - b) / (a + b) `[n]`, 0 where both are 0; negative where ours is better."""
    total = ours + theirs
    return np.divide(
        ours - theirs, total, out=np.zeros_like(total), where=total > 0
    )  # fmt: skip


def _nowhere_worse(metric: str, segments: tuple[Segment, ...]) -> list[Check]:
    """One check of all segments that hold, or one of each that fails."""
    failed = [one for one in segments if not one.worse <= WORSE]
    if failed:
        return [
            Check(
                "segments",
                False,
                f"For {one.name} ({one.series} series) the challenger's {metric} is "
                f"{one.challenger:.4g}, the champion's {one.champion:.4g}: "
                f"{_share(-one.worse)}, where at most {WORSE:.0%} worse is accepted.",
            )
            for one in failed
        ]
    if not segments:
        return []
    worst = max(segments, key=lambda one: one.worse)
    return [
        Check(
            "segments",
            True,
            f"Of {len(segments)} segments none is much worse; the worst is {worst.name}, "
            f"{_share(-worst.worse)}.",
        )
    ]


def _share(gain: float) -> str:
    """How much better or worse, for a sentence.

    >>> _share(0.0912), _share(-0.2), _share(0.0), _share(float("-inf"))
    ('9.1% better', '20.0% worse', 'neither better nor worse', 'worse than a perfect one')
    """
    if gain == 0:
        return "neither better nor worse"
    if np.isinf(gain):
        return "worse than a perfect one"
    return f"{abs(gain):.1%} {'better' if gain > 0 else 'worse'}"


def _probability(p_value: float) -> str:
    return "less than 0.1%" if p_value < 0.001 else f"{p_value:.1%}"
