"""An engine on a store, for laws of what becomes of the data."""

import numpy as np
from sqlalchemy import text

from forecaster.covariates import Column, Covariates
from forecaster.settings import Limits
from service.beside import NOBODY, Beside
from service.carrying import Live, Wanted
from service.database import open_database, reading
from service.engine import Engine
from service.exchange import Ask
from service.exog import Given
from service.metrics import Metrics
from service.placing import Points
from service.planning import OnConflict
from service.records import Carried, Floats
from service.store import Store
from service.work import Result
from tests.service.fakes import FakeModel, manifest

BEGIN, HOUR = np.datetime64("2024-01-01T00", "us"), np.timedelta64(1, "h")
VALUES = np.sin(np.arange(400)) + 2.0
NONE, NONE_GIVEN = Covariates(), Given()
SHOP = Covariates((Column("promo", "hist"), Column("size", "stat")))


class Bench:
    """An engine and its store."""

    def __init__(self, database: str, covariates: Covariates = NONE) -> None:
        self.database = open_database(database)
        self.store = Store(self.database)
        self.model = FakeModel(manifest(covariates=covariates))
        self.version = "v1"

    def get(self, name: str | None) -> Live:
        """The model, whatever it is called."""
        return Live("demo", self.version, self.model)

    def beside(self, live: Live) -> Beside:
        """Nobody."""
        return NOBODY

    def only_name(self) -> str:
        """Its name."""
        return "demo"

    def send(
        self,
        values: np.ndarray,
        first: int = 0,
        unique_id: str = "a",
        on_conflict: OnConflict = "error",
        given: Given = NONE_GIVEN,
    ) -> Result:
        """Send values by hour; one series, one result."""
        engine = Engine(self, self.store, Limits(), Metrics(), lambda _: None)
        times = BEGIN + np.arange(first, first + len(values)) * HOUR
        points = Points(unique_id, times, np.asarray(values, float), given)
        ask = Ask((points,), wanted=Wanted(), on_conflict=on_conflict)
        return engine.observe(ask).results[0]

    def carried(self, unique_id: str = "a") -> Carried:
        """What is carried of a series."""
        with self.store.snapshot() as log:
            return log.carried("demo", self.version, [unique_id])[unique_id]

    def state(self, unique_id: str = "a") -> np.ndarray:
        """The state that is kept."""
        kept = self.carried(unique_id).kept
        assert kept is not None
        return kept.state

    def log(self, unique_id: str = "a") -> Floats:
        """The values that are kept."""
        with self.store.snapshot() as log:
            carried = log.carried("demo", self.version, [unique_id])[unique_id]
            return log.values(carried.pk, carried.span.kept, carried.span.end)

    def rows(self) -> int:
        """How many observations there are, of all series."""
        with reading(self.database) as connection:
            count = connection.execute(text("SELECT count(*) FROM observations"))
            return int(count.scalar_one())
