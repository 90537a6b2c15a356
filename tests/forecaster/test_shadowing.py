"""Laws of shadows: versions are compared on the same forecasts, and harm nobody."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecaster import manifest as manifests
from forecaster import registry, shadow_file
from forecaster.covariates import Column, Covariates
from forecaster.errors import ArtifactError, ForecasterError
from forecaster.exog import Columns, Exog
from forecaster.ground import Day
from forecaster.panel import Panel
from forecaster.roster import in_play
from forecaster.shadowing import Outcome, compared, planned
from forecaster.streaming import StepModel
from forecaster.watching import MOST_SERIES, watch
from tests.forecaster.oracles import Oracle
from tests.forecaster.test_watching import HOURS, panel_of
from tests.forecaster.versions import A, B, C, D
from tests.service.fakes import FakeModel, manifest

NAME = "demo"
PANEL = panel_of(9 * HOURS)


@dataclass
class Whole:
    """A panel as a log, which remembers what was asked of it."""

    whole: Panel

    def __post_init__(self) -> None:
        self.frequency, self.starts = self.whole.frequency, self.whole.starts
        self.lengths = self.whole.lengths
        self.asked: list[NDArray[np.int64]] = []

    def panel(self, chosen: NDArray[np.int64], columns: Columns) -> Panel:
        """Some of the series; of covariates nothing is known."""
        self.asked.append(chosen)
        taken = self.whole.take(chosen)
        if not columns.names:
            return taken
        nothing = np.full((len(taken.values), len(columns.names)), np.nan)
        ahead = np.full((len(taken), 0, len(columns.futr)), np.nan)
        return replace(taken, exog=Exog(columns, nothing, (), ahead))


class Foreign(FakeModel):
    """A graph that is none of ours."""

    def forecast(self, state: Any, x: Any) -> Any:
        """Fails as it likes."""
        raise RuntimeError("no such node\nin the graph")


class Shuffled(FakeModel):
    """Forecasts what is true of other steps."""

    def forecast(self, state: Any, x: Any) -> Any:
        """The values upside down, far away."""
        return 30.0 - super().forecast(state, x)[..., ::-1]


def truth(folder: Path) -> StepModel:
    """A model that knows what comes."""
    known = np.stack([PANEL.values_of(i) for i in range(len(PANEL))])
    found: Any = Oracle(np.nan_to_num(known, nan=10.0), horizon=HOURS, freq="h")
    found.manifest = manifests.read(folder)
    return found  # type: ignore[no-any-return]


def fake(folder: Path) -> StepModel:
    """The model of three numbers."""
    return FakeModel(manifests.read(folder))


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., None]:
    """Puts a version into a models folder, with an alias."""

    def put(version: str, alias: str, last: str | None = None, **about: Any) -> None:
        made = replace(manifest("h", NAME, version, HOURS), **about)
        made.data.clear()
        if last is not None:
            made.data["last"] = last
        folder = tmp_path / NAME / version
        folder.mkdir(parents=True)
        (folder / manifests.FILE_NAME).write_text(made.to_json())
        registry.set_alias(tmp_path, NAME, alias, version)

    return put


def found_in(
    models_dir: Path, load: Callable[[Path], StepModel] = fake, panel: Panel = PANEL
) -> dict[str, Outcome]:
    """What comes of all versions in play."""
    plan = planned(models_dir, NAME, Whole(panel))
    return compared(plan, lambda _: None, load)


def error(days: list[Day]) -> float:
    """The mean error of days."""
    return float(np.mean([day.scores["mase"] for day in days]))  # type: ignore[list-item]


def test_a_shadow_of_the_champion_scores_what_the_champion_does(
    tmp_path: Path, add: Callable[..., None]
) -> None:
    """Exactly, and the champion is scored as if nobody stood beside."""
    add(A, "champion", "2024-01-05T00:00:00")
    alone = found_in(tmp_path)
    add(B, "challenger", "2024-01-05T00:00:00")
    found = found_in(tmp_path)
    assert list(found) == [A, B]
    assert found[B].days == found[A].days == alone[A].days
    model = FakeModel(manifests.read(tmp_path / NAME / A))
    assert found[A].days == watch(model, PANEL)
    np.testing.assert_array_equal(found[A].quantiles, found[B].quantiles)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"data": {"last": "once"}}, "ISO-8601"),
        ({"covariates": {"columns": 7}}, "TypeError"),
        ({"covariates": {"columns": [{}]}}, "KeyError"),
        ({"data": {"changes": {"edges": [1.0]}}}, "KeyError"),
    ],
)
def test_a_manifest_of_another_release_harms_nobody(
    tmp_path: Path, add: Callable[..., None], entry: dict[str, Any], said: str
) -> None:
    """It is said what is wrong, and the champion is scored as it were alone."""
    add(A, "champion", "2024-01-05T00:00:00")
    alone = found_in(tmp_path)
    add(B, "challenger", "2024-01-05T00:00:00")
    path = tmp_path / NAME / B / manifests.FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **entry}))
    found = found_in(tmp_path)
    assert found[A].days == alone[A].days
    assert said in str(found[B].problem)


def test_versions_are_ranked_by_how_well_they_forecast(
    tmp_path: Path, add: Callable[..., None]
) -> None:
    """Who knows what comes is best, who learned what is not true is worst."""
    for version, alias in ((A, "champion"), (B, "challenger"), (C, "previous")):
        add(version, alias)

    def load(folder: Path) -> StepModel:
        if folder.name == B:
            return truth(folder)
        kind = Shuffled if folder.name == C else FakeModel
        return kind(manifests.read(folder))

    found = found_in(tmp_path, load)
    errors = {version: error(one.days) for version, one in found.items()}
    assert errors[B] == pytest.approx(0.0, abs=1e-6)
    assert errors[B] < errors[A] < errors[C]


def test_days_that_a_version_has_learned_from_do_not_count(
    tmp_path: Path, add: Callable[..., None]
) -> None:
    """Of each those behind its own training, of the days of the champion."""
    add(A, "champion", "2024-01-05T00:00:00")
    add(B, "challenger", "2024-01-07T12:00:00")
    add(C, "previous", "2024-01-02T00:00:00")
    add(D, "canary", "2025-01-01T00:00:00")
    found = found_in(tmp_path)
    days = {
        version: [day.day[-2:] for day in one.days] for version, one in found.items()
    }
    assert days == {
        A: ["06", "07", "08", "09"],
        B: ["08", "09"],
        C: ["06", "07", "08", "09"],
        D: [],
    }
    assert all(one.problem is None for one in found.values())


@pytest.mark.parametrize("kind", [ArtifactError, PermissionError])
def test_what_cannot_be_compared_is_left_out_and_says_why(
    tmp_path: Path, add: Callable[..., None], kind: type[Exception]
) -> None:
    """A manifest or files that are damaged, another frequency, fewer quantiles."""
    add(A, "champion")
    add(B, "challenger")
    add(C, "previous", freq="D")
    add(D, "canary", quantiles=(0.1, 0.5, 0.9))
    problem = kind("a file is damaged")
    assert "at 'h'" in str(found_in(tmp_path)[C].problem)
    assert "without [0.025, 0.975]" in str(found_in(tmp_path)[D].problem)

    def load(folder: Path) -> StepModel:
        if folder.name == B:
            raise problem
        return fake(folder)

    said: list[str] = []
    found = compared(planned(tmp_path, NAME, Whole(PANEL)), said.append, load)
    assert found[B].problem == "a file is damaged"
    assert f"left out: {B}: a file is damaged" in said
    assert found[A].days == found_in(tmp_path)[A].days
    (tmp_path / NAME / B / manifests.FILE_NAME).unlink()
    assert "could not read it" in str(found_in(tmp_path)[B].problem)


def test_a_graph_that_fails_is_left_out_too(
    tmp_path: Path, add: Callable[..., None]
) -> None:
    """Whatever it raises; the first line of that is told, and others are scored."""
    add(A, "champion")
    add(B, "challenger")
    add(C, "previous")

    def load(folder: Path) -> StepModel:
        kind = Foreign if folder.name == B else FakeModel
        return kind(manifests.read(folder))

    found = found_in(tmp_path, load)
    assert "got RuntimeError: no such node. Train" in str(found[B].problem)
    assert found[C].days == found[A].days != []


def test_a_champion_that_fails_fails_all(
    tmp_path: Path, add: Callable[..., None]
) -> None:
    """It is what a watch is for."""
    add(A, "champion")
    add(B, "challenger")

    def load(folder: Path) -> StepModel:
        raise ArtifactError(f"{folder.name} is damaged")

    with pytest.raises(ForecasterError, match=A):
        found_in(tmp_path, load)


def test_other_horizons_and_quantiles_are_measured_as_the_champion_is(
    tmp_path: Path, add: Callable[..., None]
) -> None:
    """The same steps and quantiles, whatever else a version forecasts, or wants to know."""
    add(A, "champion")
    add(B, "challenger", horizon=2 * HOURS, season_length=12)
    promo = Covariates((Column("promo", "futr"),))
    columns = {"covariates": promo.describe()}
    add(C, "previous", features=(*manifest("h").features, "promo"), **columns)
    found = found_in(tmp_path)
    assert found[C].days == found[B].days == found[A].days


def test_series_are_chosen_before_values_are_read(
    tmp_path: Path, add: Callable[..., None]
) -> None:
    """Of many series an even choice, the same each time; those without values are none."""
    many = panel_of(4 * HOURS, series=2 * MOST_SERIES + 1)
    add(A, "champion")
    logs = [Whole(many), Whole(many)]
    plans = [planned(tmp_path, NAME, log) for log in logs]
    chosen = logs[0].asked[0]
    assert 0.5 * MOST_SERIES < len(chosen) <= MOST_SERIES
    assert len(set(np.diff(chosen))) == 1
    np.testing.assert_array_equal(chosen, logs[1].asked[0])
    assert (
        plans[0].entrants[A].ground.panel.ids == plans[1].entrants[A].ground.panel.ids
    )

    values = many.values.copy()
    values[many.offsets[1] : many.offsets[2]] = np.nan
    few = replace(many, values=values).take([0, 1, 2])
    ground = planned(tmp_path, NAME, Whole(few)).entrants[A].ground
    assert ground.panel.ids == ("s0", "s2")


def test_forecasts_are_kept_in_a_file(
    tmp_path: Path, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of all versions at the cutoffs where a shadow counts; else nothing is there."""
    add(A, "champion")
    plan = planned(tmp_path, NAME, Whole(PANEL))
    assert shadow_file.write(plan, compared(plan, lambda _: None, fake)) is None
    add(B, "challenger", "2024-01-07T12:00:00")
    add(C, "previous", "2024-01-08T12:00:00")
    plan = planned(tmp_path, NAME, Whole(PANEL))
    found = compared(plan, lambda _: None, fake)

    path = shadow_file.write(plan, found)

    assert path == tmp_path / NAME / "reports" / "shadow-2024-01-09.parquet"
    frame = pd.read_parquet(path)
    assert list(frame)[:5] == ["unique_id", "ds", "cutoff", "y", A]
    assert len(frame) == 3 * 2 * HOURS
    assert frame["ds"].min() == pd.Timestamp("2024-01-08")
    known = frame.set_index(["unique_id", "ds"])["y"]
    assert known["s1", pd.Timestamp("2024-01-08")] == PANEL.values_of(1)[6 + 6 * HOURS]
    for column in ("", "-lo-80", "-hi-95"):
        np.testing.assert_array_equal(frame[A + column], frame[B + column])
    learned = frame["ds"] < pd.Timestamp("2024-01-09")
    assert frame[C].isna().equals(learned)

    monkeypatch.setattr(shadow_file, "KEPT", 1)
    plan = planned(tmp_path, NAME, Whole(panel_of(8 * HOURS)))
    newer = shadow_file.write(plan, compared(plan, lambda _: None, fake))
    assert list(path.parent.iterdir()) == [newer] != [path]


def test_what_a_kill_left_of_forecasts_goes(
    tmp_path: Path, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As what a full disk left: with the next file, of whichever day."""
    add(A, "champion")
    add(B, "challenger", "2024-01-07T12:00:00")
    days = [planned(tmp_path, NAME, Whole(panel_of(d * HOURS))) for d in (9, 10)]
    found = [compared(plan, lambda _: None, fake) for plan in days]

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(registry, "flush", full)
        with pytest.raises(OSError, match="No space"):
            shadow_file.write(days[0], found[0])
    path = shadow_file.write(days[1], found[1])
    assert path is not None
    assert list(path.parent.iterdir()) == [path]


def test_who_is_in_play(tmp_path: Path, add: Callable[..., None]) -> None:
    """Versions with an alias that are there, the champion first, none without one."""
    assert in_play(tmp_path, NAME) == {}
    add(B, "challenger")
    assert in_play(tmp_path, NAME) == {}
    add(C, "champion")
    registry.set_alias(tmp_path, NAME, "canary", B)
    assert in_play(tmp_path, NAME) == {C: ["champion"], B: ["canary", "challenger"]}
