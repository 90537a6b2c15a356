"""Promotion, rollback and canaries in the running service: as on the command line, and live.

The version is loaded beside the one that answers, proven, warm and primed before it is
champion; in this process it answers from then on, in others as soon as they have seen it
and done the same. Where a step fails, nothing has changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forecaster import canary, registry
from forecaster.errors import ForecasterError, ModelNotFound
from forecaster.succession import appoint, predecessor
from service.errors import Conflict, Unacceptable, Unavailable, UnknownModel
from service.live_model import Models


@dataclass(frozen=True, slots=True)
class Promoted:
    """What came of a promotion.

    Attributes:
        name: the model.
        version: what answers now in this process, and is champion.
        previous: what a rollback goes back to; None where there is nothing.
        changed: whether it was not champion already.
        primed: how many series got a state of this version, up to their newest step.
        left: how many others are given one by the next request for them.
        seconds: how long it took until the version was ready.
    """

    name: str
    version: str
    previous: str | None
    changed: bool
    primed: int
    left: int
    seconds: float


@dataclass(frozen=True, slots=True)
class OnTrial:
    """A version that answers for a share of the series beside the champion.

    Attributes:
        name: the model.
        version: the canary.
        share: of the series that it answers for.
        primed: how many of them got a state of this version, up to their newest step.
        left: how many others are given one by the next request for them.
    """

    name: str
    version: str
    share: float
    primed: int
    left: int


def promote(models: Models, name: str, version: str) -> Promoted:
    """Make a version the champion, and serve it.

    Args:
        models: what is served.
        name: the model.
        version: a version, or an alias.

    Raises:
        UnknownModel: there is no such model or version.
        Unacceptable: the version cannot go live; the old one goes on.
        Unavailable: the models folder cannot be read or written.
        Busy: others are on their way, and take too long.
    """
    return _taken_over(models, _resolved(models, name, version), "promote")


def rollback(models: Models, name: str) -> Promoted:
    """Make the version that was champion before champion again, and serve it.

    Raises:
        UnknownModel: there is no such model.
        Conflict: there is nothing to go back to.
        Unacceptable, Unavailable, Busy: as `promote`.
    """
    _check_name(models, name)
    try:
        folder = predecessor(models.folder, name)
    except ModelNotFound as error:
        raise Conflict(models.within(str(error))) from error
    except ForecasterError as error:
        raise Unacceptable(models.within(str(error))) from error
    return _taken_over(models, folder, "rollback")


def try_out(models: Models, name: str, version: str, share: float) -> OnTrial:
    """Let a version answer for a share of the series beside the champion.

    Args:
        models: what is served.
        name: the model.
        version: a version, or an alias.
        share: of the series, above 0 and at most 1.

    Raises:
        NoModel: there is no champion that it could run beside.
        UnknownModel, Unacceptable, Unavailable, Busy: as `promote`.
    """
    folder = _resolved(models, name, version)
    with _told(models):
        begun = models.try_out(
            folder, share, lambda: canary.begin(models.folder, name, folder.name, share)
        )
    primed = begun.primed
    return OnTrial(name, folder.name, share, primed.series, primed.left)


def end_trial(models: Models, name: str) -> bool:
    """Let the champion answer for all series again; whether there was a canary.

    Raises:
        UnknownModel: there is no such model.
        Unavailable, Busy: as `promote`.
    """
    _check_name(models, name)
    with _told(models):
        ended = models.end_trial(name, lambda: canary.end(models.folder, name))
    return ended is not None


def _resolved(models: Models, name: str, version: str) -> Path:
    _check_name(models, name)
    try:
        return registry.resolve(models.folder, name, version)
    except ModelNotFound as error:
        raise UnknownModel(models.within(str(error))) from error
    except ForecasterError as error:
        raise Unacceptable(models.within(str(error))) from error


def _check_name(models: Models, name: str) -> None:
    known = registry.names(models.folder)
    if name not in known:
        raise UnknownModel(
            f"no model of that name; there is: {', '.join(known) or 'none'}"
        )


def _taken_over(models: Models, folder: Path, reason: str) -> Promoted:
    name, version = folder.parent.name, folder.name
    with _told(models):
        became, swap = models.take_over(
            folder, reason, lambda: appoint(models.folder, name, version)
        )
    return Promoted(
        name,
        became.version,
        became.previous,
        became.changed,
        swap.primed.series,
        swap.primed.left,
        round(swap.seconds, 3),
    )


@contextmanager
def _told(models: Models) -> Iterator[None]:
    """Tell what keeps a version from going live as what the caller has to hear of it."""
    try:
        yield
    except ModelNotFound as error:  # it was deleted meanwhile
        raise UnknownModel(models.within(str(error))) from error
    except ForecasterError as error:
        raise Unacceptable(models.within(str(error)), "version") from error
    except OSError as error:
        raise Unavailable(
            f"the models folder cannot be used ({error.strerror}); the version that was "
            "live goes on"
        ) from error
