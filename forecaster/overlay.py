"""One panel on top of another: a file of the past, and what was observed since.

Series are the same where their ids are. Where both have a value the upper one holds;
where only one has, that one does. So it is with covariates, cell by cell.
Letters: `N` series, `T` steps of a series, `C` columns.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import ConfigError, DataError
from forecaster.exog import Exog
from forecaster.frequency import OffGrid
from forecaster.panel import Panel, trimmed

Floats = NDArray[np.float64]


class Part(NamedTuple):
    """What one panel has of a series: values and covariates as one table [T, 1 + C]."""

    start: Any
    table: Floats


def overlaid(below: Panel, above: Panel) -> Panel:
    """The series of both, in order of their ids.

    Of covariates nothing is known ahead of the last value.

    Args:
        below: holds where `above` has nothing.
        above: of the same frequency, with the same covariates.

    Raises:
        ConfigError: their frequencies or covariates differ.
        DataError: a series lies on another grid in one than in the other.

    >>> from forecaster.frequency import Frequency
    >>> one = Panel.from_series(["a"], [[1.0, np.nan, 3.0]], [1], Frequency("1"))
    >>> two = Panel.from_series(["a"], [[2.0, 9.0, 4.0]], [2], Frequency("1"))
    >>> overlaid(one, two).values
    array([1., 2., 9., 4.])
    """
    _check(below, above)
    ids = sorted({*below.ids, *above.ids})
    places = [{one: i for i, one in enumerate(p.ids)} for p in (below, above)]
    both = list(zip((below, above), places, strict=True))
    parts = [
        _merged([_part(panel, at[one]) for panel, at in both if one in at], below, one)
        for one in ids
    ]
    tables = np.concatenate([part.table for part in parts])
    offsets = np.cumsum([0, *(len(part.table) for part in parts)], dtype=np.int64)
    starts = np.array([part.start for part in parts], below.starts.dtype)
    exog = Exog()
    if below.exog:
        columns = below.exog.columns
        indices = [[at.get(one, -1) for one in ids] for at in places]
        stat = [
            _constant(old, new, indices)
            for old, new in zip(below.exog.stat, above.exog.stat, strict=True)
        ]
        ahead = np.empty((len(ids), 0, len(columns.futr)))
        exog = Exog(columns, tables[:, 1:].copy(), tuple(stat), ahead)
    values = tables[:, 0].copy()
    return trimmed(Panel(tuple(ids), offsets, values, starts, below.frequency, exog))


def _check(below: Panel, above: Panel) -> None:
    if below.frequency.step != above.frequency.step:
        raise ConfigError(
            f"expected data of one frequency, got {below.frequency.alias!r} and "
            f"{above.frequency.alias!r}. Give data at the frequency of the model"
        )
    if below.exog.columns != above.exog.columns:
        raise ConfigError(
            f"expected the same covariates in both, got {below.exog.columns} and "
            f"{above.exog.columns}. Read both with those of the model"
        )


def _part(panel: Panel, index: int) -> Part:
    """One series of a panel."""
    span = slice(panel.offsets[index], panel.offsets[index + 1])
    columns = [panel.values[span, None]]
    if panel.exog:
        columns.append(panel.exog.steps[span])
    return Part(panel.starts[index], np.concatenate(columns, axis=1))


def _merged(parts: Sequence[Part], panel: Panel, unique_id: str) -> Part:
    """One series of both panels, the upper one last."""
    if len(parts) == 1:
        return parts[0]
    start = min(part.start for part in parts)
    try:
        starts = np.array([part.start for part in parts])
        shifts = panel.frequency.steps(start, starts)
    except OffGrid as error:
        raise DataError(
            f"series {unique_id!r}: expected both on one grid, but {error}. Correct the "
            "times of the file"
        ) from error
    length = max(
        shift + len(part.table) for part, shift in zip(parts, shifts, strict=True)
    )
    table = np.full((length, parts[0].table.shape[1]), np.nan)
    for part, shift in zip(parts, shifts, strict=True):
        under = table[shift : shift + len(part.table)]
        under[:] = np.where(np.isnan(part.table), under, part.table)
    return Part(start, table)


def _constant(
    below: NDArray[Any], above: NDArray[Any], indices: Sequence[Sequence[int]]
) -> NDArray[Any]:
    """A static column [N]: numbers, or texts where either holds texts."""
    told = [
        _known(above, upper) if _known(above, upper) is not None else _known(below, lower)
        for lower, upper in zip(*indices, strict=True)
    ]  # fmt: skip
    if "O" in (below.dtype.kind, above.dtype.kind):
        texts = [v if v is None or isinstance(v, str) else f"{v:g}" for v in told]
        return np.array(texts, object)
    return np.array([np.nan if v is None else v for v in told], np.float64)


def _known(values: NDArray[Any], index: int) -> Any:
    """One value of a static column, None where it is missing or the series is not there."""
    value = None if index < 0 else values[index]
    return None if value is None or value != value else value
