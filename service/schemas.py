"""Requests: from JSON and query strings to values that cannot be wrong.

The bytes of a body are read here and nowhere else. Each series of it is checked by
itself, so that a bad one leaves the others alone.
"""

import codecs
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from service.complaints import complaint
from service.errors import Malformed, Refusal, Unacceptable
from service.exchange import Ask
from service.exog import Given
from service.parameters import (
    LARGEST_INTEGER,
    NO_NUL,
    AskQuery,
    Name,
    Wishes,
)
from service.placing import Points

LARGEST = 1e30  # of a value; leaves a float32 room for differences and sums
MAX_ID = 256

Value = Annotated[FiniteFloat, Field(ge=-LARGEST, le=LARGEST)]
Step = Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
Time = Annotated[str, Field(max_length=64)] | Step
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=NO_NUL)]
Covariate = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Text = Annotated[str, Field(max_length=MAX_ID)]
Version = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
Body = TypeVar("Body", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class SeriesBody(_Strict):
    """New points of one series; none, to forecast from what is carried."""

    unique_id: Id | Step = Field(description="Name of the series.")
    ds: list[Time] | None = Field(
        default=None,
        fail_fast=True,
        description="ISO-8601 times, or whole numbers for a model of integer steps. "
        "Left out: the values are the next steps of the series.",
    )
    y: list[Value | None] = Field(
        default=[], fail_fast=True, description="Values; null is a missing value."
    )
    hist_exog: dict[Covariate, list[Value | None]] | None = Field(
        default=None,
        description="Covariates known up to now, by name: a value for each point.",
    )
    futr_exog: dict[Covariate, list[Value | None]] | None = Field(
        default=None,
        description="Covariates known ahead, by name: a value for each point, followed "
        "by those of the steps ahead, as many as are known.",
    )
    stat_exog: dict[Covariate, Value | Text | None] | None = Field(
        default=None,
        description="Covariates that are constant for the series, by name: numbers or "
        "texts. They are remembered with the points they come with.",
    )

    @model_validator(mode="after")
    def _times_match_values(self) -> Self:
        if self.ds is not None and len(self.ds) != len(self.y):
            raise ValueError(
                f"'ds' has {len(self.ds)} times and 'y' {len(self.y)} values; "
                "send one value for each time, null where it is missing"
            )
        return self

    def to_points(self) -> Points:
        """Return the points with missing values as NaN."""
        return Points(
            str(self.unique_id),
            None if self.ds is None else tuple(self.ds),
            np.array(self.y, dtype=np.float64),  # None becomes NaN
            Given(self.futr_exog or {}, self.hist_exog or {}, self.stat_exog or {}),
        )


class _Options(Wishes, _Strict):
    """All of a body but its series."""

    name: Name | None = Field(
        default=None, description="The model; may be left out when there is one."
    )
    stateless: bool = Field(
        default=False, description="Use these points alone and store nothing."
    )
    on_conflict: Literal["error", "ignore", "revise"] = Field(
        default="error",
        description="What to do with a time that is carried with another value: refuse "
        "the series, keep the old value, or correct the history and replay it.",
    )


class PredictBody(_Options):
    """Points of one or several series, and which forecasts to give back."""

    series: SeriesBody | Annotated[list[SeriesBody], Field(min_length=1)]


class PromoteBody(_Strict):
    """Which version is to be the champion."""

    version: Version = Field(
        description="A version, or an alias: challenger, previous."
    )


class CanaryBody(_Strict):
    """Which version is to answer for which share of the series."""

    version: Version = Field(description="A version, or an alias: challenger.")
    share: FiniteFloat = Field(
        gt=0,
        le=1,
        description="Of the series, by a hash of their ids: one that grows only adds series.",
    )


def read_promotion(data: bytes) -> str:
    """Return the version that a body of `PromoteBody` names.

    >>> read_promotion(b'{"version": "challenger"}')
    'challenger'

    Raises:
        Malformed: it is not JSON.
        Unacceptable: it has the wrong shape.
    """
    return validated(PromoteBody, _from_json(data)).version


def read_ask(
    data: bytes,
    forecasts: bool,
    key: str | None = None,
    query: AskQuery | None = None,
) -> Ask:
    """Return the request that a body of `PredictBody` makes.

    Args:
        data: the body.
        forecasts: whether forecasts are wanted back.
        key: the same for a request and its retries.
        query: what stands in the URL; the body goes before.

    >>> read_ask(b'{"series": {"unique_id": "a", "y": [1, null]}}', False).series[0]
    Points(unique_id='a', times=None, values=array([ 1., nan]), given=...)

    Raises:
        Malformed: it is not JSON.
        Unacceptable: the request as a whole has the wrong shape.
    """
    body = _from_json(data)
    if not isinstance(body, dict):
        raise Unacceptable('expected an object, such as {"series": [...]}')
    if "series" not in body:
        raise Unacceptable("is needed, but absent", "series")
    given = body.pop("series")
    entries = given if isinstance(given, list) else [given]
    if not entries:
        raise Unacceptable("expected at least one series", "series")
    in_url = {} if query is None else query.model_dump(exclude_unset=True)
    options = validated(_Options, {**in_url, **body}, PredictBody)
    series, refused = [], []
    for index, entry in enumerate(entries):
        place = f"series[{index}]" if isinstance(given, list) else "series"
        try:
            series.append(validated(SeriesBody, entry, within=place).to_points())
        except Unacceptable as error:
            refused.append(Refusal(_id_of(entry), error))
    return Ask(
        tuple(series),
        tuple(refused),
        options.name,
        options.on_conflict,
        options.stateless,
        options.wanted if forecasts else None,
        key,
    )


def read_body(model: type[Body], data: bytes) -> Body:
    """Return a body of JSON as the model.

    Raises:
        Malformed: it is not JSON.
        Unacceptable: it has the wrong shape or a value of no use.
    """
    return validated(model, _from_json(data))


def validated(
    model: type[Body],
    given: Any,
    named: type[BaseModel] | None = None,
    within: str = "",
) -> Body:
    """Return ``given`` as the model, or raise Unacceptable with the place in it."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise complaint(error, named or model, within) from None


def _from_json(data: bytes) -> Any:
    try:
        return from_json(data)
    except ValueError as error:
        reason = str(error)  # tells the line and column, and repeats nothing
        if "recursion limit" in reason or "out of range" in reason:
            raise Unacceptable(f"the body is JSON nobody needs: {reason}") from None
        if not data:
            reason = "it is empty"
        elif data.startswith(codecs.BOM_UTF8):
            reason = "it begins with a byte order mark; leave that out"
        raise Malformed(f"expected JSON in UTF-8: {reason}") from None


def _id_of(entry: Any) -> str | None:
    """Return the id of a series that is wrong elsewhere, to tell the caller which."""
    name = entry.get("unique_id") if isinstance(entry, dict) else None
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name) if abs(name) <= LARGEST_INTEGER else None
    return name if isinstance(name, str) and len(name) <= MAX_ID else None
