"""What is sent and answered about schedules, as /openapi.json says it."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from service.errors import Unacceptable
from service.jobs.documents import DAY_S, JobBody
from service.parameters import LARGEST_INTEGER, NO_NUL, JobState
from service.schedules.cron import FIELDS, read_cron, read_zone
from service.schedules.values import Schedule, When

OF_WHEN = {*When.__slots__}

Text = Annotated[str, Field(max_length=256, pattern=NO_NUL)]


class ScheduleBody(JobBody):
    """A job, and when it is to be done: by `cron`, `every_points`, `on_drift` or several.

    `name` is the model.
    """

    cron: Text | None = Field(
        default=None,
        description=f"'{FIELDS}', or @hourly, @daily, @weekly, @monthly, @yearly: when "
        "a clock on the wall of `timezone` shows such a time.",
        json_schema_extra={"example": "30 2 * * *"},
    )
    timezone: Text = Field(
        default="UTC",
        description="Of the IANA database, such as Europe/Berlin.",
        json_schema_extra={"example": "Europe/Berlin"},
    )
    every_points: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None = Field(
        default=None,
        description="After so many new points of all series of the model together.",
    )
    on_drift: bool = Field(
        default=False,
        description="Once the errors of the model's forecasts have drifted, as jobs of "
        "kind watch find.",
    )
    jitter_s: Annotated[int, Field(ge=0, le=DAY_S)] = Field(
        default=0,
        description="Up to so many seconds later than `cron` says: how many is drawn "
        "anew for each run.",
    )

    def when(self) -> When:
        """Return when it is to be done.

        Raises:
            Unacceptable: a field of `cron` or the zone is wrong, or it would never be.
        """
        given = self.model_dump(include=OF_WHEN)
        if self.cron is None and self.every_points is None and not self.on_drift:
            raise Unacceptable(
                "expected 'cron', 'every_points' or 'on_drift', or several; none came",
                "cron",
            )
        if self.cron is not None:
            given["cron"] = read_cron(self.cron)
        return When(**given | {"timezone": read_zone(self.timezone).key})

    def to_schedule(self, name: str, model: str) -> Schedule:
        """Return the schedule that the body asks for.

        Raises:
            Unacceptable: see `when`.
        """
        return Schedule(name, self.kind, model, self.spec(), self.when())


class LastJob(BaseModel):
    """The last job that a schedule made."""

    id: str
    reason: str | None = Field(description="Why it was made.")
    state: JobState | None = Field(description="null once it is forgotten.")
    created_at: str | None
    finished_at: str | None


class ScheduleEntry(BaseModel):
    """One schedule, and how far it has come."""

    name: str = Field(description="Of the schedule.")
    kind: str
    model: str
    spec: dict[str, Any] = Field(description="What else is asked of the job.")
    cron: str | None
    timezone: str
    every_points: int | None
    on_drift: bool
    jitter_s: int
    next_runs: list[str] = Field(
        description="The next three by the clock, jitter included, in `timezone`."
    )
    new_points: int | None = Field(
        description="Since it last ran; null where nobody counts them."
    )
    last_job: LastJob | None


class ScheduleList(BaseModel):
    """All schedules, by name."""

    schedules: list[ScheduleEntry]
