"""What answers for a share of the series beside a live version, and the values of it."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from forecaster.canary import answers_for
from service.carrying import Live
from service.priming import Primed


@dataclass(frozen=True, slots=True)
class Beside:
    """A canary as one process serves it.

    Attributes:
        version: the canary.
        share: of the series that it answers for.
        live: the same, loaded; None where it does not answer.
        problem: why not, or why it could not be looked after.
        primed: what came of making its states.
        tried: another one whenever it has to be made ready anew.
    """

    version: str = ""
    share: float = 0.0
    live: Live | None = None
    problem: str | None = None
    primed: Primed = field(default_factory=Primed)
    tried: Hashable = None

    def answers_for(self, unique_id: str) -> bool:
        """Whether a series is one of its share."""
        live = self.live
        return live is not None and answers_for(live.name, unique_id, self.share)


NOBODY = Beside()
