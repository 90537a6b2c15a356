"""What befalls a store beside requests, and what the reference makes of it.

States that are lost, damaged or brought back; logs that are shortened; series that are
exported and taken in again; a whole store that moves.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from forecaster.errors import DataError
from forecaster.settings import Retention
from service import archive, pruning, queries
from service.carrying import Live
from service.database import reading, writing
from service.priming import Primer
from service.retention import Need
from tests.service.comparison import Beside
from tests.service.processes import DAY, SIZE, VERSIONS
from tests.service.reference import primed, pruned
from tests.service.strategies import IDS

MINE = "series_pk IN (SELECT pk FROM series WHERE name = :name)"
DAMAGES = (
    "DELETE FROM states",
    "UPDATE states SET crc32 = crc32 + 1",
    "UPDATE states SET format = 99",
    "UPDATE states SET end_step = end_step + 1000",
    "UPDATE states SET revision = revision + 1",
)
DAMAGES_OF_MILESTONES = (
    "DELETE FROM milestones",
    "UPDATE milestones SET crc32 = crc32 + 1",
    "UPDATE milestones SET format = 99",
    "UPDATE milestones SET end_step = end_step + 1000",
    "UPDATE milestones SET revision = revision + 1",
)
NEED = Need(4, frozenset({SIZE.name}))  # of the models, as their manifests would say


def damage(pair: Beside, how: str) -> None:
    """States are a cache: they are lost, or rot, and nobody goes on from them."""
    with writing(pair.database) as connection:
        connection.execute(text(f"{how} WHERE {MINE}"), {"name": pair.name})
    _keep(pair, seen={})


def damage_milestones(pair: Beside, how: str) -> None:
    """States to go back to rot: then one goes all the way."""
    with writing(pair.database) as connection:
        connection.execute(text(f"{how} WHERE {MINE}"), {"name": pair.name})


def copy_states(pair: Beside) -> None:
    """States are copied, as by a backup."""
    query = text(f"SELECT * FROM states WHERE {MINE}")
    with reading(pair.database) as connection:
        found = connection.execute(query, {"name": pair.name})
        pair.copies = [dict(row) for row in found.mappings()]
    for unique_id, truth in pair.truths.items():
        pair.truths[unique_id] = replace(truth, copied=truth.seen)


def bring_old_states_back(pair: Beside) -> None:
    """States are those of some time ago, perhaps of another history."""
    with writing(pair.database) as connection:
        connection.execute(
            text(f"DELETE FROM states WHERE {MINE}"), {"name": pair.name}
        )
        there = set(connection.execute(text("SELECT pk FROM series")).scalars())
        keep = queries.upserts(connection.dialect.name).keep_state
        for row in (row for row in pair.copies if row["series_pk"] in there):
            connection.execute(keep, row)
    for unique_id, truth in pair.truths.items():
        pair.truths[unique_id] = replace(truth, seen=truth.copied)


def prune(pair: Beside, keep: Retention) -> None:
    """Logs are shortened: to what is asked for, or a tenth more, but not below need."""
    for _ in pruning.prune(pair.database, keep, {pair.name: NEED}):
        pass
    days = keep.keep_days if pair.frequency != "1" else 0
    asked = [keep.keep_points, days * DAY + 1 if days else 0]
    wanted = max(NEED.steps, min((steps for steps in asked if steps), default=2**62))
    with pair.reader.snapshot() as log:
        listed = log.page(pair.name, "", ("", ""), len(IDS))
    for one in listed:
        truth, left = pair.truths[one.unique_id], one.span.end - one.span.kept
        before = truth.end - truth.kept
        assert min(before, wanted) <= left <= min(before, 1.1 * wanted)
        pair.truths[one.unique_id] = pruned(truth, truth.end - left)


def prime(pair: Beside, *versions: str) -> None:
    """States of versions are made before they answer: those that requests would make."""
    for version in versions:
        live = Live(pair.name, version, pair.models[version])
        assert Primer(pair.database)(live, lambda _: False).left == 0
        for unique_id, truth in pair.truths.items():
            pair.truths[unique_id] = primed(truth, version)


def export(pair: Beside, ids: frozenset[str]) -> None:
    """Series are written to a file, all of them or none."""
    save = partial(archive.save_series, pair.database, pair.folder / "series.zip")
    if ids <= pair.truths.keys():
        save(sorted(ids), pair.name, _quiet)
        pair.archived = {one: replace(pair.truths[one], copied={}) for one in ids}
        return
    with pytest.raises(DataError, match="that are not"):
        save(sorted(ids), pair.name, _quiet)


def take_in(pair: Beside, instead: bool) -> None:
    """Series of the file come back, instead of what is carried of them or not at all."""
    if not pair.archived:
        return
    with archive.Archive(pair.folder / "series.zip") as file:
        if not instead and pair.archived.keys() & pair.truths.keys():
            with pytest.raises(DataError, match="say --replace"):
                archive.take_in(pair.database, file, False, _quiet)
            return
        archive.take_in(pair.database, file, instead, _quiet)
    pair.truths |= pair.archived


def move(pair: Beside, url: str, whole: bool) -> None:
    """All goes to an empty database, as a backup or series by series; nothing changes."""
    file = pair.folder / "all.zip"
    if whole:
        archive.save(pair.database, file, _quiet)
    else:
        ids = sorted(pair.truths)
        archive.save_series(pair.database, file, ids, pair.name, _quiet)
    pair.close()
    pair.open(url)
    with archive.Archive(file) as moved:
        if whole:
            archive.restore(pair.database, moved, _quiet)
        else:
            archive.take_in(pair.database, moved, False, _quiet)
    pair.copies = []  # they may be of other series there
    _keep(pair, copied={})


OF_STATES: dict[str, Callable[[Beside], None]] = {
    "copied": copy_states,
    "brought back": bring_old_states_back,
    **{one: partial(damage, how=one) for one in DAMAGES},
}
# What may come between the reading and the commit of a request.
MEANWHILE: dict[str, Callable[[Beside], None]] = {
    "nothing": lambda pair: None,
    "pruned": partial(prune, keep=Retention(keep_points=1)),
    "taken in": partial(take_in, instead=True),
    "deleted": partial(Beside.forget, which=1, unique_id=IDS[0]),
    "primed": lambda pair: prime(pair, *VERSIONS),
}


def _keep(pair: Beside, **states: Any) -> None:
    for unique_id, truth in pair.truths.items():
        pair.truths[unique_id] = replace(truth, **states)


def _quiet(share: float, what: str) -> None:
    """Whoever need not be told."""
