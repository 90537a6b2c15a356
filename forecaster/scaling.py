"""Means, spreads and categories of covariates, fitted by scikit-learn on training data.

What is fitted is written into the graph and the manifest; whoever forecasts needs no
scikit-learn. Letters: `N` series, `T` values of all series together.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.covariates import Column, Covariates
from forecaster.errors import DataError
from forecaster.panel import Panel

Ints = NDArray[np.int64]


def fit(panel: Panel, ends: Ints, holidays: tuple[str, ...] = ()) -> Covariates:
    """The covariates of a panel, scaled as their values up to `ends` ask for.

    Args:
        panel: all series.
        ends: steps of each series that training sees [N].
        holidays: countries whose holidays are part of the calendar.

    Raises:
        DataError: when a column holds nothing.
    """
    exog, columns = panel.exog, []
    step = np.arange(len(panel.values)) - np.repeat(panel.offsets[:-1], panel.lengths)
    trained = step < np.repeat(ends, panel.lengths)
    names = exog.columns
    kinds = ["futr"] * len(names.futr) + ["hist"] * len(names.hist)
    for place, name in enumerate((*names.futr, *names.hist)):
        values = exog.steps[trained, place]
        columns.append(_number(name, kinds[place], values))
    for name, static in zip(names.stat, exog.stat, strict=True):
        columns.append(_static(name, static))
    return Covariates(tuple(columns), holidays)


def _number(name: str, kind: str, values: NDArray[np.float64]) -> Column:
    """A column of numbers, NaN = missing."""
    from sklearn.preprocessing import StandardScaler  # slow to import

    if np.isnan(values).all():
        raise DataError(
            f"covariate {name!r}: expected at least one value before the held-out end, "
            "got none. Fill the column or leave it out of the covariates"
        )
    scaler = StandardScaler().fit(values[:, None])
    return Column(name, kind, float(scaler.mean_[0]), float(scaler.scale_[0]))


def _static(name: str, values: NDArray[Any]) -> Column:
    """A column with one value for each series: numbers, or texts and None."""
    if values.dtype.kind == "f":
        return _number(name, "stat", values)
    from sklearn.preprocessing import OrdinalEncoder  # slow to import

    known = [value for value in values if value is not None]
    if not known:
        raise DataError(
            f"covariate {name!r}: expected a value for at least one series, got none. "
            "Fill the column or leave it out of the covariates"
        )
    encoder = OrdinalEncoder().fit(np.array(known, dtype=object)[:, None])
    return Column(name, "stat", categories=tuple(encoder.categories_[0].tolist()))
