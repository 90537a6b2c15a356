"""A model of three numbers that a reader can follow, in place of a trained one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import feature_names
from forecaster.covariates import Covariates
from forecaster.frequency import Frequency
from forecaster.manifest import Manifest

Floats = NDArray[np.float32]
NONE = Covariates()
QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)


def manifest(
    frequency: str = "h",
    name: str = "demo",
    version: str = "v1",
    horizon: int = 4,
    covariates: Covariates = NONE,
) -> Manifest:
    """A manifest that fits `FakeModel`."""
    return Manifest(
        name=name,
        version=version,
        freq=frequency,
        horizon=horizon,
        quantiles=QUANTILES,
        season_length=24,
        features=(*feature_names(Frequency(frequency)), *covariates.names.names),
        covariates=covariates.describe(),
        state_size=3,
        architecture={},
        data={},
        metrics={},
        training={},
        libraries={},
        git_revision=None,
        files={},
    )


class FakeModel:
    """Carries [smoothed value, steps seen, missing steps]; its result depends on order.

    The smoothing is what makes order matter: the state after a, b differs from b, a.
    Covariates that are known pull at it by their sum, and lift forecasts of their step.
    """

    def __init__(self, about: Manifest, weight: float = 0.25) -> None:
        self.manifest = about
        self.weight = np.float32(weight)
        self.steps = 0  # advanced in all, to see what a request costs

    def initial_state(self, batch: int) -> Floats:
        """Zeros."""
        return np.zeros((batch, 3), np.float32)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """One step after the other."""
        assert x.shape == (*y.shape, len(self.manifest.features))
        state = state.copy()
        self.steps += y.size
        for now, known in zip(y.T, self._sums(x).T, strict=True):
            missing = np.isnan(now)
            pull = self.weight * (now - state[:, 0])
            state[:, 0] += np.where(missing, 0, pull) + self.weight * known
            state[:, 1] += 1
            state[:, 2] += missing
        return state

    def observe(self, state: Floats, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """One step after the other; nothing is expected of the first value."""
        expected = []
        for t in range(y.shape[1]):
            fan = self.forecast(state, x[:, t : t + 1])[:, 0]
            expected.append(np.where(state[:, 1:2] > 0, fan, np.nan))
            state = self.advance(state, y[:, t : t + 1], x[:, t : t + 1])
        return state, np.stack(expected, axis=1)

    def imagine(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """As if it had been observed."""
        return self.advance(state, y, x)

    def forecast(self, state: Floats, x: Floats) -> Floats:
        """The smoothed value, fanned out by quantile and step."""
        fan = (
            np.subtract(QUANTILES, 0.5)[None, :] * np.arange(1, 1 + x.shape[1])[:, None]
        )
        lifted = state[:, :1] + self._sums(x)
        return (lifted[:, :, None] + fan[None]).astype(np.float32)

    def step(
        self, state: Floats, y: Floats, x: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """What was seen, and what follows."""
        steps = y.shape[1]
        state, expected = self.observe(state, y, x[:, :steps])
        return state, expected, self.forecast(state, x[:, steps:])

    def _sums(self, x: Floats) -> Floats:
        """What is known of each step beside the calendar, added up [B, T]."""
        calendar = len(feature_names(Frequency(self.manifest.freq)))
        return np.asarray(np.nansum(x[:, :, calendar:], axis=2))


class HoldingModel(FakeModel):
    """Carries what is constant of a series too, as trained models do: the last number.

    To be told it again changes nothing. One constant at most, behind other covariates.
    """

    def __init__(self, about: Manifest, weight: float = 0.25) -> None:
        super().__init__(replace(about, state_size=4), weight)
        self.constants = len(Covariates.read(about.covariates).of("stat"))

    def initial_state(self, batch: int) -> Floats:
        """Zeros."""
        return np.zeros((batch, 4), np.float32)

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """One step after the other."""
        state = super().advance(state, y, x)
        for step in x[:, :, x.shape[2] - self.constants :].transpose(1, 2, 0):
            for told in step:
                state[:, 3] = np.where(np.isnan(told), state[:, 3], told)
        return state

    def _sums(self, x: Floats) -> Floats:
        """The other covariates."""
        return super()._sums(x[:, :, : x.shape[2] - self.constants])


def states_of(
    model: FakeModel, values: list[float], sums: Sequence[float] = ()
) -> Floats:
    """The reference: one pass over the whole history, step by step.

    `sums` are those of the covariates of each step; none by default.
    """
    state = model.initial_state(1)
    for index, value in enumerate(values):
        features = np.zeros((1, 1, len(model.manifest.features)), np.float32)
        features[..., -1] = sums[index] if len(sums) else 0.0
        state = model.advance(state, np.array([[value]], np.float32), features)
    return state[0]


def loader(**about: Any) -> Any:
    """What `artifact.load` would be, for a folder that holds nothing."""

    def load(folder: Path) -> FakeModel:
        return FakeModel(
            manifest(name=folder.parent.name, version=folder.name, **about)
        )

    return load
