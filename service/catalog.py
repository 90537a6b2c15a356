"""Which models there are, and what is served of each."""

from dataclasses import asdict, dataclass
from typing import Any

from forecaster import registry
from forecaster.errors import ForecasterError
from service.beside import NOBODY
from service.board import Status
from service.errors import NoModel, UnknownModel
from service.live_model import Models


@dataclass(frozen=True, slots=True)
class Trial:
    """What answers for a share of the series beside the champion; why not, if so."""

    version: str
    share: float
    problem: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: its versions in the folder, and the one that answers requests."""

    name: str
    live: str | None
    problem: str | None
    canary: Trial | None
    aliases: dict[str, str]
    versions: list[str]


def entries(models: Models) -> list[Entry]:
    """Return all models, by name."""
    found = {*registry.names(models.folder), *models.statuses()}
    return [_entry(models, name) for name in sorted(found)]


def entry(models: Models, name: str) -> Entry:
    """Return one model.

    Raises:
        UnknownModel: there is none of that name.
    """
    found = {one.name: one for one in entries(models)}
    if name not in found:
        known = ", ".join(found) or "none"
        raise UnknownModel(f"no model of that name; there is: {known}")
    return found[name]


def manifest(models: Models, name: str) -> dict[str, Any] | None:
    """Return the manifest of the live version, without its checksums."""
    status = models.statuses().get(name)
    if status is None or status.live is None:
        return None
    known = asdict(status.live.model.manifest)
    return {key: value for key, value in known.items() if key != "files"}


def _entry(models: Models, name: str) -> Entry:
    status = models.statuses().get(name)
    live = status.live.version if status is not None and status.live else None
    problem = status.problem if status is not None else "it is not loaded yet"
    try:
        roles = registry.aliases(models.folder, name)
    except ForecasterError as error:
        roles, problem = {}, str(error)
    found = registry.versions(models.folder, name)
    return Entry(name, live, problem, _trial(status), roles, found)


def _trial(status: Status | None) -> Trial | None:
    if status is None or status.beside is NOBODY:
        return None
    beside = status.beside
    return Trial(beside.version, beside.share, beside.problem)


def readiness(models: Models) -> dict[str, Any]:
    """Return what is live, and what keeps the rest from it.

    Raises:
        NoModel: nothing is live.
    """
    statuses = models.statuses()
    live = [
        {"name": status.live.name, "version": status.live.version}
        for status in statuses.values()
        if status.live is not None
    ]
    problems = {
        name: status.problem for name, status in statuses.items() if status.problem
    }
    if not live:
        raise NoModel(
            "; ".join(f"{name}: {problem}" for name, problem in problems.items())
            or models.nothing
        )
    return {"models": live, "problems": problems}
