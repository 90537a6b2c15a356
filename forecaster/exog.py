"""Covariates of many series as a few arrays, aligned with the values of a panel.

`futr` are known ahead of the values, `hist` up to now, `stat` once for a series.
Letters: `N` series, `T` values of all series together, `L` steps ahead.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import ConfigError

Floats = NDArray[np.float64]
RESERVED = ("unique_id", "ds", "y", "item_id", "timestamp", "target")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file are covariates of which kind, in order.

    >>> Columns(futr=("promo",), stat=("promo",))
    Traceback (most recent call last):
    forecaster.errors.ConfigError: covariate 'promo': expected each name once among ...
    """

    futr: tuple[str, ...] = ()
    hist: tuple[str, ...] = ()
    stat: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        for name in names:
            if name in RESERVED or not name.strip():
                raise ConfigError(
                    f"covariate {name!r}: expected a column beside {', '.join(RESERVED)}. "
                    "Leave it out of the covariates, or rename the column"
                )
            if names.count(name) > 1:
                raise ConfigError(
                    f"covariate {name!r}: expected each name once among futr_exog, "
                    "hist_exog and stat_exog. Keep the one that is true; what is known "
                    "ahead is known up to now too"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, in the order futr, hist, stat."""
        return (*self.futr, *self.hist, *self.stat)


@dataclass(frozen=True, slots=True, eq=False)
class Exog:
    """The covariates of a panel; the arrays are read-only.

    Attributes:
        columns: their names.
        steps: columns futr and hist of each value [T, futr + hist], NaN = missing.
        stat: of each column stat its values [N], numbers or texts (None = missing).
        ahead: columns futr behind the last value of each series [N, L, futr].
    """

    columns: Columns = Columns()
    steps: Floats = field(default_factory=lambda: np.empty((0, 0)))
    stat: tuple[NDArray[Any], ...] = ()
    ahead: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))

    def __post_init__(self) -> None:
        for array in (self.steps, *self.stat, self.ahead):
            array.flags.writeable = False

    def __bool__(self) -> bool:
        """Whether there are any covariates."""
        return bool(self.columns.names)

    def sliced(
        self, chosen: NDArray[np.int64], positions: NDArray[np.int64], *, whole: bool
    ) -> "Exog":
        """Those of some series and of some values of them.

        Args:
            chosen: indices of the series.
            positions: indices of the values.
            whole: whether each series keeps its end; of others nothing is known ahead.
        """
        if not self:
            return self
        return Exog(
            self.columns,
            self.steps[positions],
            tuple(values[chosen] for values in self.stat),
            self.ahead[chosen] if whole else self.ahead[chosen, :0],
        )
