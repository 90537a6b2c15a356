"""Laws of when schedules run, whatever clocks do and however long nobody looks."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from service.schedules.due import AHEAD_S, begun, decide, jitter, next_due, next_runs
from service.schedules.values import Schedule, Sight, Standing, When

HOUR_S, DAY_S = 3600, 86_400
BEGIN = 1_760_000_000  # two weeks before clocks change in Berlin
CRONS = ["0 * * * *", "30 2 * * *", "*/5 * * * *", "0 0 * * 0", "15 2,3 * * *"]
schedules = st.builds(
    lambda cron, jitter_s: Schedule(
        "n", "retrain", "m", {}, When(cron, "Europe/Berlin", jitter_s=jitter_s)
    ),
    st.sampled_from(CRONS),
    st.sampled_from([0, 0, 1, 59, HOUR_S]),
)
# Seconds from one look to the next: of a worker that runs, of one that slept for weeks.
pauses = st.lists(
    st.integers(1, 600) | st.integers(1, 3 * DAY_S) | st.just(21 * DAY_S),
    min_size=1,
    max_size=40,
)


def looked(
    schedule: Schedule, sights: Iterable[Sight]
) -> tuple[list[tuple[int, int | None]], Standing]:
    """Return when jobs were made with the due they were made for, and how it stands."""
    seen = iter(sights)
    standing, runs = begun(schedule, next(seen)), []
    for sight in seen:
        due = standing.due
        reason, standing = decide(schedule, standing, sight)
        if reason is not None:
            runs.append((sight.now, due))
    return runs, standing


def first_due(schedule: Schedule, after: int) -> int:
    """Return the next time by the clock; there always is one."""
    due = next_due(schedule, after)
    assert due is not None
    return due


@settings(deadline=None)
@given(schedules, pauses)
def test_made_up_for_once(schedule: Schedule, pauses: list[int]) -> None:
    """A look makes one job if a time passed since the last one, however many did."""
    schedule = replace(schedule, when=replace(schedule.when, jitter_s=0))
    moments = [BEGIN]
    for pause in pauses:
        moments.append(moments[-1] + pause)
    runs, _ = looked(schedule, [Sight(moment) for moment in moments])
    assert [now for now, _ in runs] == [
        now for before, now in pairwise(moments) if first_due(schedule, before) <= now
    ]


@settings(deadline=None)
@given(schedules, pauses, st.data())
def test_one_job_at_a_time(
    schedule: Schedule, pauses: list[int], data: st.DataObject
) -> None:
    """While a job is not finished none is made; then one, if a time passed meanwhile."""
    now, last, standing = BEGIN, BEGIN, begun(schedule, Sight(BEGIN))
    for pause in pauses:
        now += pause
        is_busy = data.draw(st.booleans())
        reason, standing = decide(schedule, standing, Sight(now, is_busy=is_busy))
        if is_busy:
            assert reason is None
        elif first_due(schedule, last) <= now - schedule.when.jitter_s:
            assert reason is not None
        if reason is not None:
            last = now


@settings(deadline=None)
@given(schedules, st.lists(st.integers(-HOUR_S, 2 * HOUR_S), max_size=60))
def test_small_steps_of_the_clock(schedule: Schedule, steps: list[int]) -> None:
    """A clock that is set back by less than an hour makes no time run twice."""
    highest, moments = BEGIN, [BEGIN]
    for step in steps:
        moments.append(max(moments[-1] + step, highest - AHEAD_S))
        highest = max(highest, moments[-1])
    runs, _ = looked(schedule, [Sight(moment) for moment in moments])
    dues = [due for _, due in runs]
    assert dues == sorted(set(dues))
    for now, due in runs:
        assert due is not None
        assert due + jitter(schedule, due) <= now


@settings(deadline=None)
@given(schedules, st.integers(2 * HOUR_S, 400 * DAY_S))
def test_a_clock_that_was_far_ahead(schedule: Schedule, ahead: int) -> None:
    """Once a clock that was ahead is right again, the next time by it is not missed."""
    right = BEGIN + 7 * DAY_S
    standing = begun(schedule, Sight(BEGIN))
    for now in (right + ahead, right, due := first_due(schedule, right)):
        reason, standing = decide(schedule, standing, Sight(now))
        assert standing.since <= now
    assert reason is not None or jitter(schedule, due) > 0
    assert standing.due is not None
    late = max(standing.due + jitter(schedule, standing.due), now)
    assert reason or decide(schedule, standing, Sight(late))[0]


@given(schedules, st.integers(0, 2**31))
def test_jitter(schedule: Schedule, due: int) -> None:
    """Jitter is at least nothing and at most what was said, and always the same."""
    drawn = jitter(schedule, due)
    assert 0 <= drawn <= schedule.when.jitter_s
    assert drawn == jitter(schedule, due)


def test_jitter_spreads() -> None:
    """Schedules of one time and different names begin at different times."""
    when = When("0 0 * * *", jitter_s=HOUR_S)
    named = [Schedule(f"n{one}", "retrain", "m", {}, when) for one in range(50)]
    assert len({jitter(one, BEGIN) for one in named}) > 40


@given(st.lists(st.integers(-50, 100), max_size=40), st.integers(1, 300))
def test_points(changes: list[int], every: int) -> None:
    """So many new points make one job, counted from the last; deleted ones do not count."""
    schedule = Schedule("n", "retrain", "m", {}, When(every_points=every))
    standing = begun(schedule, Sight(BEGIN, 1000))
    points = base = 1000
    for place, change in enumerate(changes, start=1):
        points = max(0, points + change)
        base = min(base, points)
        reason, standing = decide(schedule, standing, Sight(BEGIN + place, points))
        assert (reason is not None) == (points - base >= every)
        if reason is not None:
            base = points


def test_drift_is_answered_once() -> None:
    """One drift makes one job; one that was found before the schedule was made, none."""
    schedule = Schedule("n", "retrain", "m", {}, When(on_drift=True))
    drifts = [None, BEGIN - 5, BEGIN - 5, BEGIN + 15, BEGIN + 15, BEGIN + 41]
    sights = [
        Sight(BEGIN + 10 * place, drifted_at=at) for place, at in enumerate(drifts)
    ]
    runs, _ = looked(schedule, sights)
    assert [now for now, _ in runs] == [BEGIN + 30, BEGIN + 50]


@settings(deadline=None)
@given(schedules, pauses)
def test_what_is_told_comes_true(schedule: Schedule, pauses: list[int]) -> None:
    """The next runs that are told are those that a worker without pause makes."""
    _, standing = looked(schedule, [Sight(BEGIN), Sight(BEGIN + sum(pauses))])
    told = next_runs(schedule, standing, standing.since)
    after = standing.since
    for run in told:
        after = first_due(schedule, after)
        assert run == after + jitter(schedule, after)
        reason, standing = decide(schedule, standing, Sight(max(run, standing.since)))
        assert reason is not None
        after = max(after, standing.since)
