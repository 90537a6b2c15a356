"""What goes into the engine and what comes out of it, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.carrying import Forecast, Live, Wanted
from service.errors import Refusal
from service.placing import Points
from service.planning import OnConflict
from service.records import Floats, Listed
from service.work import Result


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: points of some series; forecasts back unless ``wanted`` is None.

    ``refused`` are the series whose part of the request could not be understood; ``key``
    tells the retries of a request, for values that came without times; ``live`` is the model
    that the points were read for, where they had to be.
    """

    series: tuple[Points, ...]
    refused: tuple[Refusal, ...] = ()
    name: str | None = None
    on_conflict: OnConflict = "error"
    stateless: bool = False
    wanted: Wanted | None = None
    key: str | None = None
    live: Live | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of each series, and which version of the model did it.

    ``others`` are the versions of those series that another one answered for, by their ids.
    """

    name: str
    version: str
    results: tuple[Result, ...]
    refusals: tuple[Refusal, ...]
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Portrait:
    """What is carried of one series."""

    listed: Listed
    times: Any  # [N] of the recent values
    values: Floats  # [N], NaN = missing
    version: str | None  # of the model that forecasts, when there is one
    forecast: Forecast | None


def forecast_only(unique_id: str, name: str | None, wanted: Wanted) -> Ask:
    """Return the request for a forecast of what is carried."""
    return Ask((Points(unique_id, None, np.empty(0)),), name=name, wanted=wanted)
