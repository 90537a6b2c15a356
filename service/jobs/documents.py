"""What is sent and answered about jobs, as /openapi.json says it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from forecaster.config import MOST_SEED
from forecaster.verdict import METRICS, MOST_WINDOWS, Retraining
from service.errors import Unacceptable
from service.jobs.records import WATCH
from service.parameters import JobState, Name

DAY_S = 86_400
OF_RETRAINING = Retraining.__slots__

Metric = Literal["wql", "mase", "smape", "mae", "rmse", "msis-95"]
assert set(Metric.__args__) == set(METRICS)  # type: ignore[attr-defined]


class JobBody(BaseModel):
    """What a job is to do: retrain a model on what the service has seen, or watch it.

    To watch is to score what its champion forecast since its training, and what the other
    versions with an alias would have; of all else that may be said of a job only `name` is
    then of use.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    kind: Literal["retrain", "watch"]
    name: Name | None = Field(
        default=None, description="The model; may be left out when there is one."
    )
    fine_tune: bool = Field(
        default=False,
        description="Begin with the weights of the champion instead of anew.",
    )
    metric: Metric = Field(
        default="wql", description="The measure that decides; lower is better."
    )
    margin: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = Field(
        default=0.01,
        description="By what share the challenger must be better; 0.01 is 1 %.",
    )
    windows: Annotated[int, Field(ge=1, le=MOST_WINDOWS)] | None = Field(
        default=None,
        description="Newest cutoffs at which both forecast; default: as the data allow.",
    )
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] | None = Field(
        default=None,
        description="Of all chance in training; default: that of the champion.",
    )
    max_time_s: Annotated[float, Field(gt=0, le=365 * DAY_S)] | None = Field(
        default=None,
        description="Seconds to train at most; default: that of the champion.",
    )

    def spec(self) -> dict[str, Any]:
        """Return what was asked for, without what was left out.

        Raises:
            Unacceptable: it is nothing that such a job knows.
        """
        asked = self.model_dump(exclude_unset=True, include={*OF_RETRAINING})
        if self.kind == WATCH and asked:
            raise Unacceptable(
                "a job of kind watch takes nothing of the kind; leave it out",
                min(asked),
            )
        return asked


class Job(BaseModel):
    """One job."""

    id: str = Field(description="Sorts by creation.")
    kind: str
    name: str = Field(description="The model.")
    spec: dict[str, Any] = Field(description="What was asked for beside.")
    origin: str = Field(description="Who asked: http, cli or schedule:NAME.")
    state: JobState
    progress: float = Field(description="How far it has come, 0 to 1.")
    message: str = Field(description="The last it said.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    cancel_requested: bool
    worker: str | None = Field(description="Who took it up last.")
    attempt: int = Field(description="How often it was taken up.")
    result: dict[str, Any] | None = Field(
        description="The verdict: version, champion, promote, reason, scores, report; "
        "promoted, and the champion before. Of a watch: version, days that were scored, "
        "drifted; shadows (days by version), left_out (why), forecasts (a file)."
    )
    error: str | None = Field(description="Why it failed.")


class JobList(BaseModel):
    """A page of the list of jobs, newest first."""

    jobs: list[Job]
    next_cursor: str | None


class JobLine(BaseModel):
    """What a job said, and when."""

    number: int
    at: str
    text: str


class JobDetail(Job):
    """One job, and the newest of what it said."""

    lines: list[JobLine]
