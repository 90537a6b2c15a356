"""The features of steps as a model takes them: calendar first, then covariates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import feature_names, features
from forecaster.covariates import Covariates
from forecaster.frequency import Frequency
from forecaster.manifest import Manifest

Floats = NDArray[np.float32]


class Rows:
    """Makes the features of steps that a model was trained with."""

    def __init__(self, manifest: Manifest) -> None:
        self._frequency = Frequency.parse(manifest.freq)
        self._holidays = Covariates.read(manifest.covariates).holidays
        self._calendar = len(feature_names(self._frequency, self._holidays))
        self._width = len(manifest.features)

    def __call__(
        self,
        starts: Sequence[np.datetime64 | int],
        first: NDArray[np.int64],
        count: int,
        exog: Sequence[Floats] | None,
    ) -> Floats:
        """Features [N, count, F] of the steps `first`, `first` + 1, … after each start.

        Args:
            starts: a time of each series.
            first: steps from there to the first row of each series.
            count: rows of each series.
            exog: covariates of these rows, as many as are known [≤ count, ≤ A], the
                first columns of a row; what is not known is missing.
        """
        steps = first[:, None] + np.arange(count)
        times = self._frequency.times(
            np.repeat(np.asarray(starts), count), steps.ravel()
        )
        x = np.full((len(starts), count, self._width), np.nan, np.float32)
        calendar = features(self._frequency, times, self._holidays)
        x[:, :, : self._calendar] = calendar.reshape(len(starts), count, -1)
        for row, known in enumerate(exog or ()):
            part = known[:count]
            end = self._calendar + part.shape[1]
            x[row, : len(part), self._calendar : end] = part
        return x
