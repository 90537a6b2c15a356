"""A service in a process whose files fail, and what may be kept there by then."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from flask.testing import FlaskClient

from forecaster.covariates import Column, Covariates
from service import sqlite
from service.app import create_app, service_of
from service.live_model import Models
from service.store import Store
from service.telemetry import new_log
from tests.service.conftest import VERSION, add_version, settings_in
from tests.service.fakes import FakeModel, manifest, states_of
from tests.service.reference import How, Sent, Truth, told

Posted = tuple[Sequence[Sent], How]
MODEL = FakeModel(manifest("1", covariates=Covariates((Column("promo", "futr"),))))
BUSY_MS = 300  # how long a writer waits for another


class Serving:
    """The client of a service; for each series what may be kept, all that is possible."""

    def __init__(self, client: FlaskClient, store: Store) -> None:
        self.client, self.store = client, store
        self.possible: dict[str, list[Truth | None]] = {}

    def post(self, sent: Sequence[Sent], how: How, path: str = "/predict") -> int:
        """Send points; what is kept follows from the answer. Its status."""
        series = [
            {
                "unique_id": one.unique_id,
                "y": list(one.values),
                **({} if one.steps is None else {"ds": list(one.steps)}),
            }
            for one in sent
        ]
        headers = {} if how.key is None else {"Idempotency-Key": how.key}
        body = {"series": series, "on_conflict": how.on_conflict}
        answer = self.client.post(path, json=body, headers=headers)
        if answer.status_code == 503:
            expect_problem(answer)
        else:
            assert answer.status_code == 200, answer.text
            assert answer.json["errors"] == []
        shown = answer.json.get("forecasts", [None] * len(sent))
        for one, found in zip(sent, shown, strict=True):
            self._follow(one, how, found)
        return int(answer.status_code)

    def _follow(self, sent: Sent, how: How, found: Any) -> None:
        before = self.possible.get(sent.unique_id, [None])
        after = [told(truth, sent, replace(how, begins_at=1)) for truth in before]
        if found is None:  # nobody knows: wholly or not at all
            kept = [*before, *(said.truth for said in after if said.status == 200)]
        else:
            kept = [said.truth for said in after if fits(said, found["state"])]
        assert kept, (sent, found)
        self.possible[sent.unique_id] = [
            truth for place, truth in enumerate(kept) if truth not in kept[:place]
        ]

    def drop(self, unique_id: str) -> int:
        """Delete a series; the status of the answer."""
        answer = self.client.delete(f"/series/{unique_id}")
        before = self.possible.get(unique_id, [None])
        kept: list[Truth | None] = [None]
        if answer.status_code == 503:
            expect_problem(answer)
            kept = [*before, *([] if None in before else [None])]
        else:
            assert answer.status_code in (204, 404)
            kept_there = answer.status_code == 204
            assert any((truth is not None) == kept_there for truth in before)
        self.possible[unique_id] = kept
        return int(answer.status_code)

    def check(self) -> None:
        """What is kept is possible, and its state and forecast are those of one pass."""
        for unique_id, truths in self.possible.items():
            answer = self.client.get(f"/series/{unique_id}")
            if answer.status_code == 404:
                assert None in truths
                continue
            assert answer.status_code == 200, answer.text
            shown = answer.json
            found = (shown["first_ds"], shown["last_ds"] + 1, shown["recent"]["y"])
            (truth,) = [truth for truth in truths if truth and found == listed(truth)]
            self.possible[unique_id] = [truth]
            state = states_of(MODEL, truth.known(range(truth.first, truth.end)))
            forecast = shown["recent_forecasts"][0]["median"]
            np.testing.assert_allclose(forecast, [state[0]] * 4, rtol=1e-5)
            with self.store.snapshot() as log:
                carried = log.carried("demo", VERSION, [unique_id])[unique_id]
            if carried.kept is not None:
                seen = truth.first + carried.kept.end - carried.span.first
                expected = states_of(MODEL, truth.known(range(truth.first, seen)))
                np.testing.assert_allclose(carried.kept.state, expected, rtol=1e-5)


def fits(said: Any, state: dict[str, Any]) -> bool:
    """Whether an answer is the one that the reference gives."""
    counts = (state["applied"], state["duplicates"], state["ignored"])
    return (
        said.status == 200
        and counts == (said.applied, said.duplicates, said.ignored)
        and state["seq"] == said.truth.end - said.truth.first
    )


def listed(truth: Truth) -> tuple[int, int, list[float | None]]:
    """What is shown of a series."""
    steps = range(truth.first, truth.end)
    return truth.first, truth.end, [truth.values.get(step) for step in steps]


def expect_problem(answer: Any) -> None:
    """A 503 is a problem, small, and says when to come again."""
    assert answer.status_code == 503, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"]
    assert len(answer.data) <= 4096


@contextmanager
def serving(folder: Path, database: str | None = None) -> Iterator[Serving]:
    """Give a service with a model of three numbers, on a file unless told where."""
    if not (folder / "models").exists():
        add_version(folder / "models", "demo")
    settings = settings_in(folder)
    if database is not None:
        server = replace(settings.server, database=database)
        settings = replace(settings, server=server)
    with patch.object(sqlite, "BUSY_TIMEOUT_MS", BUSY_MS):
        app = create_app(settings, new_log(StringIO()), lambda _: MODEL)
    made = service_of(app)
    models: Models = made.models
    models.refresh()
    try:
        yield Serving(app.test_client(), made.store)
    finally:
        made.close()
