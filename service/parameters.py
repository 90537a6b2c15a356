"""What stands in a URL: the id of a series, and the query string.

A series' id may hold any character. In a path it is percent-encoded, a slash as %2F.
"""

import base64
import binascii
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    model_validator,
)

from service.carrying import Wanted
from service.errors import Unacceptable

MAX_PAGE = 1000
LARGEST_INTEGER = 2**53

NO_NUL = "^[^\\x00]*$"  # which PostgreSQL takes in no text
PLAIN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

Name = Annotated[str, Field(max_length=64, pattern=NO_NUL)]
Horizon = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Level = Annotated[FiniteFloat, Field(gt=0, lt=100)]
Quantile = Annotated[FiniteFloat, Field(gt=0, lt=1)]
Levels = Annotated[list[Level], Field(min_length=1, max_length=50)]
Quantiles = Annotated[list[Quantile], Field(min_length=1, max_length=50)]
JobId = Annotated[str, Field(max_length=64, pattern=NO_NUL)]
JobState = Literal["pending", "running", "succeeded", "failed", "cancelled"]


def _split(given: Any) -> Any:
    """Take 80,95 as well as one parameter for each of them."""
    return [part for text in given for part in text.split(",")]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")  # lax: a query string is all text

    name: Name | None = Field(
        default=None, description="The model; may be left out when there is one."
    )


class NameQuery(_Query):
    """Which model the series belongs to."""


class PageQuery(_Query):
    """Which series to list."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = Field(
        default=100, description="At most so many."
    )
    cursor: str | None = Field(
        default=None, description="`next_cursor` of the page before this one."
    )
    prefix: Annotated[str, Field(max_length=256, pattern=NO_NUL)] = Field(
        default="", description="Only series whose id begins with this."
    )


class Wishes(BaseModel):
    """Which forecasts are wanted, as a URL or a body says it."""

    h: Horizon | None = Field(
        default=None,
        description="Steps to forecast; default: the model's horizon, at most "
        "`max_horizon`.",
    )
    level: Levels | None = Field(
        default=None, description="Central intervals in percent, such as 80."
    )
    quantiles: Quantiles | None = Field(
        default=None, description="Quantile levels; default: those of the model."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        refuse_two_kinds(self.level, self.quantiles)
        return self

    @property
    def wanted(self) -> Wanted:
        """The forecasts asked for."""
        return Wanted(self.h, tuple(self.level or ()), tuple(self.quantiles or ()))


class ForecastQuery(Wishes, _Query):
    """Which forecasts to give."""

    level: Annotated[Levels, BeforeValidator(_split)] | None = Field(
        default=None, description="Central intervals in percent, such as 80,95."
    )
    quantiles: Annotated[Quantiles, BeforeValidator(_split)] | None = Field(
        default=None, description="Quantile levels; default: those of the model."
    )


class AskQuery(ForecastQuery):
    """How a request is taken and what it wants back: the one place with an Arrow body.

    With JSON the same may stand in the body, which goes before.
    """

    stateless: bool = Field(
        default=False, description="Use these points alone and store nothing."
    )
    on_conflict: Literal["error", "ignore", "revise"] = Field(
        default="error",
        description="What to do with a time that is carried with another value.",
    )


class SeriesPath(BaseModel):
    """Which series."""

    unique_id: Annotated[str, BeforeValidator(unquote), Field(pattern=NO_NUL)] = Field(
        description="Name of the series, percent-encoded, a slash as %2F.",
        json_schema_extra={"example": "store-1"},
    )


class ModelPath(BaseModel):
    """Which model."""

    name: str = Field(description="Name of the model.")


class JobsQuery(_Query):
    """Which jobs to list."""

    name: Name | None = Field(default=None, description="Only those of this model.")
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = Field(
        default=100, description="At most so many."
    )
    cursor: JobId | None = Field(
        default=None, description="`next_cursor` of the page before this one."
    )
    state: JobState | None = Field(
        default=None, description="Only those in this state."
    )


class JobPath(BaseModel):
    """Which job."""

    id: JobId = Field(description="Id of the job.")


def _plain(name: str) -> str:
    if re.fullmatch(PLAIN, name) is None:
        raise ValueError("expected up to 64 letters, digits and . _ - in a name")
    return name


class SchedulePath(BaseModel):
    """Which schedule."""

    name: Annotated[str, AfterValidator(_plain)] = Field(
        description="Name of the schedule: up to 64 letters, digits and . _ -",
        json_schema_extra={"pattern": PLAIN, "example": "nightly"},
    )


IN_URLS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        *(NameQuery, PageQuery, ForecastQuery, SeriesPath, ModelPath),
        *(JobsQuery, JobPath, SchedulePath),
    )
}


def refuse_two_kinds(level: object, quantiles: object) -> None:
    """Raise ValueError when both kinds of forecasts are asked for."""
    if level is not None and quantiles is not None:
        raise ValueError("send 'level' or 'quantiles', not both")


def write_cursor(name: str, unique_id: str) -> str:
    """Return the place in the list behind a series.

    >>> read_cursor(write_cursor("demo", "store/1"))
    ('demo', 'store/1')
    """
    return base64.urlsafe_b64encode(orjson.dumps([name, unique_id])).decode()


def read_cursor(cursor: str | None) -> tuple[str, str]:
    """Return the series a cursor stands behind; None stands before all of them."""
    if cursor is None:
        return "", ""
    try:
        name, unique_id = orjson.loads(base64.urlsafe_b64decode(cursor))
        place = str(name), str(unique_id)
        if "\x00" in "".join(place):
            raise ValueError
        return place
    except (binascii.Error, ValueError, TypeError):
        raise Unacceptable(
            "expected the 'next_cursor' of an earlier answer; leave it out to begin",
            "cursor",
        ) from None
