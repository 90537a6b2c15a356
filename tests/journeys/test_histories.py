"""Concurrent clients of one series see what some order of their requests explains."""

import http.client
import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from forecaster.artifact import Artifact
from forecaster.streaming import advance_series, forecast_series
from tests.journeys.conftest import Server
from tests.journeys.test_service import BEGIN, MONTHLY, numbers
from tests.linearizability import Call, contradiction
from tests.postgresql import Server as Postgresql
from tests.service.reference import How, Sent, Truth, told

pytestmark = pytest.mark.tf
CLIENTS, REQUESTS, SERIES = 8, 24, ("a", "b")
ENOUGH = 60  # steps of a series; all that is read of it is shown
TIMES = MONTHLY.format(MONTHLY.times(BEGIN, np.arange(400)))
STEP = {time: step for step, time in enumerate(TIMES)}
KINDS = ("append", "timed", "timed", "timed", "again", "read", "read", "delete")
WEIGHTS = (6, 5, 5, 5, 4, 6, 6, 1)


@dataclass(frozen=True)
class Post:
    """Points for one series, with or without times."""

    sent: Sent
    how: How


Asked = Post | str  # else "read" or "delete"


def follow(truth: Truth | None, call: Call[Asked, Any]) -> list[Truth | None]:
    """What may be kept after a call: nothing if its answer is not the right one."""
    if isinstance(call.asked, Post):
        said = told(truth, call.asked.sent, call.asked.how)
        expected: Any = (said.status,)
        if said.status == 200 and said.truth is not None:
            counts = (said.applied, said.duplicates, said.ignored)
            expected = (200, *counts, said.truth.end - said.truth.first)
            expected += (said.truth.end - 1,)
        after = said.truth
    elif call.asked == "delete":
        expected, after = (404 if truth is None else 204,), None
    else:
        expected, after = shown(truth), truth
    return [after] if call.answered in (None, expected) else []


def shown(truth: Truth | None) -> tuple[Any, ...]:
    """What somebody who reads a series sees."""
    if truth is None:
        return (404,)
    steps = range(truth.first, truth.end)
    return (200, truth.first, tuple(truth.values.get(step) for step in steps))


def same(truth: Truth | None) -> Any:
    """The same for series of which the same is kept."""
    return truth and (shown(truth), tuple(sorted(truth.keys.items())))


@dataclass
class Client:
    """Sends requests of all kinds, one after the other, and writes down what came."""

    server: Server
    number: int
    calls: dict[str, list[Call[Asked, Any]]] = field(default_factory=dict)

    def run(self) -> None:
        """Send them all."""
        rng = random.Random(self.number)
        end = dict.fromkeys(SERIES, 0)
        for place in range(REQUESTS):
            unique_id = rng.choice(SERIES)
            mine = self.calls.setdefault(unique_id, [])
            (kind,) = rng.choices(KINDS, WEIGHTS)
            asked: Asked = kind
            if kind in ("append", "timed", "again"):
                asked = self._post(rng, unique_id, kind, end[unique_id], place)
                posts = [one.asked for one in mine if isinstance(one.asked, Post)]
                asked = posts[-1] if kind == "again" and posts else asked
            invoked = time.monotonic()
            answered = self._answer(unique_id, asked)
            completed = float("inf") if answered is None else time.monotonic()
            mine.append(Call(invoked, asked, completed, answered))
            if isinstance(asked, Post) and answered and answered[0] == 200:
                end[unique_id] = answered[-1] + 1

    def _post(
        self, rng: random.Random, unique_id: str, kind: str, end: int, place: int
    ) -> Post:
        """Points at the end of a series, or those that others send or have sent."""
        count = rng.choice([1, 1, 2, 3]) if end < ENOUGH else 0
        steps = None
        if kind != "append" or not count:
            begin = max(0, end + rng.choice([0, 0, 0, -1, -3, 1, 2]))
            steps = tuple(range(begin, begin + count))
        agreed = rng.random() < 0.7
        values = tuple(
            round(step / 2, 1) if agreed else float(rng.randrange(9))
            for step in steps or range(count)
        )
        key = f"{self.number} {place}" if steps is None else None
        how = rng.choice(["error", "error", "ignore", "revise"])
        return Post(Sent(unique_id, steps, values), How(how, key))

    def _answer(self, unique_id: str, asked: Asked) -> Any:
        """What the rule speaks of; None where nobody knows what was done."""
        try:
            if isinstance(asked, Post):
                return self._posted(asked)
            method = "GET" if asked == "read" else "DELETE"
            status, found = self.server.call(method, f"/series/{unique_id}")
        except (OSError, http.client.HTTPException):
            return None
        if status == 503:
            return None
        if asked == "delete" or status != 200:
            return (status,)
        assert found["count"] == len(found["recent"]["y"])
        return 200, STEP[found["first_ds"]], tuple(found["recent"]["y"])

    def _posted(self, asked: Post) -> Any:
        sent, how = asked.sent, asked.how
        series: dict[str, Any] = {"unique_id": sent.unique_id, "y": list(sent.values)}
        if sent.steps is not None:
            series["ds"] = [TIMES[step] for step in sent.steps]
        body = {"series": series, "on_conflict": how.on_conflict}
        status, answer = self.server.call("POST", "/observe", body, retry=how.key)
        if status != 200:
            return None if status == 503 else (status,)
        state = answer["series"][0]["state"]
        counts = (state["applied"], state["duplicates"], state["ignored"])
        return 200, *counts, state["seq"], STEP[state["last_ds"]]


