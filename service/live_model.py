"""The models being served: ready before they are live, and swapped in one assignment.

A `Live` model is a value that a request takes once and uses to its end, so that no
answer mixes two versions. A new version, whoever named it, goes the same way in every
process: loaded beside the old one, proven, warm (`arrivals`), its states made from the
log (`priming`), and only then live; where a step fails the old one goes on. Nothing is
loaded before `start` or `refresh`, which a server calls in its workers: a model loaded
before a fork would hang there, silently.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from forecaster import proving, registry
from forecaster.artifact import first_line
from forecaster.errors import ForecasterError
from forecaster.registry import PREVIOUS
from forecaster.succession import Succession
from service.arrivals import Arrivals, Arrived, Load, Mark, give_back, mark_of
from service.beside import NOBODY, Beside
from service.board import UNKNOWN, Board, Status
from service.canaries import Canaries, still
from service.carrying import Live
from service.errors import Busy
from service.priming import Primed, Wait

POLL_S = 2.0
PATIENCE_S = 120.0  # until the version before is live, or not
NOTHING_PRIMED = Primed()
CANARY = "canary"  # why a version answers for a share of the series, or no longer

Ended = TypeVar("Ended")
Prime = Callable[[Live, Wait, float], Primed]


@dataclass(frozen=True, slots=True)
class Swap:
    """One version took over from another in this process, or could not."""

    name: str
    version: str
    before: str | None
    reason: str  # champion, as another process named it; promote; rollback; canary
    seconds: float
    primed: Primed = NOTHING_PRIMED
    problem: str | None = None
    share: float = 1.0  # of the series that it answers for


class Models(Board):
    """The models of a folder by name; each serves its champion, and perhaps a canary."""

    def __init__(
        self,
        folder: Path,
        load: Load = proving.loaded,
        prime: Prime = lambda live, wait, share: NOTHING_PRIMED,
        tell: Callable[[Swap], None] = lambda swap: None,
    ) -> None:
        """Make it; nothing is loaded yet.

        Args:
            folder: of the models.
            load: makes a model of the folder of a version.
            prime: makes the states of a version, of the share of the series that it is
                to answer for, before it takes over from another.
            tell: is told of every version that takes over or cannot.
        """
        super().__init__(folder)
        self._arrivals = Arrivals(load)
        self._prime = prime
        self._canaries = Canaries(folder, self._arrivals, self._primed)
        self._tell = tell
        self._turn = threading.Lock()  # one version at a time is on its way
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def refresh(self) -> None:
        """Serve every champion that is not served yet; keep the old where it fails."""
        with self._turn:
            self._arrivals.tidy()
            try:
                names = registry.names(self.folder)
            except OSError:
                names = []  # the folder is away for a moment: what is live stays live
            self._expect(names)
            for name in names:
                before = self.statuses()[name].beside
                self._refresh_one(name)
                self._look_beside(name, before)

    def take_over(
        self, folder: Path, reason: str, appoint: Callable[[], Succession]
    ) -> tuple[Succession, Swap]:
        """Make a version the champion and serve it, or leave all as it is.

        Args:
            folder: of the version.
            reason: why, for the log.
            appoint: makes it the champion, once it is fit to answer.

        Raises:
            Busy: others are on their way, and take too long.
            ForecasterError: it cannot go live; says why.
            OSError: its files cannot be read.
        """
        name = folder.parent.name
        with self._own_turn():
            now = self.statuses().get(name, UNKNOWN)
            arrived, swap = self._ready(folder, now, reason)
            succession = appoint()
            self._serve(arrived, swap)
            self._look_beside(name, now.beside)
        return succession, swap

    def try_out(
        self, folder: Path, share: float, begin: Callable[[], object]
    ) -> Beside:
        """Let a version answer for a share of the series, or leave all as it is.

        Args:
            folder: of the version.
            share: of the series, above 0 and at most 1.
            begin: makes it the canary, once it is fit to answer.

        Raises:
            NoModel: nothing is live that it could run beside.
            Busy, ForecasterError, OSError: as `take_over`.
        """
        name = folder.parent.name
        with self._own_turn():
            live = self.get(name)
            before = self.beside(live)
            arrived, made = self._canaries.made(live, folder, share, before)
            begin()
            self._canaries.hold(name, arrived)
            self._stand_beside(name, made, before)
        return made

    def end_trial(self, name: str, end: Callable[[], Ended]) -> Ended:
        """Let the champion answer for all series, at once in this process.

        Args:
            name: of the model.
            end: makes the canary none.

        Raises:
            Busy: others are on their way, and take too long; nothing was ended.
        """
        with self._own_turn():
            ended = end()
            self._look_beside(name, self.statuses().get(name, UNKNOWN).beside)
        return ended

    def start(self) -> None:
        """Load now, and from then on look for new champions in a thread of its own."""
        self.refresh()
        self._thread = threading.Thread(target=self._watch, name="models", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and what it is at as soon as that can be ended."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=PATIENCE_S):
            raise Busy(
                "another version is just being made ready; try again in a moment"
            )
        try:
            yield
        finally:
            self._turn.release()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_S):
            self.refresh()

    def _refresh_one(self, name: str) -> None:
        now, tried = self.statuses()[name], None
        try:
            folder = registry.resolve(self.folder, name)
            champion = (folder.name, mark_of(folder))
            if champion == now.tried:
                return
            tried = champion
            self._serve(*self._ready(folder, now, "champion"))
            return
        except OSError as error:  # perhaps for a moment: it is looked for again
            problem, tried = str(error), None
        except ForecasterError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old keeps serving, and is looked after
            problem = f"{name}: {type(error).__name__}: {first_line(error)}"
        self._stay(name, self.within(problem), tried)

    def _ready(self, folder: Path, now: Status, reason: str) -> tuple[Arrived, Swap]:
        """Make a version ready beside the one that answers."""
        began = time.monotonic()
        arrived, primed = self._arrivals.ready(folder), NOTHING_PRIMED
        if now.live is not None and now.live is not arrived.live:
            primed = self._primed(arrived.live)
        return arrived, Swap(
            folder.parent.name,
            folder.name,
            None if now.live is None else now.live.version,
            reason,
            time.monotonic() - began,
            primed,
        )

    def _primed(self, live: Live, share: float = 1.0) -> Primed:
        return self._prime(live, self._stopping.wait, share)

    def _look_beside(self, name: str, before: Beside) -> None:
        """See whether a canary began, changed or ended, or has another champion now."""
        now = self.statuses().get(name, UNKNOWN)
        if now.live is not None:
            made = self._canaries.look(now.live, now.beside)
            self._stand_beside(name, made, before)

    def _stand_beside(self, name: str, made: Beside, before: Beside) -> None:
        """Let a version answer for its share from now on, or nobody, in one assignment."""
        now = self.statuses()[name]
        if made.problem is not None:
            made = replace(made, problem=self.within(made.problem))
        if made != now.beside:
            self._show(name, replace(now, beside=made))
        if made == before:
            return
        version = made.version or before.version
        live = None if now.live is None else now.live.version
        swap = Swap(name, version, live, CANARY, 0.0, made.primed, made.problem)
        if before.version not in ("", version):
            self._tell(replace(swap, version=before.version, problem=None, share=0.0))
        self._tell(replace(swap, share=made.share))

    def _serve(self, arrived: Arrived, swap: Swap) -> None:
        """Let a version answer from now on, in one assignment."""
        live, tried = arrived.live, (arrived.live.version, arrived.mark)
        before = self.statuses().get(live.name, UNKNOWN).beside
        self._show(live.name, Status(live, None, tried, still(live, before)))
        if swap.version != swap.before:
            self._tell(swap)
        self._arrivals.serve(arrived)

    def _stay(self, name: str, problem: str, tried: tuple[str, Mark] | None) -> None:
        """Leave what answers, and say why the champion does not."""
        now = self.statuses()[name]
        live = now.live or self._previous(name)
        beside = now.beside if live is now.live else NOBODY
        self._show(name, Status(live, problem, tried, beside))
        if problem != now.problem:
            version = tried[0] if tried else ""
            before = None if live is None else live.version
            self._tell(Swap(name, version, before, "champion", 0.0, problem=problem))
        if tried is not None:
            give_back()

    def _previous(self, name: str) -> Live | None:
        """The version that was champion before, for a process that has none yet."""
        try:
            folder = registry.resolve(self.folder, name, PREVIOUS)
            arrived = self._arrivals.ready(folder)
            self._arrivals.serve(arrived)
            return arrived.live
        except Exception:  # noqa: BLE001 - then there is none; of the champion it is told why
            return None

    def within(self, problem: str) -> str:
        """Return what is wrong, without where the folder of models lies on this machine."""
        return problem.replace(f"{self.folder}{os.sep}", "")
