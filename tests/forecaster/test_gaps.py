"""What is left out in training, so that missing covariates are a trained case."""

from dataclasses import replace
from itertools import islice

import numpy as np

from forecaster.batches import Batch, Split, split
from forecaster.exog import Columns, Exog
from forecaster.frequency import Frequency
from forecaster.gaps import Gaps
from forecaster.panel import Panel
from forecaster.scaling import fit

HORIZON, CHUNK, LANES = 4, 8, 40
KNOWN = 8  # seven of the calendar, one futr


def laid_out() -> Split:
    """Forty daily series with a covariate of each kind, none missing."""
    count, length = 40, 60
    rng = np.random.default_rng(0)
    exog = Exog(
        Columns(("f",), ("h",), ("s",)),
        rng.normal(size=(count * length, 2)),
        (np.array(["a", "b"] * 20, dtype=object),),
        np.empty((count, 0, 1)),
    )
    values = rng.normal(10, 1, (count, length))
    starts = np.array(["2024-01-01"] * count, "M8[us]")
    ids = [f"s{i}" for i in range(count)]
    panel = Panel.from_series(ids, list(values), starts, Frequency("D"), exog)
    return split(panel, HORIZON, 7, fit(panel, panel.lengths - HORIZON))


def walked(epochs: int = 20) -> list[tuple[Batch, Batch]]:
    """Batches of some epochs, each as it was and with its gaps."""
    made, rng = laid_out(), np.random.default_rng(0)
    gaps = Gaps(made, LANES, rng)
    pairs = []
    length = -(-int((-(-made.train_ends // CHUNK)).sum()) // LANES)
    for batch in islice(made.training(LANES, CHUNK, rng), epochs * length):
        pairs.append((batch, gaps.made_in(batch)))
    return pairs


def test_nothing_else_is_changed() -> None:
    """Values, weights, the calendar, and covariates that are not left out, stay."""
    for whole, holed in walked(2):
        for name in ("y", "weight", "unit", "reset"):
            assert getattr(whole, name) is getattr(holed, name)
        for name in ("x", "ahead"):
            before, after = getattr(whole, name), getattr(holed, name)
            assert ((before == after) | np.isnan(after)).all()
            assert (before[..., :7] == after[..., :7]).all()


def test_each_kind_is_left_out_in_its_share() -> None:
    """Of many lanes about a tenth do not know their category, fewer the others."""
    pairs = walked()
    unknown = np.mean([np.isnan(holed.x[:, 0]).mean(axis=0) for _, holed in pairs], 0)
    for column, share in ((7, 0.03), (8, 0.05), (9, 0.1)):
        assert abs(unknown[column] - share) < 0.03
    blind = np.mean(
        [np.isnan(holed.ahead[:, :, 7]).all(1).mean() for _, holed in pairs]
    )
    assert abs(blind - 0.08) < 0.03


def test_a_lane_does_not_know_a_column_until_it_begins_anew() -> None:
    """A state would remember it otherwise: what is left out stays so along a piece."""
    gone: dict[int, np.ndarray] = {}
    for _, holed in walked(3):
        now = np.isnan(holed.x).all(axis=1)
        assert (now == np.isnan(holed.x).any(axis=1)).all()
        for lane in range(LANES):
            if not holed.reset[lane]:
                assert (now[lane] == gone[lane]).all()
            gone[lane] = now[lane]


def test_without_covariates_nothing_is_drawn() -> None:
    """A training without covariates is the same as before there were any."""
    made = laid_out()
    bare = replace(made, rows=made.rows[:, :0], covariates=type(made.covariates)())
    rng = np.random.default_rng(5)
    batch = next(bare.training(LANES, CHUNK, np.random.default_rng(0)))
    assert Gaps(bare, LANES, rng).made_in(batch) is batch
    assert rng.random() == np.random.default_rng(5).random()
