"""One series of a request, planned: what is to be walked, written and forecast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.carrying import Journey, Wanted
from service.planning import Plan
from service.records import Append, Carried, Grid, Span

FRESH = Span(0, 0)  # of a series that is not carried yet


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be done for one series."""

    unique_id: str
    carried: Carried | None
    grid: Grid
    plan: Plan
    journey: Journey
    append: Append | None  # to be remembered
    wanted: Wanted | None
    ahead: NDArray[np.float32]  # covariates of the steps behind the last [K, futr]

    @property
    def end(self) -> tuple[Grid, int]:
        """The grid of the series, and the step after its last."""
        return self.grid, self.plan.span.end

    @property
    def rewrites(self) -> bool:
        """Whether history is corrected."""
        carried = self.carried
        return carried is not None and carried.span.revision != self.plan.span.revision
