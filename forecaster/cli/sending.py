"""A panel sent to a service, part by part, and the forecasts that come back.

A part is some series, or a stretch of one that is too long. A series that the service
refuses is listed and leaves the others alone.
Letters: `N` series, `T` values of all series together, `H` horizon.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from forecaster.cli.remote import Refused, Service, ServiceFailed
from forecaster.errors import ForecasterError
from forecaster.panel import Panel
from forecaster.prediction import Forecasts, interval_probabilities

MOST_SERIES, MOST_ROWS = 1_000, 50_000  # of one request, far below a service's limits


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of a service for all series alike."""

    name: str
    horizon: int
    levels: tuple[float, ...]
    on_conflict: str
    stateless: bool

    def in_url(self) -> dict[str, object]:
        """As the service reads them."""
        return {
            "name": self.name,
            "h": self.horizon,
            "level": ",".join(f"{level:g}" for level in sorted(set(self.levels))),
            "on_conflict": self.on_conflict,
            "stateless": "true" if self.stateless else None,
        }


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back.

    forecasts: of the series that were answered.
    errors: the series that were refused, as the service says.
    missing: the ids of series that were not answered, as the service failed.
    failure: how, where there are such.
    """

    forecasts: Forecasts
    errors: list[dict[str, Any]]
    missing: tuple[str, ...] = ()
    failure: str | None = None


def forecast_by(
    service: Service,
    panel: Panel,
    wishes: Wishes,
    tell: Callable[[dict[str, Any]], None],
) -> Returned:
    """What a service forecasts after the end of each series, with a progress bar.

    Args:
        service: to be asked.
        panel: `N` series.
        wishes: what is asked for all of them.
        tell: is told each series that is refused, as soon as it is.

    Where the service fails in the middle, what it answered until then is returned.

    Raises:
        Refused: the service refuses such requests altogether.
        ServiceFailed: it does not answer, or no series could be forecast.
    """
    answers: list[Any] = []
    errors: list[dict[str, Any]] = []
    failure: ForecasterError | None = None
    try:
        for one in _sent(service, panel, wishes, answers, errors):
            tell(one)
    except (Refused, ServiceFailed) as error:
        failure = error
    if not answers:
        raise failure or _all_refused(panel, errors)
    forecasts = _together(answers, wishes)
    if failure is None:
        return Returned(forecasts, errors)
    told = {*forecasts.ids, *(one.get("unique_id") for one in errors)}
    missing = tuple(one for one in panel.ids if one not in told)
    return Returned(forecasts, errors, missing, str(failure))


def _sent(
    service: Service,
    panel: Panel,
    wishes: Wishes,
    answers: list[Any],
    errors: list[dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Send part by part, under a progress bar; gives each series that is refused."""
    from tqdm import tqdm  # only where something takes long enough to watch

    with tqdm(
        total=len(panel), unit=" series", desc="sending", leave=False, disable=None
    ) as bar:
        for part in _parts(panel, wishes.horizon):
            known = len(errors)
            _send(service, panel, part, wishes, answers, errors)
            yield from errors[known:]
            bar.update(len(part))


def _all_refused(panel: Panel, errors: list[dict[str, Any]]) -> ServiceFailed:
    first = errors[0]
    return ServiceFailed(
        f"none of {len(panel)} series was forecast; the first, "
        f"{first['unique_id']!r}: {first['detail']}"
    )


def _parts(panel: Panel, horizon: int) -> Iterator[list[int]]:
    """Numbers of the series that go together; one that is too long goes alone."""
    part: list[int] = []
    rows = 0
    for index, length in enumerate(
        (panel.lengths + _known_ahead(panel, horizon)).tolist()
    ):
        if part and (rows + length > MOST_ROWS or len(part) == MOST_SERIES):
            yield part
            part, rows = [], 0
        part.append(index)
        rows += length
    if part:
        yield part


def _send(
    service: Service,
    panel: Panel,
    part: list[int],
    wishes: Wishes,
    answers: list[Any],
    errors: list[dict[str, Any]],
) -> None:
    """Send some series; where all are refused but not all are named, send fewer."""
    table = as_table(panel.take(part), wishes.horizon)
    try:
        longest = int(panel.lengths[part].max())
        answer = _read(_asked(service, table, longest, wishes))
    except Refused as refusal:
        found = _named(refusal.errors, panel, part)
        named = {one["unique_id"]: one for one in found if "unique_id" in one}
        if not named:
            raise
        if len(named) < len(part):
            half = len(part) // 2
            _send(service, panel, part[:half], wishes, answers, errors)
            _send(service, panel, part[half:], wishes, answers, errors)
            return
        errors += named.values()
        return
    answers.append(answer)
    answered = [one["unique_id"] for one in answer.about["series"]]
    errors += _named(answer.about["errors"], panel, part, answered)