def check(
    servers: list[Server], model: Artifact, trouble: Callable[[], object]
) -> None:
    """Let clients loose on the servers, and look for an order that explains them."""
    for server in servers:
        server.wait_for("/health/ready", 200)
    clients = [Client(servers[i % len(servers)], i) for i in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(client.run) for client in clients]
        trouble()
    for one in running:
        one.result()
    for server in servers:
        server.wait_for("/health/ready", 200)
    last = Client(servers[-1], CLIENTS)
    for unique_id in SERIES:
        calls = [call for one in clients for call in one.calls[unique_id]]
        invoked = time.monotonic()
        found = last._answer(unique_id, "read")
        calls.append(Call(invoked, "read", time.monotonic(), found))
        assert sum(call.answered is not None for call in calls) > len(calls) / 2
        assert contradiction(calls, None, follow, same) is None
        if found != (404,):
            forecast = servers[0].call("GET", f"/series/{unique_id}/forecast")[1]
            expected = replay(model, *found[1:])
            rounding = 1e-5 * np.abs(expected).max()  # those near 0 are differences
            np.testing.assert_allclose(
                numbers(forecast)[1:], expected, rtol=1e-5, atol=rounding
            )


def replay(model: Artifact, first: int, values: tuple[float | None, ...]) -> Any:
    """The forecast after one pass over the values [Q, H]."""
    begin, last = MONTHLY.times(BEGIN, np.array([first, first + len(values) - 1]))
    array = np.array(values, dtype=np.float64)
    state = advance_series(model, model.initial_state(1), [array], [begin])
    return forecast_series(model, state, [last], model.manifest.horizon)[0].T


def test_workers_of_one_server_act_as_one(
    start_server: Callable[..., Server], tiny_artifact: Artifact
) -> None:
    """Two processes on a file of SQLite, one of which is killed meanwhile."""
    server = start_server(workers=2)

    def kill() -> None:
        time.sleep(1)
        os.kill(server.workers()[0], signal.SIGKILL)

    check([server], tiny_artifact, kill)


def test_servers_on_one_database_act_as_one(
    start_server: Callable[..., Server],
    tiny_artifact: Artifact,
    postgresql_server: Postgresql,
) -> None:
    """Two servers on PostgreSQL, whose connections are cut now and then."""
    url = postgresql_server.emptied()
    servers = [start_server(database=url) for _ in range(2)]

    def cut() -> None:
        for _ in range(5):
            time.sleep(0.3)
            postgresql_server.cut(url)

    check(servers, tiny_artifact, cut)
