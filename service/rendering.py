"""Answers: from values to JSON. `answers.py` documents what is written here."""

from collections.abc import Sequence
from typing import Any

import orjson

from service.carrying import Forecast, Wanted, share_of
from service.exchange import Answer, Portrait
from service.parameters import write_cursor
from service.planning import format_step, frequency_of
from service.problems import refusal
from service.records import Listed
from service.work import Result


def to_json(value: object) -> bytes:
    """Return JSON; a number that is not finite becomes null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def predicted(answer: Answer, wanted: Wanted) -> dict[str, Any]:
    """Return the answer to POST /predict."""
    return _answered(
        answer,
        "forecasts",
        [
            {**forecast(result, wanted), "anomaly": _anomaly(result)}
            for result in answer.results
        ],
    )


def observed(answer: Answer) -> dict[str, Any]:
    """Return the answer to POST /observe."""
    series = [
        {
            "unique_id": result.unique_id,
            "state": _state(result),
            "anomaly": _anomaly(result),
        }
        for result in answer.results
    ]
    return _answered(answer, "series", series)


def forecast(result: Result, wanted: Wanted) -> dict[str, Any]:
    """Return the forecast of one series with its state."""
    shown = (
        {}
        if result.forecast is None
        else _forecast(result.job.grid.frequency, result.forecast, wanted)
    )
    return {"unique_id": result.unique_id, **shown, "state": _state(result)}


def forecast_of_one(answer: Answer, wanted: Wanted) -> dict[str, Any]:
    """Return the answer to GET /series/{id}/forecast."""
    return {"model": _model(answer), **forecast(answer.results[0], wanted)}


def listed(series: Sequence[Listed], limit: int) -> dict[str, Any]:
    """Return a page of the list of series."""
    full = len(series) == limit
    last = series[-1] if full else None
    return {
        "series": [_listed(one) for one in series],
        "next_cursor": last and write_cursor(last.name, last.unique_id),
    }


def portrayed(portrait: Portrait) -> dict[str, Any]:
    """Return all that is shown of one series."""
    frequency = portrait.listed.grid.frequency
    newest = portrait.forecast
    model = {"name": portrait.listed.name, "version": portrait.version}
    return {
        **_listed(portrait.listed),
        "model": model,
        "recent": {
            "ds": frequency_of(frequency).format(portrait.times),
            "y": portrait.values,
        },
        "recent_forecasts": []
        if newest is None
        else [_forecast(frequency, newest, Wanted())],
    }


def _answered(answer: Answer, key: str, series: list[Any]) -> dict[str, Any]:
    errors = [refusal(one) for one in answer.refusals]
    return {"model": _model(answer), key: series, "errors": errors}


def _model(answer: Answer) -> dict[str, str]:
    return {"name": answer.name, "version": answer.version}


def _state(result: Result) -> dict[str, Any]:
    return {
        "seq": result.span.length,
        "last_ds": result.last_time,
        "applied": result.counts.applied,
        "duplicates": result.counts.duplicates,
        "ignored": result.counts.ignored,
    }


def _anomaly(result: Result) -> dict[str, Any]:
    return {"ds": result.times, "score": result.scores}


def _forecast(frequency: str, given: Forecast, wanted: Wanted) -> dict[str, Any]:
    values = dict(zip(given.levels, given.values, strict=True))
    intervals: dict[str, Any] = {}
    for level in wanted.levels:
        low, high = share_of(level)
        intervals |= {f"lo-{level:g}": values[low], f"hi-{level:g}": values[high]}
    asked = wanted.quantiles or given.levels
    return {
        "ds": frequency_of(frequency).format(given.times),
        "median": values[0.5],
        "intervals": intervals,
        "quantiles": {f"{quantile:g}": values[quantile] for quantile in asked},
    }


def _listed(one: Listed) -> dict[str, Any]:
    return {
        "unique_id": one.unique_id,
        "name": one.name,
        "count": one.span.length,
        "first_ds": format_step(one.grid, one.span.first),
        "last_ds": format_step(one.grid, one.span.end - 1),
    }
