"""Promotion and rollback in the running service: the way of `models promote`, and live.

The version is loaded beside the one that answers, proven, warm and primed before it is
champion; in this process it answers from then on, in others as soon as they have seen it
and done the same. Where a step fails, nothing has changed.
"""

from dataclasses import dataclass
from pathlib import Path

from forecaster import registry
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
    _check_name(models, name)
    try:
        folder = registry.resolve(models.folder, name, version)
    except ModelNotFound as error:
        raise UnknownModel(models.within(str(error))) from error
    except ForecasterError as error:
        raise Unacceptable(models.within(str(error))) from error
    return _taken_over(models, folder, "promote")


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


def _check_name(models: Models, name: str) -> None:
    known = registry.names(models.folder)
    if name not in known:
        raise UnknownModel(
            f"no model of that name; there is: {', '.join(known) or 'none'}"
        )


def _taken_over(models: Models, folder: Path, reason: str) -> Promoted:
    name, version = folder.parent.name, folder.name
    try:
        became, swap = models.take_over(
            folder, reason, lambda: appoint(models.folder, name, version)
        )
    except ModelNotFound as error:  # it was deleted meanwhile
        raise UnknownModel(models.within(str(error))) from error
    except ForecasterError as error:
        raise Unacceptable(models.within(str(error)), "version") from error
    except OSError as error:
        raise Unavailable(
            f"the models folder cannot be used ({error.strerror}); the version that was "
            "live goes on"
        ) from error
    return Promoted(
        name,
        became.version,
        became.previous,
        became.changed,
        swap.primed.series,
        swap.primed.left,
        round(swap.seconds, 3),
    )
