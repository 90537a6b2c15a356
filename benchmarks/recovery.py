"""How fast intervals recover from errors that the network does not notice have changed.

    python -m benchmarks.recovery

Forecasts are normal and right until errors change their size in mid-stream; only the
calibration in the carried state (`forecaster.calibration`) can tell. A table: coverage of
the 80 and 95 % interval one step ahead before the change, and in the third season after.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import click
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks import machine, markdown
from forecaster.calibration import Grades, grades, learn, log_factors, ratios
from forecaster.config import QUANTILES
from forecaster.memory import Anchor

Floats = NDArray[np.float32]

SHAPES = ((7, 14), (12, 18), (24, 48), (96, 96))  # season and horizon
SIZES = (0.5, 0.7, 1.0, 1.4, 1.7, 3.0)
SERIES, BEFORE, AFTER = 200, 400, 3  # series, steps before, seasons after the change
FIRST_AGE = 9
# The share of the variance of an error that forecasts of the same value have in common.
SHARED = 0.6
NORMAL = np.array([NormalDist().inv_cdf(q) for q in QUANTILES], np.float32)
INTERVALS = ((0.1, 0.9), (0.025, 0.975))


@dataclass(frozen=True, slots=True)
class Stream:
    """Errors of the forecasts that fall due at each step.

    Attributes:
        errors: in standard deviations of the forecast [B, T, K].
        due: 1 where a forecast of a knot falls due [B, T, K].
        ages: of the series [B, T].
    """

    errors: Floats
    due: Floats
    ages: Floats


def stream(about: Grades, season: int, size: float) -> Stream:
    """Errors of one standard deviation that become `size` of them after `BEFORE` steps."""
    rng = np.random.default_rng(0)
    steps, knots = BEFORE + AFTER * season, len(about.steps)
    own = rng.normal(size=(SERIES, steps, knots))
    errors = np.sqrt(SHARED) * own[:, :, :1] + np.sqrt(1 - SHARED) * own
    errors[:, :, 0] = own[:, :, 0]
    errors[:, BEFORE:] *= size
    ages = np.arange(FIRST_AGE, FIRST_AGE + steps)
    due = ages[:, None] % np.array(about.strides) == 0
    shape = (SERIES, *due.shape)
    return Stream(
        errors.astype(np.float32),
        np.broadcast_to(due, shape).astype(np.float32),
        np.tile(ages.astype(np.float32), (SERIES, 1)),
    )


def factors_of(given: Stream, about: Grades) -> Floats:
    """Factors of each quantile one step ahead, as they stood before each step [B, T, Q]."""
    tensors = (tf.constant(part) for part in (given.errors, given.due, given.ages))
    return np.asarray(tf.function(_factors)(*tensors, about))


def _factors(errors: Any, due: Any, ages: Any, about: Grades) -> Any:
    one = tf.ones((1, 1, 1, 1))
    unbent = Anchor(1e6 * one, 0 * one, 0 * one, 1e-6 * one, 10 * one)
    ratio, weight = ratios(errors[..., None], tf.constant(NORMAL), unbent, about)
    begin = tf.zeros((SERIES, about.size))
    every, _ = learn(begin, ratio, weight * due, ages, about)
    return tf.exp(log_factors(every, about)[:, :, 0])


def coverages(season: int, horizon: int, size: float) -> list[float]:
    """Shares within the 80 and 95 % interval, before the change and long after it."""
    about = grades(horizon, season, QUANTILES)
    given = stream(about, season, size)
    factors = factors_of(given, about)
    edges, first = NORMAL * factors, given.errors[:, :, :1]
    spans = (slice(BEFORE // 4, BEFORE), slice(BEFORE + (AFTER - 1) * season, None))
    found = []
    for span in spans:
        for low, high in INTERVALS:
            lower, upper = (
                edges[:, span, QUANTILES.index(level), None] for level in (low, high)
            )
            inside = (first[:, span] >= lower) & (first[:, span] <= upper)
            found.append(float(inside.mean()))
    return found


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Print how fast intervals recover."""
    click.echo(machine.heading(machine.command_line("benchmarks.recovery")))
    rows = [
        [str(season), str(horizon), f"x {size:g}"]
        + [f"{100 * share:.1f}" for share in coverages(season, horizon, size)]
        for season, horizon in SHAPES
        for size in SIZES
    ]
    head = ["season", "horizon", "errors", "80 before", "95 before", "80", "95"]
    click.echo(markdown.table(head, rows))


if __name__ == "__main__":
    main()
