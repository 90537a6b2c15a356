"""What answers for a share of the series beside a live version: made ready, or told why not.

A canary goes the way of a champion: loaded, proven, warm, its states made from the log. It
must answer in the same form (`forecaster.canary.check_alike`), also where the champion
changes while it is on trial. Where a step fails the champion answers for all series.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path

from forecaster import canary
from forecaster.artifact import first_line
from forecaster.errors import ForecasterError
from service.arrivals import Arrivals, Arrived, Mark, mark_of
from service.beside import NOBODY, Beside
from service.carrying import Live
from service.priming import Primed


class Canaries:
    """Makes what runs beside the champions of a folder ready."""

    def __init__(
        self, folder: Path, arrivals: Arrivals, prime: Callable[[Live, float], Primed]
    ) -> None:
        self._folder = folder
        self._arrivals = arrivals
        self._prime = prime

    def look(self, live: Live, now: Beside) -> Beside:
        """Return what is to run beside a live version; what runs already where it is that.

        Args:
            live: what answers for the other series.
            now: what runs beside it.
        """
        version, tried = "", None
        try:
            found = canary.read(self._folder, live.name)
            if found is None or found.version == live.version:
                self.hold(live.name, None)
                return NOBODY
            version, folder = found.version, self._folder / live.name / found.version
            tried = _key(live, found.share, folder, mark_of(folder))
            if tried == now.tried:
                return now
            arrived, made = self.made(live, folder, found.share, now)
            self.hold(live.name, arrived)
            return made
        except OSError as error:  # perhaps for a moment: it is looked for again
            return replace(now, problem=str(error), tried=None)
        except ForecasterError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the champion answers
            problem = f"{live.name}: {type(error).__name__}: {first_line(error)}"
        self.hold(live.name, None)
        return Beside(version, problem=problem, tried=tried)

    def made(
        self, live: Live, folder: Path, share: float, now: Beside
    ) -> tuple[Arrived, Beside]:
        """Return a version that is fit to answer for a share beside a live one.

        It is to be held (`hold`) once it answers.

        Args:
            live: what answers for the other series.
            folder: of the version.
            share: of the series.
            now: what runs beside, whose states are there.

        Raises:
            ArtifactError: says what is wrong with it.
            OSError: its files cannot be read.
        """
        arrived, primed = self._arrivals.ready(folder), now.primed
        canary.check_alike(live.model.manifest, arrived.live.model.manifest)
        if now.live is not arrived.live or now.share < share:
            primed = self._prime(arrived.live, share)
        tried = _key(live, share, folder, arrived.mark)
        return arrived, Beside(folder.name, share, arrived.live, None, primed, tried)

    def hold(self, name: str, arrived: Arrived | None) -> None:
        """Keep what answers beside a champion loaded, and nothing else."""
        self._arrivals.hold(name, arrived)


def still(live: Live, now: Beside) -> Beside:
    """Return what runs beside another version than before, until it is looked at.

    So that no series goes to and fro: what answered for its share goes on, if it may.
    """
    if now.live is None or now.version == live.version:
        return NOBODY
    try:
        canary.check_alike(live.model.manifest, now.live.model.manifest)
    except ForecasterError:
        return NOBODY
    return now


def _key(live: Live, share: float, folder: Path, mark: Mark) -> Hashable:
    """What a canary is made ready for: if any of it changes, it is looked at again."""
    return live.version, share, folder.name, mark
