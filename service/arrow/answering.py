"""An `Answer` → a stream: a long table, and beside it what JSON answers of each series.

What became of a series, and why others were refused, stands as JSON under the key
`forecaster` of the schema's metadata, in the shape of the answer to POST /observe.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from service import rendering
from service.carrying import Wanted, share_of
from service.exchange import Answer
from service.work import Result

METADATA = "forecaster"


def predicted(answer: Answer, wanted: Wanted) -> bytes:
    """Return the stream that answers POST /predict: a row for each step forecast."""
    made = [r.forecast for r in answer.results if r.forecast is not None]
    times = np.concatenate([one.times for one in made])
    values = np.stack([one.values for one in made], axis=1)  # [W, N, H]
    rows = dict(zip(made[0].levels, values, strict=True))
    numbers = {
        name: pa.array(rows[level].ravel())
        for name, level in _columns(wanted, made[0].levels).items()
    }
    ids = _ids(answer.results, [len(one.times) for one in made])
    columns = {"unique_id": ids, "ds": pa.array(times), **numbers}
    return _stream(columns, rendering.observed(answer))


def observed(answer: Answer) -> bytes:
    """Return the stream that answers POST /observe: a row for each point applied."""
    times = rendering.applied_times(answer.results)
    scores = [result.scores for result in answer.results]
    missing = np.isnan(unusual := np.concatenate(scores))
    columns = {
        "unique_id": _ids(answer.results, [len(one) for one in scores]),
        "ds": pa.array(np.concatenate(times)),
        "anomaly": pa.array(unusual, mask=missing),
    }
    return _stream(columns, rendering.observed(answer, scores=False))


def _columns(wanted: Wanted, levels: Sequence[float]) -> dict[str, float]:
    """Return which quantile stands in which column, named as JSON names them."""
    columns = {"median": 0.5}
    for level in wanted.levels:
        low, high = share_of(level)
        columns |= {f"lo-{level:g}": low, f"hi-{level:g}": high}
    asked = wanted.quantiles or ([] if wanted.levels else levels)
    return columns | {f"{quantile:g}": quantile for quantile in asked}


def _ids(results: Sequence[Result], counts: Sequence[int]) -> Any:
    """Return a column of ids, each text laid out once however many rows it has."""
    index: NDArray[np.int32] = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    names = pa.array([result.unique_id for result in results], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(index), names)


def _stream(columns: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    table = pa.table(dict(columns), metadata={METADATA: rendering.to_json(about)})
    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data
