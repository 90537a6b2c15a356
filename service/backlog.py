"""States of a version that are behind the log of their series: found, and replaced.

What is replaced was behind, and what replaces it has seen more of the same history; who
writes meanwhile goes first. So a state that is kept here is worth as much as one that a
request made.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from forecaster.canary import answers_for
from service import queries, upkeep
from service.database import reading, written
from service.records import Carried, Kept, pack_state

FROM_THE_FIRST = -1  # below every number of a series
IDS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose states: those of one version, of series at its frequency."""

    name: str
    version: str
    frequency: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some series of an owner: the number of the last, and those whose states are behind."""

    last: int
    behind: list[Carried]


def next_page(engine: Engine, owner: Owner, after: int, most: int) -> Page | None:
    """Return up to ``most`` series in the order of their numbers; None when all are done.

    Args:
        engine: the database.
        owner: the version.
        after: the number of the last series that was looked at, or `FROM_THE_FIRST`.
        most: how many are looked at.

    Raises:
        StoreFailure: the database does not answer.
    """
    wanted = {**asdict(owner), "after": after, "most": most}
    with reading(engine) as connection:
        rows = connection.execute(upkeep.STATES_IN_ORDER, wanted).all()
    found = [queries.carried_of(row) for row in rows]
    if not found:
        return None
    return Page(found[-1].pk, [one for one in found if is_behind(one, one.kept)])


def is_behind(one: Carried, kept: Kept | None) -> bool:
    """Whether a state is none, or has not seen all of its series."""
    return kept is None or kept.end < one.span.end


def count_behind(engine: Engine, owner: Owner, after: int, share: float = 1.0) -> int:
    """Return how many series have no state, or one that has not seen all, behind one.

    Args:
        engine: the database.
        owner: the version.
        after: the number of a series; those up to it are not counted.
        share: of the series that the version answers for.

    Raises:
        StoreFailure: the database does not answer.
    """
    wanted = {**asdict(owner), "after": after}
    with reading(engine) as connection:
        if share >= 1:  # the database counts without a thread of this process
            return int(connection.execute(upkeep.COUNT_BEHIND, wanted).scalar_one())
        options = {"yield_per": IDS_AT_ONCE}
        found = connection.execute(upkeep.IDS_BEHIND, wanted, execution_options=options)
        ids = found.scalars()
        return sum(answers_for(owner.name, unique_id, share) for unique_id in ids)


def keep(
    engine: Engine, version: str, made: Sequence[tuple[Carried, Kept]]
) -> set[int]:
    """Keep states that have seen more than those there are.

    Args:
        engine: the database.
        version: of the model that made them.
        made: of each series what was carried of it, and the new state.

    Returns:
        The numbers of the series whose states were kept. Left alone is a series that
        somebody writes now, that is gone, or whose history was rewritten since.

    Raises:
        StoreFailure: nothing was kept.
    """
    return written(engine, lambda connection: _keep(connection, version, made))


def _keep(
    connection: Connection, version: str, made: Sequence[tuple[Carried, Kept]]
) -> set[int]:
    wanted = {"version": version, "pks": [carried.pk for carried, _ in made]}
    rows_now = connection.execute(upkeep.FREE_STATES, wanted)
    found = {row.pk: queries.carried_of(row) for row in rows_now}
    rows: list[dict[str, Any]] = [
        {
            "series_pk": carried.pk,
            "version": version,
            "revision": carried.span.revision,
            "end_step": kept.end,
            **pack_state(kept.state, carried.span.revision, kept.end),
        }
        for carried, kept in made
        if carried.pk in found and _leads_further(found[carried.pk], carried, kept)
    ]
    if rows:
        keep_state = queries.upserts(connection.dialect.name).keep_state
        queries.run_many(connection, keep_state, rows)
    return {row["series_pk"] for row in rows}


def _leads_further(now: Carried, before: Carried, kept: Kept) -> bool:
    """Whether a state has seen more of the history as it is now than the one there is."""
    span = now.span
    if span.revision != before.span.revision or not span.kept <= kept.end <= span.end:
        return False
    return now.kept is None or now.kept.end < kept.end
