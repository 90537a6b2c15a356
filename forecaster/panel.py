"""Many series as a few arrays.

Letters: `N` series, `T` values of all series together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecaster.errors import DataError
from forecaster.exog import Exog
from forecaster.frequency import Frequency

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_EXOG = Exog()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Panel:
    """Series on their full grids: one value per step, NaN where it is missing.

    Series `i` has the values `values[offsets[i]:offsets[i + 1]]`, the first of them
    observed at `starts[i]`. All arrays are read-only; `exog` holds the covariates.

    >>> starts = np.array(["2024-01-01", "2024-01-01"], "M8[us]")
    >>> panel = Panel.from_series(
    ...     ["a", "b"], [[1.0, np.nan, 3.0], [np.nan, 5.0]], starts, Frequency("D")
    ... )
    >>> panel
    Panel(2 series of 1 to 3 steps at frequency 'D', 1 of 4 values missing)
    >>> panel.values_of(0), panel.times_of(1).astype("M8[D]").astype(str)
    (array([ 1., nan,  3.]), array(['2024-01-02'], dtype='<U28'))
    """

    ids: tuple[str, ...]
    offsets: Ints  # [N + 1]
    values: Floats  # [T]
    starts: NDArray[Any]  # [N], datetime64[us] or int64
    frequency: Frequency
    exog: Exog = NO_EXOG

    def __post_init__(self) -> None:
        for array in (self.offsets, self.values, self.starts):
            array.flags.writeable = False

    @classmethod
    def from_series(
        cls,
        ids: Sequence[str],
        values: Sequence[ArrayLike],
        starts: ArrayLike,
        frequency: Frequency,
        exog: Exog = NO_EXOG,
    ) -> "Panel":
        """A panel of copies; missing values before the first observed one are left out.

        Raises `DataError` for a series without any observed value.
        """
        series = [np.asarray(one, dtype=np.float64) for one in values]
        kind = np.int64 if frequency.is_integer else "M8[us]"
        offsets = np.cumsum([0, *(len(one) for one in series)], dtype=np.int64)
        pooled = np.concatenate([*series, np.empty(0)])
        begins = np.array(starts, dtype=kind)
        return trimmed(cls(tuple(ids), offsets, pooled, begins, frequency, exog))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        shortest, longest = (
            (self.lengths.min(), self.lengths.max()) if self.ids else (0, 0)
        )
        return (
            f"Panel({len(self)} series of {shortest} to {longest} steps at frequency "
            f"{self.frequency.alias!r}, {np.isnan(self.values).sum()} of "
            f"{len(self.values)} values missing)"
        )

    @property
    def lengths(self) -> Ints:
        """Steps of each series [N]."""
        return np.diff(self.offsets)

    def values_of(self, index: int) -> Floats:
        """The values of one series, as a view."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def times_of(self, index: int) -> NDArray[Any]:
        """The times of one series, one per value."""
        steps = np.arange(self.offsets[index + 1] - self.offsets[index])
        return self.frequency.times(self.starts[index], steps)

    def take(self, indices: ArrayLike) -> "Panel":
        """Some series, in the order asked for.

        >>> panel = Panel.from_series(["a", "b"], [[1.0], [2.0]], [1, 1], Frequency("1"))
        >>> panel.take([1]).ids
        ('b',)
        """
        chosen = np.asarray(indices, dtype=np.int64)
        begins, lengths = self.offsets[chosen], self.lengths[chosen]
        return self._sliced(chosen, begins, lengths, whole=True)

    def cut(self, ends: ArrayLike) -> "Panel":
        """The first `ends[i]` values of each series `i` (`ends` [N], or one for all).

        Of covariates nothing is known ahead any more, where a series is cut.

        >>> panel = Panel.from_series(["a"], [[1.0, 2.0, 3.0]], [1], Frequency("1"))
        >>> panel.cut([2]).values
        array([1., 2.])
        """
        kept = np.broadcast_to(np.asarray(ends, dtype=np.int64), self.lengths.shape)
        if (kept < 0).any() or (kept > self.lengths).any():
            raise ValueError("ends: expected 0 to the length of each series")
        whole = bool((kept == self.lengths).all())
        return self._sliced(np.arange(len(self)), self.offsets[:-1], kept, whole=whole)

    def _sliced(
        self, chosen: Ints, begins: Ints, lengths: Ints, *, whole: bool
    ) -> "Panel":
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        # Position of every kept value: its rank within the series plus where that begins.
        positions = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], lengths)
        return Panel(
            tuple(self.ids[index] for index in chosen),
            offsets,
            self.values[positions],
            self.starts[chosen],
            self.frequency,
            self.exog.sliced(chosen, positions, whole=whole),
        )


def trimmed(panel: Panel) -> Panel:
    """The same series from their first observed value on.

    Raises `DataError` for a series without any.
    """
    observed = np.flatnonzero(~np.isnan(panel.values))
    ranks = np.searchsorted(observed, panel.offsets)
    for index in np.flatnonzero(ranks[1:] == ranks[:-1])[:1]:
        raise DataError(
            f"series {panel.ids[index]!r}: expected at least one value, got only missing "
            "ones. Leave the series out or give it a value"
        )
    skipped = observed[ranks[:-1]] - panel.offsets[:-1]
    if not skipped.any():
        return panel
    begins, lengths = panel.offsets[:-1] + skipped, panel.lengths - skipped
    moved = panel._sliced(np.arange(len(panel)), begins, lengths, whole=True)
    return replace(moved, starts=panel.frequency.times(panel.starts, skipped))


def without_future(panel: Panel) -> Panel:
    """The same series up to their last value, where covariates go on behind it.

    Rows at the end of a series without a value, of which some carry a covariate that is
    known ahead, are the future: they leave the series and become its `exog.ahead`.
    """
    exog = panel.exog
    if not exog.columns.futr:
        return panel
    lengths = panel.lengths
    observed = np.flatnonzero(~np.isnan(panel.values))
    last = observed[np.searchsorted(observed, panel.offsets[1:]) - 1]
    ends = last + 1 - panel.offsets[:-1]
    futr = exog.steps[:, : len(exog.columns.futr)]
    given = np.concatenate([[0], np.cumsum(~np.isnan(futr).all(axis=1))])
    goes_on = given[panel.offsets[1:]] > given[last + 1]
    ends = np.where(goes_on, ends, lengths)
    ahead = np.full((len(panel), int((lengths - ends).max()), futr.shape[1]), np.nan)
    for index in np.flatnonzero(goes_on):
        begin, end = panel.offsets[index] + ends[index], panel.offsets[index + 1]
        ahead[index, : end - begin] = futr[begin:end]
    kept = panel.cut(ends)
    return replace(kept, exog=replace(kept.exog, ahead=ahead))
