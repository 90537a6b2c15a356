"""How well versions do on what came since their training, as the store keeps it.

A job of kind `watch` finds it out (`forecaster.watching`); here it is kept, day by day,
and errors that drift are noticed.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from forecaster.drifting import alarms
from service.database import reading, written
from service.errors import StoreFailure
from service.metrics import Metrics
from service.queries import insert_into
from service.tables import live_scores

DECIDES = "mase"  # the measure whose drift is noticed,
ELSE = "wql"  # or this, where errors have no scale
MOST_DAYS = 366  # that are looked at for drift

Days = Sequence[Mapping[str, Any]]
NONE: Mapping[str, Days] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scored:
    """One day of one version.

    Attributes:
        version: of the model.
        day: that the forecasts begin with.
        count: how many were scored.
        scores: by measure; None where nothing can be said.
        noticed_at: when errors were found to have drifted up to this day; None: not.
    """

    version: str
    day: str
    count: int
    scores: Mapping[str, float | None]
    noticed_at: int | None


def keep(
    engine: Engine,
    name: str,
    version: str,
    days: Days,
    now: int,
    shadows: Mapping[str, Days] = NONE,
) -> list[str]:
    """Write down days of versions, anew where they were known, and notice drift.

    All at once: who compares versions sees what was found at one time.

    Args:
        engine: the database.
        name: of the model.
        version: its champion, of which alone drift is noticed.
        days: its days, each with `day`, `count` and `scores`.
        now: seconds since 1970.
        shadows: days of other versions.

    Returns:
        The days up to which drift was noticed now, and not before.
    """

    def write(connection: Connection) -> list[str]:
        for of, found in {version: days, **shadows}.items():
            for day in found:
                _put(connection, name, of, day)
        return _noticed(connection, name, version, now)

    return written(engine, write)


def _put(
    connection: Connection, name: str, version: str, day: Mapping[str, Any]
) -> None:
    given = {key: day[key] for key in ("day", "count", "scores")}
    added = insert_into(connection, live_scores).values(
        name=name, version=version, **given
    )
    connection.execute(
        added.on_conflict_do_update(
            index_elements=["name", "version", "day"],
            set_={"count": day["count"], "scores": day["scores"]},
        )
    )


def newest(engine: Engine, name: str, limit: int) -> list[Scored]:
    """Return the newest days of all versions of a model, newest first."""
    with reading(engine) as connection:
        return _newest(connection, limit, live_scores.c.name == name)


def of_versions(
    engine: Engine, name: str, versions: Sequence[str], limit: int
) -> dict[str, list[Scored]]:
    """Return the newest days of some versions, up to so many of each, newest first."""
    with reading(engine) as connection:
        return {
            version: _newest(
                connection,
                limit,
                live_scores.c.name == name,
                live_scores.c.version == version,
            )
            for version in versions
        }


def tell(engine: Engine, metrics: Metrics) -> None:
    """Tell Prometheus of the newest day of each model, and of drift, if the store can.

    Of all versions that were scored on that day; `forecaster_model_live` tells which serves.
    """
    with suppress(StoreFailure), reading(engine) as connection:
        names = connection.execute(select(live_scores.c.name).distinct()).scalars()
        for name in names.all():
            of = live_scores.c.name == name
            for last in _newest(connection, 1, of):
                same = (of, live_scores.c.day == last.day)
                for day in _newest(connection, None, *same):
                    metrics.live_scores(name, day.version, day.scores)
        for name, at in drifted(connection).items():
            metrics.drifted(name, at)


def drifted(connection: Connection) -> dict[str, int]:
    """Return when drift was noticed last, in seconds since 1970, by model."""
    noticed = func.max(live_scores.c.noticed_at)
    query = (
        select(live_scores.c.name, noticed)
        .where(live_scores.c.noticed_at.is_not(None))
        .group_by(live_scores.c.name)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _noticed(connection: Connection, name: str, version: str, now: int) -> list[str]:
    of = (live_scores.c.name == name, live_scores.c.version == version)
    known = _newest(connection, MOST_DAYS, *of)[::-1]
    errors = [(day, _error(day)) for day in known]
    told = [(day, error) for day, error in errors if error is not None]
    found = [told[place][0] for place in alarms([error for _, error in told])]
    fresh = [day.day for day in found if day.noticed_at is None]
    if fresh:
        which = (*of, live_scores.c.day.in_(fresh))
        connection.execute(update(live_scores).where(*which).values(noticed_at=now))
    return fresh


def _newest(connection: Connection, limit: int | None, *which: Any) -> list[Scored]:
    # Dates are of one length; of whole steps the longer number is the later one.
    day = live_scores.c.day
    newest_first = (func.length(day).desc(), day.desc(), live_scores.c.version.desc())
    query = select(live_scores).where(*which).order_by(*newest_first).limit(limit)
    return [
        Scored(**{key: row[key] for key in Scored.__slots__})
        for row in connection.execute(query).mappings()
    ]


def _error(day: Scored) -> float | None:
    error = day.scores.get(DECIDES)
    return day.scores.get(ELSE) if error is None else error
