"""Models of a few lines with the methods of a loaded artefact, for tests.

Their states can be read: what they forecast shows exactly which values they were given.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import feature_names
from forecaster.frequency import Frequency

Floats = NDArray[np.float32]
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def manifest(horizon: int, season_length: int = 1, freq: str = "1") -> Any:
    """The part of a manifest that evaluation reads."""
    return SimpleNamespace(
        freq=freq,
        horizon=horizon,
        quantiles=LEVELS,
        season_length=season_length,
        features=feature_names(Frequency.parse(freq)),
        covariates={},
        state_size=2,
    )


class Model:
    """What follows from `advance` and `forecast`, given the features of each step."""

    manifest: Any

    def observe(self, state: Floats, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """One step after the other, with the forecast of each just before it."""
        expected = []
        for t in range(y.shape[1]):
            ahead = np.repeat(x[:, t : t + 1], self.manifest.horizon, axis=1)
            expected.append(self.forecast(state, ahead)[:, 0])
            state = self.advance(state, y[:, t : t + 1], x[:, t : t + 1])
        return state, np.stack(expected, axis=1)

    def imagine(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """As if it had been observed."""
        return self.advance(state, y, x)

    def step(
        self, state: Floats, y: Floats, x: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """What was seen, and what follows."""
        steps = y.shape[1]
        state, expected = self.observe(state, y, x[:, :steps])
        return state, expected, self.forecast(state, x[:, steps:])

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """See the models below."""
        raise NotImplementedError

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """See the models below."""
        raise NotImplementedError


class Oracle(Model):
    """Knows every series by its row; its state is the row and the count of values seen."""

    def __init__(self, truth: NDArray[np.float64], **about: Any) -> None:
        """`truth[N, T]`: every value there will ever be."""
        self.manifest = manifest(**about)
        self.truth = truth

    def initial_state(self, batch: int) -> Floats:
        """Row number and 0."""
        return np.stack([np.arange(batch), np.zeros(batch)], axis=1).astype(np.float32)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """Counts the values, whatever they are."""
        return state + np.array([0, y.shape[1]], np.float32)

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """What comes after as many values as were counted, with no doubt at all."""
        rows, seen = state.astype(int).T
        steps = seen[:, None] + np.arange(self.manifest.horizon)
        point = self.truth[rows[:, None], steps]
        return np.repeat(point[..., None], len(LEVELS), axis=-1).astype(np.float32)


class Mean(Model):
    """Forecasts the mean of all it has seen; its state is their sum and number."""

    def __init__(self, **about: Any) -> None:
        self.manifest = manifest(**about)

    def initial_state(self, batch: int) -> Floats:
        """Nothing seen."""
        return np.zeros((batch, 2), np.float32)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """Adds what is not missing."""
        known = ~np.isnan(y)
        more = np.stack([np.where(known, y, 0).sum(1), known.sum(1)], axis=1)
        return (state + more).astype(np.float32)

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """The mean, 1 and 2 to either side for the intervals."""
        mean = state[:, 0] / state[:, 1]
        band = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
        steps = np.zeros(self.manifest.horizon)
        return (mean[:, None, None] + steps[:, None] + band).astype(np.float32)


class Clock(Model):
    """Forecasts the first calendar feature of each day; its state is the last day's two.

    A state that was carried with the features of other days is refused.
    """

    def __init__(self, **about: Any) -> None:
        self.manifest = manifest(**about)

    def initial_state(self, batch: int) -> Floats:
        """Nothing seen."""
        return np.zeros((batch, 2), np.float32)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """Sine and cosine of the last day in its week."""
        return x[:, -1, :2]

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """The features of the steps ahead, of which the first follows on the last seen."""
        day = np.exp(2j * np.pi / 7)
        next_day = (state[:, 1] + 1j * state[:, 0]) * day
        np.testing.assert_allclose(next_day.imag, x[:, 0, 0], atol=1e-5)
        np.testing.assert_allclose(next_day.real, x[:, 0, 1], atol=1e-5)
        return np.repeat(x[:, :, :1], len(LEVELS), axis=-1)
