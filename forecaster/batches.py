"""From a panel to the arrays of a training batch.

NumPy only. The last steps of each series are held out: their values never appear as a
target in training, and a forecast made just before them is scored in validation.
Letters: N series, B lanes, T steps of a chunk, H horizon, F features, K known ahead.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import feature_names, features
from forecaster.covariates import Covariates, rows_of
from forecaster.panel import Panel
from forecaster.units import ordinary_errors, ordinary_spread
from forecaster.windows import LaneBatch, lane_batches

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# With more series a lane than this, the order of the series is drawn for each epoch.
LANES_TO_SHUFFLE = 2
# Validation looks at about as many origins as this.
VALIDATION_ORIGINS = 400

NO_COVARIATES = Covariates()


@dataclass(frozen=True, slots=True)
class Batch:
    """One chunk of every lane, as arrays.

    Attributes:
        y: values of the chunk and of the H steps behind it [B, T + H]; NaN = missing or held out.
        x: features of the steps of the chunk [B, T, F]; NaN = missing.
        ahead: what is known ahead of all steps [B, T + H, K].
        weight: 1 for each origin that counts in the loss [B, T].
        unit: the ordinary error of each lane's series on the bent scale [B].
        reset: lanes whose state starts afresh [B].
        handed_on: whether each lane takes over the state of the lane before it.
    """

    y: Floats
    x: Floats
    ahead: Floats
    weight: Floats
    unit: Floats
    reset: NDArray[np.bool_]
    handed_on: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """A panel laid out for training and validation."""

    panel: Panel
    horizon: int
    train_ends: Ints  # [N] steps of each series that may be a target in training
    units: Floats  # [N]
    rows: Floats  # [total, A] covariates of each step
    covariates: Covariates

    @property
    def calendar(self) -> int:
        """How many features come from the calendar."""
        return len(feature_names(self.panel.frequency, self.covariates.holidays))

    @property
    def positive(self) -> bool:
        """Whether no value is negative, held out or not."""
        return not bool((self.panel.values < 0).any())

    def spread(self, ring: int) -> float:
        """How far values usually lie from the mean of their series, see `units`."""
        return ordinary_spread(self.panel, self.train_ends, ring)

    def training(
        self, lanes: int, chunk: int, rng: np.random.Generator
    ) -> Iterator[Batch]:
        """Batches without end: epoch after epoch, every step once in each.

        Of many series the order is drawn anew for each epoch. Few series are cut into
        lanes that are shorter than what a state must remember: there the order stays, and
        from epoch to epoch each lane takes over the state in which the lane before it
        ended, so that a state is carried on over the whole series.
        """
        count = len(self.panel)
        stays = count < LANES_TO_SHUFFLE * lanes
        order = rng.permutation(count)
        for epoch in itertools.count():
            for i, batch in enumerate(
                lane_batches(self.train_ends, lanes, chunk, order)
            ):
                weight = np.arange(chunk) < batch.count[:, None]
                made = self._gather(batch, batch.begin, chunk, self.train_ends, weight)
                if i:
                    yield made
                elif stays and epoch:
                    yield replace(made, handed_on=True)
                else:
                    yield replace(made, reset=np.ones_like(made.reset))
            if not stays:
                order = rng.permutation(count)

    def validation(
        self, warm: int, lanes: int, chunk: int, most: int
    ) -> Iterator[Batch]:
        """Held-out origins, each reached with the state carried over `warm` steps.

        Of many series as many are taken as have about `most` steps together.
        """
        chosen = self._validated(warm, most)
        ends = self.panel.lengths[chosen]
        first = np.maximum(self.train_ends[chosen] - warm, 0)
        lanes = min(lanes, len(chosen))
        for batch in lane_batches(ends - first, lanes, chunk, whole=True):
            here = LaneBatch(
                np.where(batch.series < 0, -1, chosen[batch.series]),
                batch.begin + first[batch.series],
                batch.count,
                batch.reset,
            )
            origin = here.begin[:, None] + np.arange(chunk)
            counts = np.arange(chunk) < batch.count[:, None]
            ready = origin >= self.train_ends[here.series][:, None] - 1
            last = self.panel.lengths[here.series][:, None] - self.horizon - 1
            single = self.train_ends[here.series][:, None] - 1
            weight = counts & ready & (origin <= np.maximum(last, single))
            yield self._gather(here, here.begin, chunk, self.panel.lengths, weight)

    def _validated(self, warm: int, most: int) -> Ints:
        """The series whose held-out end is scored: all, or evenly chosen ones."""
        cost = np.minimum(
            self.panel.lengths, warm + self.panel.lengths - self.train_ends
        )
        count = len(self.panel)
        keep = max(1, min(count, int(most / max(1.0, float(cost.mean())))))
        return np.unique(np.linspace(0, count - 1, keep).astype(np.int64))

    def _gather(
        self,
        batch: LaneBatch,
        begin: Ints,
        chunk: int,
        ends: Ints,
        weight: NDArray[np.bool_],
    ) -> Batch:
        """Looks up a batch; values from `ends` on are hidden as missing."""
        series = np.maximum(batch.series, 0)
        step = begin[:, None] + np.arange(chunk + self.horizon)
        lengths = self.panel.lengths[series][:, None]
        inside = (step < ends[series][:, None]) & (batch.series >= 0)[:, None]
        offset = self.panel.offsets[series][:, None]
        y = self.panel.values[offset + np.minimum(step, lengths - 1)]
        x = self._features(series, np.minimum(step, lengths + self.horizon - 1))
        known = self.calendar + len(self.covariates.of("futr"))
        return Batch(
            y=np.where(inside, y, np.nan).astype(np.float32),
            x=x[:, :chunk],
            ahead=x[:, :, :known],
            weight=weight.astype(np.float32),
            unit=self.units[series],
            reset=batch.reset,
        )

    def _features(self, series: Ints, step: Ints) -> Floats:
        """Features of some steps of each lane [B, T, F], series [B] and step [B, T].

        The calendar is told anew for each batch: kept for all steps it would be several
        times as large as the data.
        """
        panel = self.panel
        starts = np.repeat(panel.starts[series], step.shape[1])
        times = panel.frequency.times(starts, step.ravel())
        calendar = features(panel.frequency, times, self.covariates.holidays)
        calendar = calendar.reshape(*step.shape, -1)
        if not self.rows.shape[1]:
            return calendar
        lengths, offset = panel.lengths[series][:, None], panel.offsets[series][:, None]
        rows = self.rows[offset + np.minimum(step, lengths - 1)]
        rows[step >= lengths] = np.nan
        return np.concatenate([calendar, rows], axis=2)


def train_ends_of(panel: Panel, horizon: int) -> Ints:
    """How many steps of each series may be seen in training [N]."""
    lengths = _observed_lengths(panel)
    extra = -(-VALIDATION_ORIGINS // len(panel)) - 1
    held = np.minimum(horizon + np.minimum(extra, lengths // 10), lengths // 4)
    return np.asarray(np.maximum(lengths - held, 1))


def split(
    panel: Panel,
    horizon: int,
    season_length: int,
    covariates: Covariates = NO_COVARIATES,
) -> Split:
    """Holds out the end of each series and lays the panel out for training.

    The end is counted back from the last observed value: what is missing behind it
    could not be scored and is left out.

    Args:
        panel: all series.
        horizon: H.
        season_length: m, for the unit of each series.
        covariates: those of the panel, scaled; none by default.
    """
    observed = _observed_lengths(panel)
    if (observed < panel.lengths).any():
        panel = panel.cut(observed)
    train_ends = train_ends_of(panel, horizon)
    return Split(
        panel,
        horizon,
        train_ends,
        ordinary_errors(panel, train_ends, season_length),
        rows_of(covariates, panel),
        covariates,
    )


def _observed_lengths(panel: Panel) -> Ints:
    """Steps of each series up to its last observed value [N]."""
    if not np.isnan(panel.values[panel.offsets[1:] - 1]).any():
        return panel.lengths
    observed = np.flatnonzero(~np.isnan(panel.values))
    last = observed[np.searchsorted(observed, panel.offsets[1:]) - 1]
    return np.asarray(last + 1 - panel.offsets[:-1])
