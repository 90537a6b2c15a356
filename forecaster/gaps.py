"""Covariates left out at random in training, so that a missing one is a trained case.

NumPy only. A lane that enters a new piece draws what it will not know to the end of the
piece: a state would remember it otherwise. What is known ahead may also be missing ahead
alone, as for a user who has no forecast of the weather.
Letters: B lanes, F features.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecaster.batches import Batch, Split

Floats = NDArray[np.float32]

# Shares of lanes that do not know a column, by its kind, and those that know nothing ahead.
UNKNOWN = {"futr": 0.03, "hist": 0.05, "stat": 0.1}
BLIND = 0.05


class Gaps:
    """What each lane does not know."""

    def __init__(self, split: Split, lanes: int, rng: np.random.Generator) -> None:
        kinds = [UNKNOWN[column.kind] for column in split.covariates.columns]
        self._share = np.array([0.0] * split.calendar + kinds)
        self._calendar = split.calendar
        self._unknown = np.zeros((lanes, len(self._share)), bool)
        self._rng = rng

    def made_in(self, batch: Batch) -> Batch:
        """A batch with what its lanes do not know as missing."""
        if self._calendar == len(self._share):
            return batch
        if batch.handed_on:
            self._unknown = np.roll(self._unknown, 1, axis=0)
        drawn = self._rng.random(self._unknown.shape) < self._share
        self._unknown = np.where(batch.reset[:, None], drawn, self._unknown)
        known = batch.ahead.shape[2]
        blind = self._rng.random(len(batch.reset)) < BLIND
        ahead = self._unknown[:, :known].copy()
        ahead[:, self._calendar :] |= blind[:, None]
        return replace(
            batch,
            x=_without(batch.x, self._unknown),
            ahead=_without(batch.ahead, ahead),
        )


def _without(x: Floats, unknown: NDArray[np.bool_]) -> Floats:
    """Features [B, T, F] with the unknown columns of each lane [B, F] missing."""
    return np.where(unknown[:, None], np.float32(np.nan), x)
