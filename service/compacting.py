"""What only takes room: states nobody will ask for, logs beyond their length, free pages.

States are a cache of the log, so that losing one costs time at most. Each piece is a
short transaction, so a service may run meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from forecaster import registry
from forecaster.settings import Retention
from service import queries, upkeep
from service.database import reading, size_of, vacuum, written
from service.pruning import prune
from service.retention import needs_of

Tell = Callable[[float, str], None]  # the share that is done, and with what


@dataclass(frozen=True, slots=True)
class Freed:
    """What was freed: rows of each kind, and bytes of the database."""

    states: int
    steps: int
    keys: int  # of appends
    bytes_before: int
    bytes_after: int
    left_alone: tuple[str, ...]  # models that are carried, but not in the folder


def compact(engine: Engine, models_dir: Path, keep: Retention, tell: Tell) -> Freed:
    """Free what only takes room.

    A state stays if its version is in the models folder, and it is of the newest step,
    or behind and its version has an alias: rolling back goes on from it. Milestones stay
    if their version has an alias. States of models that the folder does not know are left
    alone; it may be the wrong folder.

    Raises:
        StoreFailure: the store does not answer; what was freed is freed.
    """
    before = size_of(engine)
    known = registry.names(models_dir)
    with reading(engine) as connection:
        carried = connection.execute(upkeep.NAMES).scalars().all()
    states = 0
    for number, name in enumerate(known):
        tell(number / len(known) / 4, f"states of {name}")
        states += _forget_states(engine, models_dir, name)
    tell(0.25, "logs")
    steps = sum(piece.steps for piece in prune(engine, keep, needs_of(models_dir)))
    keys = _forget_appends(engine)
    tell(0.5, "free pages")
    vacuum(engine)
    tell(1.0, "done")
    gone = tuple(sorted(set(carried) - set(known)))
    return Freed(states, steps, keys, before, size_of(engine), gone)


def _forget_states(engine: Engine, models_dir: Path, name: str) -> int:
    versions = registry.versions(models_dir, name)
    roles = registry.aliases(models_dir, name).values()
    wanted = {"of": name, "versions": versions, "aliased": sorted(set(roles))}
    place: dict[str, Any] = {"after_pk": -1, "after_version": ""}
    freed = 0
    while True:
        with reading(engine) as connection:
            found = connection.execute(upkeep.IDLE_STATES, wanted | place).all()
        if not found:
            return freed + _forget_milestones(engine, wanted)
        freed += written(engine, partial(_forget, found=found))
        last = found[-1]
        place = {"after_pk": last.series_pk, "after_version": last.version}


def _forget_milestones(engine: Engine, wanted: dict[str, Any]) -> int:
    """Forget those that nobody goes back to, a portion at a time; how many."""
    freed = 0
    while some := written(
        engine, lambda c: c.execute(upkeep.FORGET_IDLE_MILESTONES, wanted).rowcount
    ):
        freed += some
    return freed


def _forget(connection: Connection, found: Sequence[Any]) -> int:
    """Forget states, if they still are as they were seen; how many."""
    return sum(
        connection.execute(
            upkeep.FORGET_STATE,
            {
                "pk": row.series_pk,
                "of": row.version,
                "seen": row.end_step,
                "as_of": row.revision,
            },
        ).rowcount
        for row in found
    )


def _forget_appends(engine: Engine) -> int:
    with reading(engine) as connection:
        pks = connection.execute(upkeep.MANY_APPENDS).scalars().all()

    def forget(connection: Connection) -> int:
        return sum(
            connection.execute(queries.FORGET_APPENDS, {"pk": pk}).rowcount
            for pk in pks
        )

    return written(engine, forget) if pks else 0
