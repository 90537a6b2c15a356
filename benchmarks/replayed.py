"""Whether what a service carries is what its log says: one pass over the whole history."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.artifact import Artifact
from forecaster.streaming import advance_series
from service.records import Carried
from service.store import Snapshot

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Compared:
    """One series, as it was sent and as it is carried.

    Attributes:
        points: how many steps are carried.
        differing: values that are not what was sent, and a state that lags behind.
        apart: the largest distance of the state from a replay, as a share of its largest
            number.
    """

    points: int
    differing: int
    apart: float


def compared(
    log: Snapshot, model: Artifact, kept: Carried, sent: Floats, begin: Any
) -> Compared:
    """Compare one series with what was sent of it, `[T]`, from its first step on."""
    count = kept.span.length
    values = log.values(kept.pk, kept.span.first, kept.span.end)
    equal = (values == sent[:count]) | (np.isnan(values) & np.isnan(sent[:count]))
    differing = int((~equal).sum())
    if kept.kept is None or kept.kept.end != kept.span.end:
        return Compared(count, differing + 1, 0.0)
    state = advance_series(model, model.initial_state(1), [sent[:count]], [begin])[0]
    distance = np.abs(state - kept.kept.state).max() / np.abs(state).max()
    return Compared(count, differing, float(distance))