def _named(
    errors: list[dict[str, Any]],
    panel: Panel,
    part: list[int],
    answered: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The errors with the ids they are about: one that is too long is not told back."""
    told = {*answered, *(one.get("unique_id") for one in errors)}
    rest = iter([panel.ids[i] for i in part if panel.ids[i] not in told])
    return [
        {"unique_id": next(rest, None), **one}
        if one.get("loc") == "unique_id" and "unique_id" not in one
        else one
        for one in errors
    ]


def _asked(service: Service, table: Any, longest: int, wishes: Wishes) -> bytes:
    """The answer to a table; what is too long for one request is observed before.

    Only a table of one series is: of its values (``longest``) some stay for the last
    request, for what is known ahead must follow one.
    """
    begin = 0
    while not wishes.stateless and longest - begin > MOST_ROWS:
        service.post("/observe", _stream(table.slice(begin, MOST_ROWS)), _how(wishes))
        begin += MOST_ROWS
    return service.post("/predict", _stream(table.slice(begin)), wishes.in_url())


def _how(wishes: Wishes) -> dict[str, object]:
    return {"name": wishes.name, "on_conflict": wishes.on_conflict}


def as_table(panel: Panel, horizon: int) -> Any:
    """A long table of a panel as the service reads it, with what is known ahead behind."""
    known = _known_ahead(panel, horizon)
    rows = panel.lengths + known
    offsets = np.cumsum(rows) - rows
    steps = np.arange(rows.sum()) - np.repeat(offsets, rows)
    observed = steps < np.repeat(panel.lengths, rows)
    series = np.repeat(np.arange(len(panel)), rows).astype(np.int32)
    y = np.full(len(steps), np.nan)
    y[observed] = panel.values
    names = pa.array(list(panel.ids), pa.string())
    columns = {
        "unique_id": pa.DictionaryArray.from_arrays(pa.array(series), names),
        "ds": pa.array(panel.frequency.times(panel.starts[series], steps)),
        "y": pa.array(y, from_pandas=True),
        **_exog_columns(panel, known, observed, series),
    }
    return pa.table(columns)


def _known_ahead(panel: Panel, horizon: int) -> NDArray[np.int64]:
    """How many steps behind the last something is known of each series [N]."""
    if not panel.exog.columns.futr:
        return np.zeros(len(panel), np.int64)
    known = (~np.isnan(panel.exog.ahead[:, :horizon])).any(axis=2)
    steps = np.arange(1, known.shape[1] + 1)
    return np.asarray((known * steps).max(axis=1, initial=0))


def _exog_columns(
    panel: Panel,
    known: NDArray[np.int64],
    observed: NDArray[np.bool_],
    series: NDArray[np.int32],
) -> dict[str, Any]:
    """Columns of covariates: of the points, and of what is known ahead behind them."""
    exog, columns = panel.exog, {}
    ahead = np.arange(exog.ahead.shape[1]) < known[:, None]
    for place, name in enumerate((*exog.columns.futr, *exog.columns.hist)):
        values = np.full(len(observed), np.nan)
        values[observed] = exog.steps[:, place]
        if place < len(exog.columns.futr):
            values[~observed] = exog.ahead[:, :, place][ahead]
        columns[name] = pa.array(values, from_pandas=True)
    for name, constants in zip(exog.columns.stat, exog.stat, strict=True):
        columns[name] = pa.array(constants[series], from_pandas=True)
    return columns


def _stream(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


@dataclass(frozen=True, slots=True)
class _Answer:
    table: Any
    about: dict[str, Any]


def _read(data: bytes) -> _Answer:
    try:
        table = pyarrow.ipc.open_stream(data).read_all()
        return _Answer(table, json.loads(table.schema.metadata[b"forecaster"]))
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise ServiceFailed(
            "the answer is no Arrow stream of this service. Is it of the same release?"
        ) from error


def _together(answers: Sequence[_Answer], wishes: Wishes) -> Forecasts:
    table = pa.concat_tables([answer.table for answer in answers])
    ids = [one["unique_id"] for answer in answers for one in answer.about["series"]]

    def column(name: str) -> NDArray[Any]:
        return np.asarray(table[name].to_numpy()).reshape(len(ids), wishes.horizon)

    return Forecasts(
        tuple(ids),
        column("ds"),
        column("median"),
        {key: column(key) for key in interval_probabilities(wishes.levels)},
    )
