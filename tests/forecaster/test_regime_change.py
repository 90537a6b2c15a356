"""Law of retraining: who has seen what changed wins, of data from a file and the log."""

import json
from pathlib import Path

import numpy as np
import pytest

from forecaster import registry
from forecaster.frequency import Frequency
from forecaster.panel import Panel
from forecaster.pipeline import train_model
from forecaster.planning import Wishes
from service.database import open_database
from service.records import Change, Grid, Span
from service.store import Store
from tests.conftest import TINY_CONFIG
from tests.forecaster.conftest import Shell

pytestmark = pytest.mark.tf
TRAINED, BEFORE = 150, 400  # steps the champion knew, steps there are


@pytest.fixture
def changed(tmp_path: Path) -> Panel:
    """Seasons that repeat, until each begins to turn the one before upside down."""
    rng = np.random.default_rng(3)
    step = np.arange(BEFORE)
    turned = np.where((step >= TRAINED) & ((step - TRAINED) // 12 % 2 == 0), -1, 1)
    values = [
        20 + 5 * turned * np.sin(2 * np.pi * (step + 2 * i) / 12)
        + rng.normal(0, 0.5, BEFORE)
        for i in range(6)
    ]  # fmt: skip
    starts = np.array(["1980-01-01"] * 6, "M8[us]")
    return Panel.from_series("abcdef", values, starts, Frequency("MS"))


def test_a_challenger_that_saw_the_regime_change_is_promoted(
    changed: Panel, tmp_path: Path, shell: Shell
) -> None:
    """Of a file of the past with the service's log on top, by the command line."""
    config = tmp_path / "tiny.toml"
    config.write_text(TINY_CONFIG, encoding="utf-8")
    wishes = Wishes(horizon=12, seed=1, config=config)
    old = train_model(changed.cut(TRAINED), "tiny", wishes, tmp_path / "models")
    lines = ["unique_id,ds,y"]
    for i, one in enumerate(changed.ids):
        days = changed.times_of(i)[:200].astype("M8[D]")
        lines += [f"{one},{d},{y!r}" for d, y in zip(days, changed.values_of(i).tolist(), strict=False)]  # fmt: skip
    (tmp_path / "past.csv").write_text("\n".join(lines), encoding="utf-8")
    observed(changed, tmp_path / "log.db", begin=180)

    done = shell(
        f"retrain --name tiny --from past.csv --from service --json "
        f"--database sqlite:///{tmp_path}/log.db --models-dir {tmp_path}/models"
    )
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["promoted"], answer["reason"]
    roles = registry.aliases(tmp_path / "models", "tiny")
    assert roles == {"champion": answer["version"], "previous": old.version}
    told = json.loads(Path(answer["report"]).read_text(encoding="utf-8"))
    assert told["data"]["points"] == 6 * BEFORE  # the file and the log, each once
    assert told["challenger"]["configuration"]["network"]["units"] == 16
    assert told["challenger"]["configuration"]["seed"] == 1


def observed(panel: Panel, file: Path, begin: int) -> None:
    """A store in which the series of a panel were observed from a step on."""
    engine = open_database(f"sqlite:///{file}")
    store = Store(engine)
    for i, one in enumerate(panel.ids):
        values = panel.values_of(i)[begin:]
        start = panel.times_of(i)[begin].astype(np.int64)
        steps = np.arange(len(values))
        span = Span(0, len(values))
        state = np.zeros(2, np.float32)
        grid = Grid("MS", int(start))
        store.commit(
            "tiny", "v", [Change(one, None, grid, span, steps, values.copy(), state)]
        )
    store.close()
