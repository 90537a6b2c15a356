"""What a benchmark set is, and what it is in memory.

A set says where its series are, what is forecast and by which convention it is scored.
Loaded, it is a `Case`: the series, how much of each a model may be fitted on, and the
origins from which it must forecast. All three conventions fit into that:

* competition: the last `horizon` steps of each series, from one origin;
* rolling: `k` windows over the last `k * horizon` steps, moved by the horizon;
* long: every window over the last `test_steps`, moved by one step.

Letters: `N` series, `W` windows, `H` horizon.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.naive2 import naive2
from forecaster.evaluation import cutoffs
from forecaster.exog import Columns
from forecaster.metrics import seasonal_scale
from forecaster.panel import Panel
from forecaster.reading import Mending, read_panel
from forecaster.report import actual_values

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["competition", "rolling", "long"]
Reader = Callable[[Path], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark set, as its convention has it.

    Attributes:
        name: as in results and tables.
        kind: the convention by which it is scored.
        read: reads the rows `unique_id, ds, y` out of the folder of the data.
        horizon: `H`, steps.
        seasons: steps of each season; the first is the one given in training.
        mase_season: the lag of the scale of MASE, steps.
        test_steps: length of the test part, the end of each series.
        step: steps from one origin to the next.
        fit_steps: how much of each series may be fitted on; None: all before the test.
        pooled: the set that this one is a part of; their series count together.
        mended: has duplicates or times beside the grid, so these are merged and moved.
        covariates: columns that are known ahead.
        without: the same set without covariates, to compare with.
    """

    name: str
    kind: Kind
    read: Reader
    horizon: int
    seasons: tuple[int, ...]
    mase_season: int
    test_steps: int
    step: int
    fit_steps: int | None = None
    pooled: str | None = None
    mended: bool = False
    covariates: tuple[str, ...] = ()
    without: str | None = None

    @property
    def season_length(self) -> int:
        """The season given in training, steps."""
        return self.seasons[0]

    @property
    def windows(self) -> int:
        """`W`, origins of each series."""
        return (self.test_steps - self.horizon) // self.step + 1

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures of the convention; methods are ranked by the first."""
        if self.kind == "long":
            return ("MSE", "MAE", "MSIS-95")
        if self.kind == "rolling":
            return ("MASE", "MAE", "sMAPE", "MSIS-95")
        if self.name.startswith("m3"):  # published without the OWA
            return ("sMAPE", "MASE", "MSIS-95")
        return ("OWA", "sMAPE", "MASE", "MSIS-95")

    @property
    def mending(self) -> Mending:
        """What is asked for where rows are irregular."""
        return Mending(snap=True, duplicates="mean") if self.mended else Mending()

    @property
    def options(self) -> list[str]:
        """What a user would give in training."""
        basic = ["--horizon", str(self.horizon)]
        basic += ["--season-length", str(self.season_length)]
        mending = ["--snap", "--duplicates", "mean"] if self.mended else []
        named = [part for one in self.covariates for part in ("--futr-exog", one)]
        return [*basic, *mending, *named]

    def load(self, folder: Path) -> "Case":
        """The set in memory, read as a user's file would be."""
        frame = self.read(folder)
        with tempfile.TemporaryDirectory() as work:
            path = Path(work) / f"{self.name}.csv"
            frame.to_csv(path, index=False)
            columns = Columns(futr=self.covariates)
            panel = read_panel(path, covariates=columns, mending=self.mending)
        return Case(self, frame, panel)


@dataclass(frozen=True, eq=False)
class Case:
    """A benchmark set in memory.

    Attributes:
        spec: what it is.
        frame: the rows of its file, as a user would give them.
        panel: the same `N` series on full grids, the test part with them.
    """

    spec: Benchmark
    frame: pd.DataFrame
    panel: Panel

    @cached_property
    def train_ends(self) -> Ints:
        """How many values of each series a model may be fitted on, `[N]`."""
        before = self.panel.lengths - self.spec.test_steps
        fit = self.spec.fit_steps
        return before if fit is None else np.minimum(before, fit)

    @cached_property
    def origins(self) -> Ints:
        """How many values are known at each origin, `[N, W]`."""
        spec = self.spec
        return cutoffs(self.panel.lengths, spec.horizon, spec.windows, spec.step)

    @cached_property
    def actual(self) -> Floats:
        """What came after each origin, `[N, W, H]`, NaN where missing."""
        return actual_values(self.panel, self.origins, self.spec.horizon)

    @property
    def points(self) -> int:
        """How many forecast values can be scored."""
        return int((~np.isnan(self.actual)).sum())

    def thinned(self, every: int) -> "Case":
        """The same set with every so-manieth origin, the last kept: `kept(every)`."""
        spec = replace(self.spec, step=self.spec.step * every)
        return Case(spec, self.frame, self.panel)

    def kept(self, every: int) -> list[int]:
        """Which of the `W` origins `thinned` keeps."""
        windows = self.spec.windows
        return list(range((windows - 1) % every, windows, every))

    @cached_property
    def scales(self) -> Floats:
        """The scale of MASE and MSIS, `[N]`, from what is known before the test part."""
        known = self.panel.cut(self.panel.lengths - self.spec.test_steps)
        season = self.spec.mase_season
        return np.array(
            [seasonal_scale(known.values_of(i), season) for i in range(len(known))]
        )

    @cached_property
    def naive2(self) -> Floats:
        """The Naive2 of a competition at its only origin, `[N, 1, H]`."""
        training, spec = self.training, self.spec
        histories = [training.values_of(i) for i in range(len(training))]
        points = [naive2(x, spec.season_length, spec.horizon) for x in histories]
        return np.stack(points)[:, None]

    @cached_property
    def training(self) -> Panel:
        """What a model may be fitted on."""
        return self.panel.cut(self.train_ends)

    @property
    def training_frame(self) -> pd.DataFrame:
        """The rows of `frame` that a model may be fitted on."""
        last = [
            self.panel.times_of(i)[end - 1] for i, end in enumerate(self.train_ends)
        ]
        ends = dict(zip(self.panel.ids, last, strict=True))
        return self.frame[self.frame["ds"] <= self.frame["unique_id"].map(ends)]
