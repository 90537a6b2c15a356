"""Two processes of a service on one database, with three versions of a small model."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import note

from forecaster.covariates import Column, Covariates
from forecaster.settings import Limits
from service.carrying import Live
from service.database import open_database
from service.engine import Engine
from service.errors import AllRefused, StoreFailure
from service.exchange import Ask
from service.exog import Given
from service.metrics import Metrics
from service.placing import Points
from service.problems import status_of
from service.records import Change
from service.store import Store
from service.work import Result
from tests.service.fakes import HoldingModel, manifest
from tests.service.reference import Sent
from tests.service.strategies import MAX_GAP, Request
from tests.service.test_engine import BEGIN, OneModel

HORIZON = 4
LIMITS = Limits(max_gap=MAX_GAP, max_points=500, max_horizon=40)
STEP, DAY = np.timedelta64(6, "h"), 4  # steps
PROMO, STOCK = Column("promo", "futr"), Column("stock", "hist")
SIZE = Column("size", "stat")
VERSIONS = {"v1": (PROMO, SIZE), "v2": (PROMO, STOCK, SIZE), "v3": ()}
WEIGHTS = {"v1": 0.25, "v2": 0.5, "v3": 0.75}


class RoughStore(Store):
    """A store to whose next commit something happens."""

    trouble: Callable[[Callable[[], set[str]], Sequence[Change]], set[str]] | None = (
        None
    )

    def commit(self, name: str, version: str, changes: Sequence[Change]) -> set[str]:
        """Write the changes, if nothing comes between."""
        trouble, self.trouble = self.trouble, None
        if trouble is None:
            return super().commit(name, version, changes)
        return trouble(
            lambda: super(RoughStore, self).commit(name, version, changes), changes
        )


class Processes:
    """Two processes on one database; which version serves is the same for both."""

    def __init__(self, url: str, name: str, frequency: str, folder: Path) -> None:
        self.name, self.frequency, self.folder = name, frequency, folder
        self.models = {
            version: HoldingModel(
                manifest(frequency, horizon=HORIZON, covariates=Covariates(columns)),
                WEIGHTS[version],
            )
            for version, columns in VERSIONS.items()
        }
        self.serving = OneModel(Live(name, "v2", self.models["v2"]))
        self.open(url)

    def open(self, url: str) -> None:
        """Begin all processes on a database."""
        self.url = url
        self.stores = [self.opened(), self.opened()]
        self.engines = [self.engine_on(store) for store in self.stores]
        self.database = open_database(url)
        self.reader = Store(self.database)

    def opened(self) -> RoughStore:
        """A connection to the database, as each process has its own."""
        return RoughStore(open_database(self.url))

    def engine_on(self, store: Store) -> Engine:
        """An engine, as each process has its own."""
        return Engine(self.serving, store, LIMITS, Metrics(), pause=lambda _: None)

    def close(self) -> None:
        """End all processes."""
        for store in (*self.stores, self.reader):
            store.close()

    def restart(self, which: int) -> None:
        """A process ends, and another one begins."""
        self.stores[which].close()
        self.stores[which] = self.opened()
        self.engines[which] = self.engine_on(self.stores[which])

    def promote(self, version: str) -> None:
        """Another version is the champion now, or the older one again."""
        self.serving.live = Live(self.name, version, self.models[version])

    def columns(self, version: str | None = None) -> list[str]:
        """The covariates of a version, in order; by default of the one that serves."""
        columns = VERSIONS[self.serving.live.version if version is None else version]
        return [column.name for column in columns]

    def ask(self, which: int, request: Request) -> dict[str, Result | int]:
        """Send it; for each series what was done, or the status of a refusal."""
        ask = Ask(
            tuple(self.points(one) for one in request.sent),
            on_conflict=request.how.on_conflict,  # type: ignore[arg-type]
            key=request.how.key,
            stateless=request.stateless,
            wanted=request.wanted,
        )
        try:
            answer = self.engines[which].observe(ask)
        except AllRefused as error:
            note(f"refused: {[one.error.detail for one in error.refusals]}")
            return {str(one.unique_id): status_of(one.error) for one in error.refusals}
        except StoreFailure:
            return {one.unique_id: 503 for one in request.sent}
        assert answer.version == self.serving.live.version
        refused = {str(r.unique_id): status_of(r.error) for r in answer.refusals}
        return {**{r.unique_id: r for r in answer.results}, **refused}

    def points(self, one: Sent) -> Points:
        """The series of a request, as the engine takes it."""
        times = one.steps and tuple(self.time(step) for step in one.steps)
        values = np.array([np.nan if v is None else v for v in one.values])
        given = Given(
            futr={"promo": one.promo} if one.promo else {},
            hist={"stock": one.stock} if one.stock else {},
            stat={} if one.size is None else {"size": one.size},
        )
        return Points(one.unique_id, times, values, given)

    def time(self, step: int) -> Any:
        """The time of a step, as it is written."""
        if self.frequency == "1":
            return step
        return f"{np.datetime_as_string(BEGIN + step * STEP, unit='s')}"

    def shown(self, start: int, step: int) -> Any:
        """The time of a step of a grid, as it is written."""
        if self.frequency == "1":
            return start + step
        return f"{np.datetime_as_string(np.datetime64(start, 'us') + step * STEP, unit='s')}"
