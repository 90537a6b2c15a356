"""The statements that shorten logs, and that forget states or bring them forward."""

from sqlalchemy import and_, bindparam, delete, func, or_, select, tuple_, update

from service.queries import EXOG, IDS_PER_QUERY, KEYS_PER_SERIES
from service.tables import (
    appends,
    covariates,
    milestones,
    observations,
    series,
    states,
)

ENDLESS = 2**62  # more steps than a series ever has

FREQUENCIES = (
    select(series.c.frequency).where(series.c.name == bindparam("of")).distinct()
)
LONG_LOGS = (
    select(series)
    .where(
        series.c.name == bindparam("of"),
        series.c.unique_id > bindparam("after"),
        series.c.end_step - series.c.first_step - series.c.pruned > bindparam("least"),
    )
    .order_by(series.c.unique_id)
    .limit(IDS_PER_QUERY)
)
# Holds rows that nobody holds: who prunes waits for no request.
FREE_SPANS = (
    select(series)
    .where(series.c.pk.in_(bindparam("pks", expanding=True)))
    .with_for_update(skip_locked=True)
)
FORGET_BEFORE = [
    delete(table).where(
        table.c.series_pk == bindparam("pk"), table.c.step < bindparam("cut")
    )
    for table in (observations, covariates)
] + [delete(milestones).where(milestones.c.series_pk == bindparam("pk"))]
PRUNE_SERIES = (
    update(series)
    .where(series.c.pk == bindparam("moved"))
    .values(pruned=bindparam("cut") - series.c.first_step)
)
EXOG_IN_ORDER = EXOG.order_by(covariates.c.step)
NAMES = select(series.c.name).distinct()
IDLE_STATES = (  # that nobody goes on from: gone, useless, or behind without a role
    select(states.c.series_pk, states.c.version, states.c.end_step, states.c.revision)
    .join_from(states, series, states.c.series_pk == series.c.pk)
    .where(
        series.c.name == bindparam("of"),
        tuple_(states.c.series_pk, states.c.version)
        > tuple_(bindparam("after_pk"), bindparam("after_version")),
        or_(
            states.c.version.not_in(bindparam("versions", expanding=True)),
            states.c.revision != series.c.revision,
            states.c.end_step > series.c.end_step,
            states.c.end_step < series.c.first_step + series.c.pruned,
            and_(
                states.c.end_step < series.c.end_step,
                states.c.version.not_in(bindparam("aliased", expanding=True)),
            ),
        ),
    )
    .order_by(states.c.series_pk, states.c.version)
    .limit(IDS_PER_QUERY)
)
_IDLE = (  # of versions without a role: nobody corrects history with them
    select(milestones.c.series_pk, milestones.c.version, milestones.c.end_step)
    .join_from(milestones, series, milestones.c.series_pk == series.c.pk)
    .where(
        series.c.name == bindparam("of"),
        milestones.c.version.not_in(bindparam("aliased", expanding=True)),
    )
    .limit(IDS_PER_QUERY)
)
FORGET_IDLE_MILESTONES = delete(milestones).where(
    tuple_(*(milestones.c[column.name] for column in _IDLE.selected_columns)).in_(_IDLE)
)
FORGET_STATE = delete(states).where(
    states.c.series_pk == bindparam("pk"),
    states.c.version == bindparam("of"),
    states.c.end_step == bindparam("seen"),
    states.c.revision == bindparam("as_of"),
)
_of_version = and_(
    states.c.series_pk == series.c.pk, states.c.version == bindparam("version")
)
_WITH_STATES = select(
    series,
    states.c.revision.label("state_revision"),
    states.c.end_step.label("state_end"),
    states.c.format,
    states.c.crc32,
    states.c.state,
).outerjoin_from(series, states, _of_version)
_OF_OWNER = and_(
    series.c.name == bindparam("name"),
    series.c.frequency == bindparam("frequency"),
    series.c.pk > bindparam("after"),
)
STATES_IN_ORDER = (
    _WITH_STATES.where(_OF_OWNER).order_by(series.c.pk).limit(bindparam("most"))
)
IDS_BEHIND = (  # as far as can be told without looking at a state
    select(series.c.unique_id)
    .select_from(series)
    .outerjoin(states, _of_version)
    .where(
        _OF_OWNER,
        or_(
            states.c.series_pk.is_(None),
            states.c.revision != series.c.revision,
            states.c.end_step != series.c.end_step,
        ),
    )
)
COUNT_BEHIND = select(func.count()).select_from(IDS_BEHIND.subquery())
# Of series that nobody else writes now: who brings states forward waits for no request.
FREE_STATES = (
    _WITH_STATES.where(series.c.pk.in_(bindparam("pks", expanding=True)))
    .order_by(series.c.pk)
    .with_for_update(skip_locked=True, of=series)
)
MANY_APPENDS = (
    select(appends.c.series_pk)
    .group_by(appends.c.series_pk)
    .having(func.count() > KEYS_PER_SERIES)
)
