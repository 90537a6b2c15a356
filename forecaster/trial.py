"""Where challenger and champion meet: the newest cutoffs, and what may be learned before.

    history of a series |------ known ------|-- window 1 --|-- window 2 --|-- window 3 --| now
                                             both forecast; the challenger has seen none of it

Windows follow each other without a gap or an overlap, each a horizon long. The champion
may have learned from values within them, if few have come since it was trained. Then the
windows are as few as lie wholly behind what it has seen, as long as these suffice for a
test; where they do not, older windows are taken too, and the account says how many: a
comparison that leans towards the champion keeps a good challenger waiting, but lets no
bad one through.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.checkpoint import fingerprint
from forecaster.errors import DataError
from forecaster.evaluation import Cutoffs, cutoffs
from forecaster.gate import LEAST_UNITS, MANY
from forecaster.manifest import Manifest, learned_until
from forecaster.panel import Panel, trimmed

Ints = NDArray[np.int64]

MOST_SERIES = 1_000  # that forecast in the trial; of more an even choice
UNITS = 30  # as many windows of series are wanted where series are few,
MOST_WINDOWS = 12  # at most so many of each,
WINDOWS = 3  # so many where series are many,
SHARE = 0.2  # and no more than such a share of the median history


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The comparison to be made.

    Attributes:
        where: series and cutoffs at which both forecast.
        known: what the challenger may learn from.
        seen: how many of the windows of series hold values that the champion learned
            from; None where its manifest does not tell.
        news: whether there is anything that the champion has not learned from.
    """

    where: Cutoffs
    known: Panel
    seen: int | None
    news: bool

    @property
    def windows(self) -> int:
        """Windows of all series together."""
        return int(self.where.origins.size)


def trial_of(panel: Panel, champion: Manifest, wanted: int | None) -> Trial:
    """Lays out the comparison with a champion.

    Args:
        panel: all there is, up to now.
        champion: its manifest.
        wanted: windows of each series; None leaves it to the data.

    Raises:
        DataError: too little for windows and for a training before them.
    """
    horizon = champion.horizon
    least = max(horizon, champion.season_length - 1) + 2  # what training needs
    alive = _alive(panel, horizon)
    fresh = _fresh(panel, alive, champion)
    windows = wanted or _windows(panel, alive, fresh, horizon)
    chosen = alive[panel.lengths[alive] > horizon * windows]
    longest = int(panel.lengths[alive].max())
    if longest < horizon * windows + least:
        raise DataError(
            f"too few points: expected a series of {horizon * windows + least} steps or "
            f"more, {horizon * windows} for {windows} windows of {horizon} and {least} to "
            f"train on, the longest that goes on until now has {longest}. Wait for more, "
            "or ask for fewer windows"
        )
    chosen = chosen[:: ceil(len(chosen) / MOST_SERIES)]
    origins = cutoffs(panel.lengths[chosen], horizon, windows, horizon)
    left_out = tuple(panel.ids[i] for i in np.setdiff1d(np.arange(len(panel)), chosen))
    where = Cutoffs(panel.take(chosen), left_out, origins, horizon)
    seen = None
    if fresh is not None:
        behind = np.maximum(panel.lengths[chosen] - _of(fresh, alive, chosen), 0)
        seen = int((origins < behind[:, None]).sum())
    return Trial(
        where, _known(panel, chosen, origins[:, 0]), seen, _news(panel, champion)
    )


def _alive(panel: Panel, horizon: int) -> Ints:
    """The series that go on until now, give or take a horizon."""
    ends = _ends(panel)
    newest = ends.max()
    now = int(ends.argmax())
    back = max(0, int(panel.lengths[now]) - 1 - horizon)
    since = panel.frequency.times(panel.starts[now], np.array([back]))[0]
    return np.flatnonzero((ends >= since) | (ends == newest))


def _ends(panel: Panel) -> NDArray[Any]:
    """The time of the last step of each series [N]."""
    return panel.frequency.times(panel.starts, panel.lengths - 1)


def _fresh(panel: Panel, chosen: Ints, champion: Manifest) -> Ints | None:
    """Steps of some series behind the last that the champion learned from."""
    last = learned_until(champion)
    if last is None:
        return None
    last = panel.frequency.parse_time(last)
    return np.array([int((panel.times_of(i) > last).sum()) for i in chosen], np.int64)


def _of(values: Ints, of: Ints, chosen: Ints) -> Ints:
    """The values of some of the indices `of`, which rise."""
    return values[np.searchsorted(of, chosen)]


def _windows(panel: Panel, alive: Ints, fresh: Ints | None, horizon: int) -> int:
    """How many windows of each series, where nobody says."""
    lengths = panel.lengths[alive]
    count = min(len(alive), MOST_SERIES)
    least = 1 if count >= MANY else ceil(LEAST_UNITS / count)
    wanted = WINDOWS if count >= MANY else min(ceil(UNITS / count), MOST_WINDOWS)
    affordable = int(SHARE * np.median(lengths)) // horizon
    windows = max(least, min(wanted, affordable))
    fair = 0 if fresh is None else int(np.median(fresh)) // horizon
    return min(windows, fair) if fair >= least else windows


def _known(panel: Panel, chosen: Ints, firsts: Ints) -> Panel:
    """Each series up to its own first cutoff; those without one up to the newest of all.

    So that no series tells what another is asked.
    """
    cutoff = panel.frequency.times(panel.starts[chosen], firsts).max()
    ends = panel.lengths.copy()
    ends[chosen] = firsts
    for i in np.setdiff1d(np.arange(len(panel)), chosen):
        ends[i] = int((panel.times_of(i) < cutoff).sum())
    known = panel.cut(ends)
    observed = np.concatenate([[0], np.cumsum(~np.isnan(known.values))])
    counts = observed[known.offsets[1:]] - observed[known.offsets[:-1]]
    return trimmed(known.take(np.flatnonzero(counts)))


def _news(panel: Panel, champion: Manifest) -> bool:
    """Whether these are other data than those the champion was trained on."""
    return bool(fingerprint(panel) != champion.data.get("fingerprint"))
