"""A year of real hourly values with a change planted in it, sent to a service hour by hour.

Letters: `N` series, `T` steps, `H` horizon.
"""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.served import Served
from forecaster.frequency import Frequency
from forecaster.metrics import seasonal_scale
from forecaster.panel import Panel

Floats = NDArray[np.float64]

DAY, WEEK = 24, 168
MOVED = 3 * DAY + 9  # hours by which the planted change moves a series beside the clock
PATIENCE_S = 120


@dataclass(frozen=True, slots=True, eq=False)
class Year:
    """What is sent.

    Attributes:
        ids: of the `N` series.
        values: `[N, T]`, NaN where missing.
        begin: time of the first step.
        history: steps that a first model is trained on.
        change: step from which the series are others.
        horizon: `H`.
    """

    ids: tuple[str, ...]
    values: Floats
    begin: np.datetime64
    history: int
    change: int
    horizon: int

    @property
    def scale(self) -> Floats:
        """Of MASE, `[N]`: the mean change from week to week of the history."""
        known = self.values[:, : self.history]
        return np.array([seasonal_scale(one, WEEK) for one in known])

    def times(self, first: int, end: int) -> list[str]:
        """The times of steps as requests have them."""
        hours = Frequency("h").times(self.begin, np.arange(first, end))
        return list(Frequency("h").format(hours))

    def body(self, name: str, first: int, end: int) -> dict[str, Any]:
        """A request with those steps of all series, and for forecasts behind them."""
        ds = self.times(first, end)
        parts = [
            [None if v != v else v for v in one]
            for one in self.values[:, first:end].tolist()
        ]
        series = [
            {"unique_id": unique_id, "ds": ds, "y": y}
            for unique_id, y in zip(self.ids, parts, strict=True)
        ]
        return {"series": series, "h": self.horizon, "level": [80], "name": name}


def year_of(panel: Panel, series: int, history: int, weeks: int, horizon: int) -> Year:
    """The end of the first series of a panel; half way through the weeks they change.

    From there on each shows what it would have shown `MOVED` hours later: another part of
    the day and of the week is busy, as where a shift or a weekend was moved.
    """
    steps = (history + weeks) * WEEK + horizon
    ends = panel.lengths[:series] - MOVED
    first = int(ends.min()) - steps
    change = (history + weeks // 2) * WEEK
    values = []
    for i in range(series):
        whole = panel.values_of(i)[first : first + steps + MOVED]
        values.append(np.concatenate([whole[:change], whole[change + MOVED :]]))
    begin = panel.times_of(0)[first]
    ids = tuple(panel.ids[:series])
    return Year(ids, np.stack(values), begin, history * WEEK, change, horizon)


@dataclass(slots=True)
class Client:
    """Sends a year to a service on one connection, and judges what comes back.

    Attributes:
        served: the service.
        name: of the model.
        errors: MASE of all forecasts of each week.
        covered: share of the values within the intervals of 80 %, of each week.
        versions: the version that forecast last in each week.
        failures: whatever was answered that was not 200.
    """

    served: Served
    name: str
    errors: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _connection: http.client.HTTPConnection | None = None

    def week(self, year: Year, number: int) -> None:
        """Send a week, an hour at a time."""
        begin = year.history + number * WEEK
        errors, within = [], []
        self._connection = None  # the service has closed one that was idle
        for step in range(begin, begin + WEEK):
            answer = self.post("/predict", year.body(self.name, step, step + 1))
            if answer is None:
                continue
            actual = year.values[:, step + 1 : step + 1 + year.horizon]
            errors.append(np.abs(_of(answer, "median") - actual) / year.scale[:, None])
            low, high = _of(answer, "lo-80"), _of(answer, "hi-80")
            known = actual == actual
            within.append(((low <= actual) & (actual <= high))[known])
            version = str(answer["model"]["version"])
        self.errors.append(float(np.nanmean(np.stack(errors))))
        self.covered.append(float(np.concatenate(within).mean()))
        self.versions.append(version)

    def prime(self, year: Year) -> None:
        """Send the history, a week at a time."""
        for begin in range(0, year.history, WEEK):
            self.post("/observe", year.body(self.name, begin, begin + WEEK))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer of a request; None and a failure more if it is not 200."""
        if path == "/observe":
            body = {key: body[key] for key in ("series", "name")}
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self.served.port, timeout=PATIENCE_S
            )
        try:
            headers = {"Content-Type": "application/json"}
            self._connection.request("POST", path, json.dumps(body), headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            self.failures.append(type(error).__name__)
            return None
        if answer.status != 200:
            self.failures.append(f"{answer.status} {text[:200]!r}")
            return None
        return dict(json.loads(text))


def _of(answer: dict[str, Any], what: str) -> Floats:
    """Medians or bounds of an answer, `[N, H]`."""
    found = [
        one["median"] if what == "median" else one["intervals"][what]
        for one in answer["forecasts"]
    ]
    return np.array(found, float)
