"""Requests of many series, as JSON and as Arrow: made first, then sent and timed."""

import http.client
import io
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

ARROW = "application/vnd.apache.arrow.stream"
CONNECTIONS = 4  # requests under way at a time, so that every worker has one
LIMIT_S = 600


def as_json(ids: Sequence[str], begin: int, count: int) -> bytes:
    """So many points of each series, from a step on."""
    steps = (begin + 1 + np.arange(count)).tolist()
    values = _values(begin, count).tolist()
    series = [{"unique_id": one, "ds": steps, "y": values} for one in ids]
    return json.dumps({"series": series}).encode()


def as_arrow(ids: Sequence[str], begin: int, count: int) -> bytes:
    """The same as a stream."""
    import pyarrow as pa

    steps = begin + 1 + np.arange(count)
    table = pa.table(
        {
            "unique_id": np.repeat(np.array(ids), count),
            "ds": np.tile(steps, len(ids)),
            "y": np.tile(_values(begin, count), len(ids)),
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


Encode = Callable[[Sequence[str], int, int], bytes]
KINDS: dict[str, tuple[Encode, str]] = {
    "JSON": (as_json, "application/json"),
    "Arrow": (as_arrow, ARROW),
}


def send(
    port: int,
    kind: str,
    ids: Sequence[str],
    points: tuple[int, int],
    path: str = "/predict",
) -> float:
    """Send points of many series in a few requests at once; the seconds it took.

    Args:
        port: of the service.
        kind: JSON or Arrow.
        ids: of the series.
        points: where they begin, and how many of each series.
        path: where to.
    """
    encode, content = KINDS[kind]
    parts = np.array_split(np.array(ids), CONNECTIONS)
    bodies = [encode(part.tolist(), *points) for part in parts if len(part)]

    def post(body: bytes) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        headers = {"Content-Type": content, "Accept": content}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        statuses = list(pool.map(post, bodies))
    took = time.perf_counter() - began
    if statuses != [200] * len(bodies):
        raise RuntimeError(f"expected answers of 200, got {statuses}")
    return took


def _values(begin: int, count: int) -> np.ndarray:
    return (100 + 30 * np.sin((begin + np.arange(count)) / 24 * 2 * np.pi)).round(2)
