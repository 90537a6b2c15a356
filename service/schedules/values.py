"""What a schedule is, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.jobs.records import Job


@dataclass(frozen=True, slots=True)
class When:
    """What makes a schedule run; each of them does by itself.

    Attributes:
        cron: five fields, as `cron.read_cron` returns them.
        timezone: where the clock of ``cron`` hangs.
        every_points: so many new points of all series of the model together.
        on_drift: whether it runs once the errors of its forecasts have drifted.
        jitter_s: by the clock it runs up to so many seconds late, so that schedules of
            the same time do not all begin at once.
    """

    cron: str | None = None
    timezone: str = "UTC"
    every_points: int | None = None
    on_drift: bool = False
    jitter_s: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which job is to be made again and again, and when.

    Attributes:
        name: of the schedule.
        kind: of the job.
        model: name of the model it is about.
        spec: what else is wished of the job.
        when: what makes it run.
    """

    name: str
    kind: str
    model: str
    spec: Mapping[str, Any]
    when: When


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a schedule has come.

    Attributes:
        due: the next time by its clock, in seconds since 1970, without jitter.
        since: when it last made a job, or was made itself, by the clock of who did that.
        points: of its model, at that time.
    """

    due: int | None
    since: int
    points: int | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What is the case now.

    Attributes:
        now: seconds since 1970.
        points: of the model, all that its series ever took; None where nobody counted.
        drifted_at: when the errors of its forecasts were last found to have drifted.
        is_busy: whether a job of the schedule is not finished.
    """

    now: int
    points: int | None = None
    drifted_at: int | None = None
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule as the store has it.

    Attributes:
        schedule: what it is.
        standing: how far it has come.
        mark: another one after each change.
        job: the last that it made.
        reason: why it made that.
    """

    schedule: Schedule
    standing: Standing
    mark: str
    job: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A schedule, what is the case now, and its last job if that is not forgotten."""

    kept: Kept
    sight: Sight
    job: Job | None
