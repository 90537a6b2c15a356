"""What a model wants to know of a step beside its time, and rows of it for the network.

No pandas and no scikit-learn: a server reads all this off the manifest. A row is
[futr | hist | stat] in the order of `Covariates.columns`, raw numbers, NaN = missing; a
category stands as its code, 0 for one that is not known.
Letters: `N` series, `T` values of all series together, `A` columns.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import ConfigError, DataError
from forecaster.exog import Columns
from forecaster.panel import Panel

Floats = NDArray[np.float32]
KINDS = ("futr", "hist", "stat")

MUTE = 1e20  # a spread that leaves nothing of a column


@dataclass(frozen=True, slots=True)
class Column:
    """One covariate: its name, its kind, and how it is scaled or coded.

    Attributes:
        name: as in the file.
        kind: "futr" (known ahead), "hist" (known up to now), "stat" (of the series).
        mean: of the training values.
        spread: their standard deviation.
        categories: the texts that have a code of their own, sorted; None for numbers.
    """

    name: str
    kind: str
    mean: float = 0.0
    spread: float = 1.0
    categories: tuple[str, ...] | None = None

    def code(self, value: object) -> float:
        """A value of a static column as the number that the network takes.

        >>> shop = Column("kind", "stat", categories=("inn", "shop"))
        >>> shop.code("shop"), shop.code("school"), shop.code(None)
        (2.0, 0.0, nan)
        """
        if value is None or value != value:
            return np.nan
        if self.categories is None:
            return self._number(value)
        text = value if isinstance(value, str) else f"{value:g}"
        place = bisect_left(self.categories, text)
        return 1.0 + place if self.categories[place : place + 1] == (text,) else 0.0

    def _number(self, value: object) -> float:
        if isinstance(value, str):
            raise DataError(
                f"covariate {self.name!r}: expected numbers as in training, got "
                f"{value[:40]!r}. Correct the column, or train again"
            )
        return float(value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Covariates:
    """The covariates of a model, ordered futr, hist, stat; none by default.

    `holidays` are the countries whose holidays are part of the calendar.
    """

    columns: tuple[Column, ...] = ()
    holidays: tuple[str, ...] = ()

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> "Covariates":
        """Those of a manifest, as `describe` wrote them."""
        columns = []
        for one in described.get("columns", ()):
            known = one["categories"]
            columns.append(
                Column(
                    **{**one, "categories": known if known is None else tuple(known)}
                )
            )
        return cls(tuple(columns), tuple(described.get("holidays", ())))

    def describe(self) -> dict[str, Any]:
        """What the manifest says of them; empty when there are none."""
        if not self.columns and not self.holidays:
            return {}
        return {
            "columns": [asdict(column) for column in self.columns],
            "holidays": list(self.holidays),
        }

    def of(self, kind: str) -> tuple[Column, ...]:
        """The columns of one kind, in order."""
        return tuple(column for column in self.columns if column.kind == kind)

    @property
    def names(self) -> Columns:
        """What the columns are called in a file."""
        futr, hist, stat = (
            tuple(column.name for column in self.of(kind)) for kind in KINDS
        )
        return Columns(futr, hist, stat)

    def constants(self, told: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Mean and spread of a whole row of features [F].

        Args:
            told: the columns of the calendar that the history tells about; the others get
                a spread beside which they are as good as 0.
        """
        calendar = len(told)
        mean = np.zeros(calendar + len(self.columns), np.float32)
        spread = np.ones_like(mean)
        spread[:calendar] = np.where(told, 1.0, MUTE)
        mean[calendar:] = [column.mean for column in self.columns]
        spread[calendar:] = [column.spread for column in self.columns]
        return mean, spread


def codes(columns: Sequence[Column], values: Sequence[NDArray[Any]]) -> Floats:
    """The static columns of N series as numbers [N, columns]."""
    rows = [
        [column.code(value) for value in series]
        for column, series in zip(columns, values, strict=True)
    ]
    return np.array(rows, np.float32).T


def rows_of(covariates: Covariates, panel: Panel) -> Floats:
    """A row of covariates for every value of a panel that has them [T, A]."""
    if not panel.exog:
        shape = (len(panel.values), len(covariates.columns))
        return np.full(shape, np.nan, np.float32)
    if panel.exog.columns != covariates.names:
        raise ConfigError(
            f"expected the covariates {covariates.names}, got {panel.exog.columns}. "
            "Read the data with the columns of the model"
        )
    static = codes(covariates.of("stat"), panel.exog.stat)
    of_series = np.repeat(np.arange(len(panel)), panel.lengths)
    steps = panel.exog.steps.astype(np.float32)
    return np.concatenate([steps, static.reshape(len(panel), -1)[of_series]], axis=1)


@dataclass(frozen=True, slots=True)
class PerSeries:
    """The covariates of each series of a panel.

    Attributes:
        rows: of each value, all columns [values, A].
        known: of each value and of the steps behind the last, columns futr [steps, futr].
    """

    rows: list[Floats]
    known: list[Floats]


def per_series(covariates: Covariates, panel: Panel) -> PerSeries:
    """What a model is told beside the values of a panel."""
    rows = np.split(rows_of(covariates, panel), panel.offsets[1:-1])
    futr = len(covariates.of("futr"))
    if not futr:
        return PerSeries(rows, [one[:, :0] for one in rows])
    ahead = panel.exog.ahead if panel.exog else np.empty((len(panel), 0, futr))
    known = [
        np.concatenate([one[:, :futr], ahead[i].astype(np.float32)])
        for i, one in enumerate(rows)
    ]
    return PerSeries(rows, known)
