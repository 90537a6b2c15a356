"""Answers: from values to JSON. `answers.py` documents what is written here."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from forecaster.frequency import Frequency
from service.carrying import Forecast, Wanted, share_of
from service.exchange import Answer, Portrait
from service.grids import format_step, frequency_of, starts_of
from service.parameters import write_cursor
from service.problems import refusal
from service.records import Listed, Steps
from service.work import Result

LATEST = np.datetime64("9999-01-01", "us")  # orjson writes no later times


def to_json(value: object) -> bytes:
    """Return JSON; a number that is not finite becomes null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def predicted(answer: Answer, wanted: Wanted) -> dict[str, Any]:
    """Return the answer to POST /predict."""
    return _answered(
        answer,
        "forecasts",
        [
            {"unique_id": result.unique_id, **_shown(result, wanted), **rest}
            for result, rest in zip(answer.results, _became(answer), strict=True)
        ],
    )


def observed(answer: Answer, scores: bool = True) -> dict[str, Any]:
    """Return the answer to POST /observe, with or without anomaly scores."""
    became = zip(answer.results, _became(answer, scores), strict=True)
    series = [{"unique_id": result.unique_id, **rest} for result, rest in became]
    return _answered(answer, "series", series)


def forecast(result: Result, wanted: Wanted) -> dict[str, Any]:
    """Return the forecast of one series with its state."""
    state = _state(result, result.last_time)
    return {"unique_id": result.unique_id, **_shown(result, wanted), "state": state}


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


def _became(answer: Answer, scores: bool = True) -> Iterator[dict[str, Any]]:
    """Give what became of each series; times are counted for all of them at once."""
    results = answer.results
    ends = [np.array([result.span.end - 1]) for result in results]
    applied = applied_times(results) if scores else [None] * len(results)
    for result, last, times in zip(
        results, _times(results, ends), applied, strict=True
    ):
        frequency = frequency_of(result.job.grid.frequency)
        other = answer.others.get(result.unique_id)
        version = {} if other is None else {"version": other}
        state = {**version, "state": _state(result, _written(last, frequency)[0])}
        if times is None:
            yield state
        else:
            ds = _written(times, frequency)
            yield {**state, "anomaly": {"ds": ds, "score": result.scores}}


def applied_times(results: Sequence[Result]) -> list[NDArray[Any]]:
    """Return for each series the times of the points that were applied."""
    return _times(results, [result.job.plan.steps for result in results])


def _times(results: Sequence[Result], steps: Sequence[Steps]) -> list[NDArray[Any]]:
    """Return the times of steps of each series: of one frequency, for one model."""
    if not results:
        return []
    counts = [len(one) for one in steps]
    frequency = frequency_of(results[0].job.grid.frequency)
    starts = starts_of([result.job.grid for result in results])
    times = frequency.times(np.repeat(starts, counts), np.concatenate(steps))
    ends = np.cumsum(counts).tolist()
    return [times[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _written(times: NDArray[Any], frequency: Frequency) -> Any:
    """Return times as `to_json` takes them: an array, but for years it cannot write.

    >>> _written(np.array(["9999-12-31"], "M8[us]"), Frequency("D"))
    ['9999-12-31T00:00:00']
    """
    if frequency.is_integer or (times < LATEST).all():
        return times
    return frequency.format(times)


def _state(result: Result, last_time: Any) -> dict[str, Any]:
    return {
        "seq": result.span.length,
        "last_ds": last_time,
        "applied": result.counts.applied,
        "duplicates": result.counts.duplicates,
        "ignored": result.counts.ignored,
    }


def _shown(result: Result, wanted: Wanted) -> dict[str, Any]:
    if result.forecast is None:
        return {}
    return _forecast(result.job.grid.frequency, result.forecast, wanted)


def _forecast(frequency: str, given: Forecast, wanted: Wanted) -> dict[str, Any]:
    values = dict(zip(given.levels, given.values, strict=True))
    intervals: dict[str, Any] = {}
    for level in wanted.levels:
        low, high = share_of(level)
        intervals |= {f"lo-{level:g}": values[low], f"hi-{level:g}": values[high]}
    asked = wanted.quantiles or given.levels
    return {
        "ds": _written(given.times, frequency_of(frequency)),
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
        "kept_ds": format_step(one.grid, one.span.kept),
    }
