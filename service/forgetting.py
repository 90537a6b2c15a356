"""One transaction of pruning: the steps of some series before a cut are forgotten."""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from service import queries, upkeep
from service.database import written
from service.retention import Need, static_before

Cut = tuple[int, int]  # a series and the step with which its log is to begin


def forget(engine: Engine, need: Need, cuts: Sequence[Cut]) -> int:
    """Forget the steps of each series before its cut; how many those were.

    A series that somebody else writes now is left as it is, and so is one that has no
    more steps to forget.

    Raises:
        StoreFailure: nothing was forgotten.
    """
    return written(engine, lambda connection: _forget(connection, need, cuts))


def _forget(connection: Connection, need: Need, cuts: Sequence[Cut]) -> int:
    rows = connection.execute(upkeep.FREE_SPANS, {"pks": [pk for pk, _ in cuts]})
    kept = {row.pk: queries.span_of(row).kept for row in rows}
    cuts = [(pk, cut) for pk, cut in cuts if kept.get(pk, cut) < cut]
    if not cuts:
        return 0
    if need.static:
        _keep_static(connection, need, cuts)
    for statement in upkeep.FORGET_BEFORE:
        connection.execute(statement, [{"pk": pk, "cut": cut} for pk, cut in cuts])
    moved = [{"moved": pk, "cut": cut} for pk, cut in cuts]
    connection.execute(upkeep.PRUNE_SERIES, moved)
    return sum(cut - kept[pk] for pk, cut in cuts)


def _keep_static(connection: Connection, need: Need, cuts: Sequence[Cut]) -> None:
    """Tell the first step that is kept what was said of the series before it."""
    told = []
    for pk, cut in cuts:
        wanted = {"pk": pk, "first": -upkeep.ENDLESS, "end": cut + 1}
        rows = connection.execute(upkeep.EXOG_IN_ORDER, wanted)
        known = {row.step: row.known for row in rows}
        at_cut = known.pop(cut, {})
        held = static_before(known, need)
        if held.items() - at_cut.items():
            told.append({"series_pk": pk, "step": cut, "known": {**held, **at_cut}})
    if told:
        connection.execute(queries.upserts(connection.dialect.name).keep_exog, told)
