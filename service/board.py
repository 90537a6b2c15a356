"""What is served under each name, for everybody who asks: read without a lock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.arrivals import Mark
from service.beside import NOBODY, Beside
from service.carrying import Live
from service.errors import NoModel, UnknownModel


@dataclass(frozen=True, slots=True)
class Status:
    """What is served under a name, and why the champion is not, if so."""

    live: Live | None
    problem: str | None
    tried: tuple[str, Mark] | None = None  # the champion, as its files were then
    beside: Beside = NOBODY


UNKNOWN = Status(None, None)
EXPECTED = Status(None, "it is being loaded; try again in a moment")


class Board:
    """The models of a folder by name; who changes them writes a new mapping."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._statuses: Mapping[str, Status] | None = None

    def get(self, name: str | None) -> Live:
        """Return the live model of that name; None means the only one.

        Raises:
            UnknownModel: there is none of that name, or several and no name.
            NoModel: there is, but it is not loaded and warm.
        """
        name = self.only_name() if name is None else name
        status = self.statuses().get(name)
        if status is None and self._statuses is None:
            raise NoModel(self.nothing)
        if status is None:
            raise UnknownModel(f"no model of that name; there is: {self._names()}")
        if status.live is None:
            raise NoModel(f"model {name!r} is not ready: {status.problem}")
        return status.live

    def beside(self, live: Live) -> Beside:
        """Return what runs beside a live version; nobody once that is no longer live."""
        status = self.statuses().get(live.name, UNKNOWN)
        return status.beside if status.live is live else NOBODY

    def only_name(self) -> str:
        """Return the name of the only model.

        Raises:
            UnknownModel: there are several.
            NoModel: there is none.
        """
        names = list(self.statuses())
        if not names:
            raise NoModel(self.nothing)
        if len(names) > 1:
            raise UnknownModel(f"several models: say which by name: {self._names()}")
        return names[0]

    @property
    def nothing(self) -> str:
        """Why there is no model."""
        if self._statuses is None:
            return "the models are being loaded; try again in a moment"
        return f"no model in {self.folder}; make one with 'forecaster train'"

    def statuses(self) -> Mapping[str, Status]:
        """Return what is served, by name."""
        return self._statuses or {}

    def _expect(self, names: Sequence[str]) -> None:
        """From now on there are models of these names too."""
        self._statuses = {**dict.fromkeys(names, EXPECTED), **self.statuses()}

    def _show(self, name: str, status: Status) -> None:
        """Let a name stand for something else, in one assignment."""
        self._statuses = {**self.statuses(), name: status}

    def _names(self) -> str:
        return ", ".join(sorted(self.statuses())) or "none"
