"""Batches: what is held out stays out, and targets begin one step after their origin."""

from itertools import islice

import numpy as np
import pytest

from forecaster.batches import Batch, Split, split
from forecaster.calendar import features
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.units import UNIT_FLOOR

HORIZON = 4


@pytest.fixture
def counting() -> Split:
    """Series whose values tell where they come from: 1000 * series + step."""
    lengths = [50, 9, 120]
    values = [1000.0 * i + np.arange(n) for i, n in enumerate(lengths)]
    panel = Panel.from_series(["a", "b", "c"], values, [1, 1, 1], Frequency("1"))
    return split(panel, HORIZON, season_length=1)


def epoch(counting: Split) -> list[Batch]:
    """The batches of one epoch in three lanes of chunks of eight."""
    chunks = int((-(-counting.train_ends // 8)).sum())
    endless = counting.training(3, 8, np.random.default_rng(0))
    return list(islice(endless, -(-chunks // 3)))


def known(batch: Batch) -> np.ndarray:
    """All values a batch shows."""
    return batch.y[~np.isnan(batch.y)]


def test_training_never_sees_a_held_out_value(counting: Split) -> None:
    """Neither as an input nor as a target does a held-out value appear in training."""
    shown = np.concatenate([known(b) for b in epoch(counting)])
    for index, end in enumerate(counting.train_ends):
        of_series = shown[(shown >= 1000 * index) & (shown < 1000 * (index + 1))]
        assert of_series.max() == 1000 * index + end - 1


def test_training_visits_every_step_before_the_held_out_end_once(
    counting: Split,
) -> None:
    """The weighted positions of an epoch are the steps of all series, once each."""
    seen = np.concatenate([b.y[:, :8][b.weight > 0] for b in epoch(counting)])
    expected = [
        1000.0 * i + np.arange(end) for i, end in enumerate(counting.train_ends)
    ]
    assert sorted(seen) == sorted(np.concatenate(expected))


def test_values_behind_a_position_are_its_next_steps(counting: Split) -> None:
    """Column t + k is the value k steps after column t, or missing."""
    for batch in epoch(counting):
        step = np.diff(batch.y, axis=1)
        assert (step[~np.isnan(step)] == 1).all()


def test_few_series_are_carried_on_from_epoch_to_epoch(counting: Split) -> None:
    """A lane that begins amid a series takes over from the lane that ended there."""
    length = len(epoch(counting))
    endless = counting.training(3, 8, np.random.default_rng(0))
    first, second = list(islice(endless, length)), list(islice(endless, length))
    assert first[0].reset.all()
    assert not first[0].handed_on
    assert second[0].handed_on
    assert not any(batch.handed_on for batch in second[1:])
    ends = np.full(3, np.nan)
    for batch in first:
        live = batch.weight.any(axis=1)
        last = batch.weight.sum(axis=1).astype(int) - 1
        ends = np.where(live, batch.y[np.arange(3), last], ends)
    amid = np.flatnonzero(~second[0].reset)
    assert len(amid)
    assert (second[0].y[amid, 0] == np.roll(ends, 1)[amid] + 1).all()


def test_many_series_come_in_another_order_in_each_epoch() -> None:
    """Then every lane starts afresh with the epoch."""
    panel = Panel.from_series(
        [str(i) for i in range(40)],
        [100.0 * i + np.arange(16) for i in range(40)],
        [1] * 40,
        Frequency("1"),
    )
    endless = split(panel, 2, season_length=1).training(2, 16, np.random.default_rng(0))
    first, second = list(islice(endless, 20)), list(islice(endless, 20))
    assert second[0].reset.all()
    assert not second[0].handed_on
    assert any(
        (a.y[:, 0] != b.y[:, 0]).any() for a, b in zip(first, second, strict=True)
    )


def test_validation_origins_stand_just_before_held_out_values(counting: Split) -> None:
    """Every scored target is held out, and every series has a scored origin."""
    visited = set()
    for batch in counting.validation(16, 2, 8, 10_000):
        for row, column in np.argwhere(batch.weight > 0):
            origin = batch.y[row, column]
            targets = batch.y[row, column + 1 : column + 1 + HORIZON]
            index = int(origin // 1000)
            visited.add(index)
            first_target = np.nanmin(targets) - 1000 * index
            assert first_target >= counting.train_ends[index]
    assert visited == {0, 1, 2}


def test_a_short_series_keeps_most_of_its_steps_for_training(counting: Split) -> None:
    """At most a quarter of a series is held out."""
    held = counting.panel.lengths - counting.train_ends
    assert (held <= counting.panel.lengths // 4).all()
    assert (held >= 1).all()


def test_the_unit_of_a_constant_series_is_positive() -> None:
    """A series without any change does not divide by zero."""
    panel = Panel.from_series(
        ["a", "z"], [[5.0] * 30, [0.0] * 30], [1, 1], Frequency("1")
    )
    assert (split(panel, 3, 1).units > 0).all()


def daily(lengths: list[int], held_out: float = 0.0) -> Split:
    """Daily series 1000 * i + step, the last values raised by `held_out`."""
    values = [1000.0 * i + np.arange(n) for i, n in enumerate(lengths)]
    for series in values:
        series[-1] += held_out
    starts = np.array(["2024-01-01", "2023-06-07", "2020-02-29"], "M8[us]")
    names = [f"s{i}" for i in range(len(lengths))]
    panel = Panel.from_series(names, values, starts[: len(lengths)], Frequency("D"))
    return split(panel, HORIZON, season_length=1)


def test_features_are_those_of_each_step() -> None:
    """Beside every value stand the features of its own time, beyond the end too."""
    made = daily([50, 30, 90])
    for batch in epoch(made):
        for row in range(len(batch.y)):
            if not batch.weight[row].any():
                continue
            index, step = divmod(int(batch.y[row, 0]), 1000)
            start = made.panel.starts[index]
            steps = step + np.arange(8 + HORIZON)
            steps = np.minimum(steps, made.panel.lengths[index] + HORIZON - 1)
            times = made.panel.frequency.times(start, steps)
            expected = features(made.panel.frequency, times)
            assert (batch.ahead[row] == expected).all()
            assert (batch.x[row] == expected[:8]).all()


def test_units_do_not_know_the_held_out_values() -> None:
    """The ordinary error of a series is measured before its held-out end."""
    assert (daily([50, 30]).units == daily([50, 30], held_out=1e6).units).all()


def test_the_unit_is_a_seasonal_difference() -> None:
    """A series that repeats each season has no ordinary error but the floor."""
    values = np.tile([1.0, 5.0, 9.0], 20)
    panel = Panel.from_series(["a"], [values], [1], Frequency("1"))
    assert split(panel, 2, season_length=3).units[0] == np.float32(UNIT_FLOOR)
    assert split(panel, 2, season_length=1).units[0] > 0.1


def test_each_lane_has_the_unit_of_its_series() -> None:
    """Lanes of different series are measured by different units."""
    made = daily([50, 30, 90])
    for batch in epoch(made):
        for row in np.flatnonzero(batch.weight.any(axis=1)):
            assert batch.unit[row] == made.units[int(batch.y[row, 0]) // 1000]


def runs(batches: list[Batch], chunk: int) -> list[list[float]]:
    """The values each lane walked from one reset to the next."""
    found: list[list[float]] = []
    open_run: dict[int, list[float]] = {}
    for batch in batches:
        for row in range(len(batch.y)):
            count = int(np.isfinite(batch.y[row, :chunk]).sum())
            if batch.reset[row] or row not in open_run:
                open_run[row] = []
                found.append(open_run[row])
            open_run[row] += list(batch.y[row, :count])
    return found


def test_without_a_reset_training_goes_on_at_the_next_step(counting: Split) -> None:
    """From reset to reset a lane walks one series, step after step."""
    for run in runs(epoch(counting), 8):
        assert (np.diff(run) == 1).all()


def test_an_epoch_has_its_own_order() -> None:
    """Another draw of chance lays the series out in another order."""
    made = daily([50, 30, 90])
    orders = {
        tuple(next(made.training(1, 8, np.random.default_rng(seed))).y[0, :1])
        for seed in range(8)
    }
    assert len(orders) > 1


def test_a_scored_origin_is_reached_with_the_state_carried(counting: Split) -> None:
    """Before its first scored origin a lane has walked the warm-up, from a reset."""
    warm, chunk = 16, 8
    walked: dict[int, int] = {}
    for batch in counting.validation(warm, 2, chunk, 10_000):
        for row in range(len(batch.y)):
            if batch.reset[row]:
                walked[row] = 0
            for column in range(chunk):
                if batch.weight[row, column] > 0:
                    index, step = divmod(int(batch.y[row, column]), 1000)
                    assert walked[row] + column >= min(warm - 1, step)
                    assert counting.train_ends[index] - 1 <= step
            walked[row] = walked.get(row, 0) + chunk


def test_a_scored_origin_has_its_whole_horizon_where_there_is_one(
    counting: Split,
) -> None:
    """Only a series shorter than that is scored on part of a horizon."""
    for batch in counting.validation(16, 2, 8, 10_000):
        for row, column in np.argwhere(batch.weight > 0):
            targets = batch.y[row, column + 1 : column + 1 + HORIZON]
            index = int(batch.y[row, column]) // 1000
            held = counting.panel.lengths[index] - counting.train_ends[index]
            assert np.isfinite(targets).sum() == min(HORIZON, held)


def test_the_held_out_end_is_counted_from_the_last_observed_value() -> None:
    """A trailing block of missing values changes nothing in what is held out."""
    values = 1000.0 + np.arange(60)
    trailing = np.r_[values, [np.nan] * 40]
    plain, longer = (
        split(Panel.from_series(["a"], [v], [1], Frequency("1")), HORIZON, 1)
        for v in (values, trailing)
    )
    assert longer.train_ends == plain.train_ends
    scored = [
        [(b.y * np.pad(b.weight, ((0, 0), (0, HORIZON))))[b.y > 0] for b in batches]
        for batches in (
            plain.validation(16, 2, 8, 10_000),
            longer.validation(16, 2, 8, 10_000),
        )
    ]
    assert all((a == b).all() for a, b in zip(*scored, strict=True))
    assert sum(part.sum() for part in scored[0]) > 0


def test_of_many_series_validation_walks_about_the_steps_it_is_given() -> None:
    """A hundred series are thinned out evenly, and one at least is always scored."""
    values = [1000.0 * i + np.arange(100) for i in range(100)]
    names = [str(i) for i in range(100)]
    made = split(Panel.from_series(names, values, [1] * 100, Frequency("1")), 4, 1)

    def series(most: int) -> set[int]:
        batches = made.validation(16, 8, 8, most)
        return {int(v) // 1000 for b in batches for v in known(b)}

    assert len(series(10**6)) == 100
    assert 3 <= len(series(200)) <= 20
    assert len(series(0)) == 1
