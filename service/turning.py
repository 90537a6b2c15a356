"""The table of the milestones: the last before a correction, and what one does to them.

A milestone is one while its revision is that of its series. Who corrects history takes along
those that have not seen what is corrected, in the same transaction; a program that knows
nothing of them leaves them behind, and they are none any more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from service import queries
from service.records import (
    Carried,
    Change,
    Kept,
    Milestone,
    pack_state,
    unpack_state,
)
from service.tables import milestones

KEY = ("series_pk", "version", "end_step")
OF_ANY = -1  # revision under the checksum: the same when a milestone is taken along

MILESTONE = (
    select(milestones)
    .where(
        milestones.c.series_pk == bindparam("pk"),
        milestones.c.version == bindparam("version"),
        milestones.c.revision == bindparam("revision"),
        milestones.c.end_step.between(bindparam("first"), bindparam("last")),
    )
    .order_by(milestones.c.end_step.desc())
    .limit(1)
)
FORGET_PASSED = delete(milestones).where(
    milestones.c.series_pk == bindparam("pk"),
    milestones.c.version == bindparam("of"),
    milestones.c.until <= bindparam("end"),
)
# What was corrected is seen by none that stays; those that stay are of the history as it is.
FORGET_MISLED = delete(milestones).where(
    milestones.c.series_pk == bindparam("pk"),
    or_(
        milestones.c.end_step > bindparam("rewritten"),
        milestones.c.revision != bindparam("before"),
    ),
)
TAKE_ALONG = (
    update(milestones)
    .where(milestones.c.series_pk == bindparam("pk"))
    .values(revision=bindparam("now"))
)


def last_before(
    connection: Connection, carried: Carried, version: str, step: int
) -> Kept | None:
    """Return the last state of a version that has not seen a step, if one is kept.

    Of a series whose log was pruned there is none: from the first step that is kept one
    walks on, as a version does that never saw more.
    """
    span = carried.span
    if span.pruned:
        return None
    wanted = {
        "pk": carried.pk,
        "version": version,
        "revision": span.revision,
        "first": span.kept,
        "last": step,
    }
    row = connection.execute(MILESTONE, wanted).mappings().first()
    if row is None:
        return None
    end = row["end_step"]
    state = unpack_state({**row}, OF_ANY, end)
    return None if state is None else Kept(state, end)


def write(
    connection: Connection,
    pks: Mapping[str, int],
    version: str,
    changes: Sequence[Change],
) -> None:
    """Keep the milestones of changes; forget those that are passed, or misled."""
    rewriting = [
        (pks[change.unique_id], change, change.before.span.revision)
        for change in changes
        if change.before is not None and change.rewritten is not None
    ]
    if rewriting:
        misled = [
            {"pk": pk, "rewritten": change.rewritten, "before": before}
            for pk, change, before in rewriting
        ]
        stay = [{"pk": pk, "now": one.span.revision} for pk, one, _ in rewriting]
        connection.execute(FORGET_MISLED, misled)
        connection.execute(TAKE_ALONG, stay)
    passing = [change for change in changes if change.milestones]
    rows = [
        _row(pks[change.unique_id], version, change, one)
        for change in passing
        for one in change.milestones
    ]
    if rows:
        keep = queries.upsert(connection.dialect.name, milestones, *KEY)
        queries.run_many(connection, keep, rows)
        passed = [
            {"pk": pks[change.unique_id], "of": version, "end": change.span.end}
            for change in passing
        ]
        connection.execute(FORGET_PASSED, passed)


def _row(pk: int, version: str, change: Change, one: Milestone) -> dict[str, Any]:
    """Return the row of a milestone."""
    return {
        "series_pk": pk,
        "version": version,
        "end_step": one.end,
        "until": one.until,
        "revision": change.span.revision,
        **pack_state(one.state, OF_ANY, one.end),
    }
