"""What answers look like, for /openapi.json; `rendering.py` writes them."""

from typing import Any

from pydantic import BaseModel, Field

Time = str | int
VERSION = "Which one answered, told where it is not that of `model`: its canary."


class Model(BaseModel):
    """Which version of a model answered."""

    name: str
    version: str


class State(BaseModel):
    """What is carried of a series after this request."""

    seq: int = Field(description="Steps the state has advanced over, each once.")
    last_ds: Time
    applied: int = Field(description="Points of this request that changed something.")
    duplicates: int = Field(description="Points that were carried already.")
    ignored: int = Field(description="Points left out by on_conflict: ignore.")


class Refused(BaseModel):
    """A series that was refused, or a place that was wrong."""

    unique_id: str | None = None
    status: int
    loc: str | None = None
    detail: str


class Problem(BaseModel):
    """RFC 9457: why a request was refused."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Refused] = []


class Forecast(BaseModel):
    """Forecasts of the steps after the last one carried."""

    ds: list[Time]
    median: list[float]
    intervals: dict[str, list[float]] = Field(description="lo-80, hi-80, …")
    quantiles: dict[str, list[float]] = Field(description="By level, such as 0.1.")


class SeriesForecast(Forecast):
    """Forecasts of one series."""

    unique_id: str
    state: State


class Anomaly(BaseModel):
    """How unusual each point was that this request applied, judged one step ahead."""

    ds: list[Time]
    score: list[float | None] = Field(
        description="1 - p, p the two-sided probability of a value so far out; null "
        "where it is missing or one of the first of its series."
    )


class PredictedSeries(SeriesForecast):
    """What was applied to one series, and its forecasts."""

    version: str | None = Field(default=None, description=VERSION)
    anomaly: Anomaly


class Predicted(BaseModel):
    """The answer to POST /predict."""

    model: Model
    forecasts: list[PredictedSeries]
    errors: list[Refused]


class OneForecast(SeriesForecast):
    """The answer to GET /series/{unique_id}/forecast."""

    model: Model


class SeriesState(BaseModel):
    """What is carried of one series."""

    unique_id: str
    version: str | None = Field(default=None, description=VERSION)
    state: State
    anomaly: Anomaly


class Observed(BaseModel):
    """The answer to POST /observe."""

    model: Model
    series: list[SeriesState]
    errors: list[Refused]


class SeriesLine(BaseModel):
    """One series of the list."""

    unique_id: str
    name: str = Field(description="Of the model it belongs to.")
    count: int = Field(description="Steps carried.")
    first_ds: Time
    last_ds: Time
    kept_ds: Time = Field(description="The first whose value is still kept.")


class SeriesPage(BaseModel):
    """A page of the list of series."""

    series: list[SeriesLine]
    next_cursor: str | None


class Recent(BaseModel):
    """The newest values; null is a missing one."""

    ds: list[Time]
    y: list[float | None]


class ModelOfSeries(BaseModel):
    """The model of a series; version null while none is live."""

    name: str
    version: str | None


class SeriesPortrait(SeriesLine):
    """What is carried of one series."""

    model: ModelOfSeries
    recent: Recent
    recent_forecasts: list[Forecast]


class Canary(BaseModel):
    """A version that answers for a share of the series beside the champion."""

    version: str = Field(description="Empty where that cannot be told.")
    share: float = Field(
        description="Of the series, by a hash of their ids; 0: of none."
    )
    problem: str | None = Field(description="Why the champion answers for all of them.")


class ModelLine(BaseModel):
    """One model and what is served of it."""

    name: str
    live: str | None = Field(description="The version that answers requests.")
    problem: str | None = Field(description="Why the champion is not live.")
    canary: Canary | None = Field(description="What answers for a share of the series.")
    aliases: dict[str, str]
    versions: list[str] = Field(description="Oldest first.")


class ModelList(BaseModel):
    """All models."""

    models: list[ModelLine]


class WatchedDay(BaseModel):
    """How well a version forecast what came since its training, on one day."""

    version: str
    day: str = Field(description="That the forecasts begin with.")
    count: int = Field(description="Forecasts that were scored.")
    scores: dict[str, float | None] = Field(
        description="mase, wql, coverage-80, coverage-95; psi, of the inputs; null where "
        "nothing can be said."
    )
    noticed_at: int | None = Field(
        description="When errors up to this day were found to have drifted, in seconds "
        "since 1970."
    )


class LiveScores(BaseModel):
    """How well a version forecast lately: means over forecasts of some days."""

    first_day: str
    last_day: str
    days: int = Field(description="On which every version with live scores was scored.")
    count: int = Field(description="Forecasts on all of these days.")
    scores: dict[str, float | None] = Field(
        description="mase, wql, coverage-80, coverage-95; null where nothing can be said."
    )


class Standing(BaseModel):
    """A version that has an alias: what its training said of it, and how it does now."""

    version: str
    aliases: list[str]
    problem: str | None = Field(description="Why its manifest cannot be read.")
    trained_until: Time | None = Field(description="The end of what it learned from.")
    validation: dict[str, float] = Field(
        description="Its scores on the held-out end of the training data."
    )
    live: LiveScores | None = Field(
        description="Null until a job of kind watch has scored it on a day that all "
        "others were scored on."
    )


class ModelDetail(ModelLine):
    """One model with the manifest of its live version."""

    manifest: dict[str, Any] | None
    standings: list[Standing] = Field(
        description="Of the versions with an alias, the champion first."
    )
    watched: list[WatchedDay] = Field(
        description="The newest days of its versions that a job of kind watch scored, "
        "newest first."
    )


class Promoted(BaseModel):
    """What came of a promotion or a rollback."""

    name: str
    version: str = Field(description="Champion, and what answers in this process now.")
    previous: str | None = Field(description="What a rollback goes back to.")
    changed: bool = Field(description="Whether it was not champion already.")
    primed: int = Field(description="Series that got a state of this version.")
    left: int = Field(description="Series that get one with their next request.")
    seconds: float = Field(description="Until the version was ready to answer.")


class Health(BaseModel):
    """The service lives, or is ready."""

    status: str


class Ready(Health):
    """Models that are loaded and warm, and what keeps others from it."""

    models: list[Model]
    problems: dict[str, str]


class Version(BaseModel):
    """Which release runs, on which libraries."""

    version: str
    libraries: dict[str, str]


class OnTrial(BaseModel):
    """What came of beginning a canary, or of changing its share."""

    name: str
    version: str = Field(description="The canary.")
    share: float = Field(description="Of the series that it answers for.")
    primed: int = Field(description="Series that got a state of this version.")
    left: int = Field(description="Series that get one with their next request.")
