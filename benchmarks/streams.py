"""Clients that send one new point after the other at a steady rate, and keep every answer.

What was answered is held against an offline replay of the version that it names: so an
answer that mixed two versions, or a state that was carried wrongly, is found.
"""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency import Frequency
from forecaster.streaming import StepModel, step_series

BEGIN = np.datetime64("1900-01-01", "us")
CLIENTS = 16


@dataclass(frozen=True, slots=True)
class Told:
    """One forecast, as it was answered."""

    series: int
    seq: int
    version: str
    quantiles: NDArray[np.float64]  # [Q, H]


@dataclass(slots=True)
class Tally:
    """What came back."""

    told: list[Told] = field(default_factory=list)
    took: list[tuple[float, float]] = field(default_factory=list)  # when, ms
    failures: list[str] = field(default_factory=list)


class Streams:
    """Series of made values, sent by several clients."""

    def __init__(self, port: int, name: str, frequency: Frequency, count: int) -> None:
        """Prepare them.

        Args:
            port: of the service, on this machine.
            name: of the model.
            frequency: of its series.
            count: of series.
        """
        self.port, self.name, self.frequency = port, name, frequency
        self.values = waves(count, 20_000)
        self.sent = [0] * count
        self.tally = Tally()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, steps: int) -> None:
        """Send a history of each series."""
        for series in range(len(self.values)):
            connection = self._connected()
            body = self._body(series, steps)
            status, answer = asked(connection, "/observe", body)
            if status != 200:
                raise AssertionError(f"{status}: {answer}")
            self.sent[series] = steps
            connection.close()

    def start(self, rate: float) -> None:
        """Send so many points a second, from now on."""
        every = CLIENTS / rate
        for number in range(CLIENTS):
            mine = range(number, len(self.values), CLIENTS)
            wait = every * number / CLIENTS
            work = threading.Thread(target=self._send, args=(mine, every, wait))
            work.start()
            self._threads.append(work)

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, mine: Sequence[int], every: float, wait: float) -> None:
        connection = self._connected()
        due, turn = time.monotonic() + wait, 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            series, turn = mine[turn % len(mine)], turn + 1
            began = time.perf_counter()
            try:
                status, answer = asked(connection, "/predict", self._body(series, 1))
            except (OSError, http.client.HTTPException) as error:
                status, answer = 0, repr(error)
                connection.close()
                connection = self._connected()
            took = 1000 * (time.perf_counter() - began)
            due += every
            self._note(series, status, answer, took)
        connection.close()

    def _note(self, series: int, status: int, answer: Any, took: float) -> None:
        if status != 200:  # whether it counted is not known; the next one says it all
            self.tally.failures.append(f"{status}: {answer}")
            return
        self.tally.took.append((time.monotonic(), took))
        (one,) = answer["forecasts"]
        self.sent[series] = one["state"]["seq"]
        numbers = np.array(list(one["quantiles"].values()))
        version = answer["model"]["version"]
        self.tally.told.append(Told(series, one["state"]["seq"], version, numbers))

    def _body(self, series: int, count: int) -> bytes:
        first = self.sent[series]
        times = self.frequency.times(BEGIN, np.arange(first, first + count))
        points = {
            "unique_id": f"s{series}",
            "ds": self.frequency.format(times),
            "y": self.values[series, first : first + count].tolist(),
        }
        return json.dumps({"series": points, "name": self.name}).encode()

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)


def asked(
    connection: http.client.HTTPConnection, path: str, body: bytes
) -> tuple[int, Any]:
    """Post a body: (status, answer)."""
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def waves(count: int, length: int) -> NDArray[np.float64]:
    """Seasons of twelve with noise [count, length], of different levels."""
    rng = np.random.default_rng(11)
    steps, levels = np.arange(length), 10 + 5 * np.arange(count)[:, None]
    season = 3 * np.sin(2 * np.pi * (steps + rng.integers(0, 12, (count, 1))) / 12)
    noise = rng.normal(0, 0.5, (count, length))
    return np.asarray((levels + season + noise).round(3))


def distances(
    told: Sequence[Told], model: StepModel, streams: Streams
) -> NDArray[np.float64]:
    """How far each forecast of a version lies from that of one pass over the history.

    Beside the largest number of the forecast.
    """
    by_seq: dict[int, list[tuple[int, Told]]] = {}
    for place, one in enumerate(told):
        by_seq.setdefault(one.seq, []).append((place, one))
    found = np.full(len(told), np.inf)
    states = model.initial_state(len(streams.values))
    for seq in range(1, max(by_seq, default=0) + 1):
        time_of = streams.frequency.times(BEGIN, np.array([seq - 1]))[0]
        values = streams.values[:, seq - 1]
        times = [time_of] * len(values)
        states, _, forecasts = step_series(model, states, values, times)
        for place, one in by_seq.get(seq, []):
            expected = forecasts[one.series].T
            apart = np.abs(one.quantiles - expected).max()
            found[place] = apart / max(1.0, np.abs(expected).max())
    return found
