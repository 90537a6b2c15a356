"""Laws of retraining, with real models: the better one wins, the worse one is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import manifest as manifests
from forecaster import registry, retraining
from forecaster.errors import ConfigError, DataError, ModelNotFound, TrainingError
from forecaster.exog import Columns
from forecaster.finetuning import inherited
from forecaster.frequency import Frequency
from forecaster.lineage import asked_again
from forecaster.panel import Panel
from forecaster.pipeline import train_model
from forecaster.planning import plan
from forecaster.removal import prune
from forecaster.retraining import Retraining, Verdict, columns_of, retrain

pytestmark = pytest.mark.tf


@pytest.fixture
def models(tiny_models: Path, tmp_path: Path) -> Path:
    """A models folder of its own with the champion `tiny`."""
    return Path(shutil.copytree(tiny_models, tmp_path / "models"))


@pytest.fixture(scope="session")
def longer(seasonal_panel: Panel) -> Panel:
    """What `tiny` was trained on, and six more years like it."""
    rng = np.random.default_rng(8)
    step = np.arange(300, 372)
    values = [
        np.concatenate(
            [
                seasonal_panel.values_of(i),
                10 + 5 * np.sin(2 * np.pi * (step + i) / 12) + rng.normal(0, 0.5, 72) + 3 * i,
            ]
        )
        for i in range(6)
    ]  # fmt: skip
    return Panel.from_series(
        seasonal_panel.ids, values, seasonal_panel.starts, seasonal_panel.frequency
    )


def run(panel: Panel, models: Path, **wishes: Any) -> Verdict:
    """One retraining; progress must rise from 0 to 1."""
    shares = [0.0]

    def progress(done: float, message: str) -> None:
        assert shares[-1] <= done <= 1
        assert message
        shares.append(done)

    asked = Retraining.read(wishes)
    verdict = retrain(panel, "tiny", asked, models, lambda line: None, progress)
    assert shares[-1] == 1.0
    return verdict


def reports(models: Path) -> list[dict[str, Any]]:
    """All that was written, oldest first; each with its page."""
    found = sorted((models / "tiny" / "reports").glob("*.json"))
    assert all(path.with_suffix(".html").exists() for path in found)
    return [json.loads(path.read_text(encoding="utf-8")) for path in found]


def test_a_challenger_trained_on_shuffled_targets_is_refused(
    models: Path, longer: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate says why with numbers, the champion stays, the report tells it all."""

    def sabotaged(known: Panel, *arguments: Any) -> Any:
        rng = np.random.default_rng(0)
        shuffled = [rng.permutation(known.values_of(i)) for i in range(len(known))]
        assert known.lengths.max() == 312  # all but the newest five years
        return train_model(
            replace(known, values=np.nan_to_num(np.concatenate(shuffled), nan=10.0)),
            *arguments,
        )

    monkeypatch.setattr(retraining, "train_model", sabotaged)
    champion = registry.resolve(models, "tiny").name
    verdict = run(longer, models, metric="mase")
    assert not verdict.promote
    assert "worse, where 1.0% better is asked for" in verdict.reason
    assert "Wilcoxon" in verdict.reason
    roles = registry.aliases(models, "tiny")
    assert roles == {"champion": champion, "challenger": verdict.version}
    assert verdict.scores["challenger"]["mase"] > verdict.scores["champion"]["mase"]

    (told,) = reports(models)
    assert told["outcome"] == "keep"
    assert told["reason"] == verdict.reason
    assert told["gate"]["windows"] == 5
    assert told["gate"]["seen_by_champion"] == 0
    page = verdict.report.with_suffix(".html").read_text(encoding="utf-8")
    assert "The champion stays" in page
    assert page.count("<img src=") == page.count(" alt=") == 6
    assert "http" not in page.replace("http-equiv", "")  # nothing is fetched

    # A report is no version, and versions come and go beside it.
    assert registry.versions(models, "tiny") == sorted([champion, verdict.version])
    registry.set_alias(models, "tiny", registry.CHALLENGER, None)
    assert prune(models, "tiny", 0) == [verdict.version]
    assert verdict.report.exists()


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (
            lambda p: p.cut(40).take([0]),
            DataError,
            "too few points: expected a series of",
        ),
        (
            lambda p: replace(p, frequency=Frequency("D")),
            ConfigError,
            "expected data at 'MS'",
        ),
    ],
)
def test_data_that_will_not_do_leave_a_report_that_says_so(
    models: Path,
    longer: Panel,
    wrong: Callable[[Panel], Panel],
    error: type[Exception],
    told: str,
) -> None:
    """Nothing is trained, the error is raised, and the page tells it too."""
    with pytest.raises(error, match=told):
        run(wrong(longer), models)
    (account,) = reports(models)
    assert account["outcome"] == "failed"
    assert told in account["reason"]
    assert len(registry.versions(models, "tiny")) == 1


def test_a_training_that_fails_leaves_a_report_and_the_champion(
    models: Path, longer: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way it ends, it is told."""

    def failing(*arguments: Any) -> Any:
        raise TrainingError("step 7: expected a finite loss, got nan <&>")

    monkeypatch.setattr(retraining, "train_model", failing)
    before = registry.aliases(models, "tiny")
    with pytest.raises(TrainingError):
        run(longer, models)
    (account,) = reports(models)
    assert account["reason"] == "step 7: expected a finite loss, got nan <&>"
    assert account["gate"]["series"] == 6
    (page,) = (models / "tiny" / "reports").glob("*.html")
    assert "got nan &lt;&amp;&gt;" in page.read_text(encoding="utf-8")
    assert registry.aliases(models, "tiny") == before


def test_data_that_the_champion_was_trained_on_are_nothing_new(
    models: Path, seasonal_panel: Panel
) -> None:
    """Nothing is trained, for nothing could be learned or compared fairly."""
    verdict = run(seasonal_panel, models)
    assert (verdict.promote, verdict.version) == (False, None)
    assert "exactly these data" in verdict.reason
    assert [one["outcome"] for one in reports(models)] == ["keep"]


def test_the_configuration_of_the_champion_is_asked_for_again(
    models: Path, longer: Panel, tmp_path: Path
) -> None:
    """Anew or fine-tuned; what the data chose for horizon and season stays, too."""
    manifest = manifests.read(registry.resolve(models, "tiny"))
    asked = asked_again(manifest, tmp_path)
    anew = plan(longer, asked)
    assert (anew.task.horizon, anew.task.season_length) == (12, 12)
    assert (anew.architecture.units, anew.schedule.steps) == (16, 60)
    assert anew.schedule.seed == 1
    tuned = inherited(longer, replace(asked, parent=manifest.version), manifest)
    assert tuned.architecture == anew.architecture
    assert tuned.schedule.learning_rate == anew.schedule.learning_rate / 4

    old = asked_again(replace(manifest, configuration=None), tmp_path)
    assert plan(longer, old).architecture == anew.architecture


def test_without_a_champion_there_is_nothing_to_beat(
    models: Path, longer: Panel
) -> None:
    """The message says what there is, and nothing is written."""
    assert columns_of(models, "tiny") == Columns()
    with pytest.raises(ModelNotFound, match=r"no model 'other'"):
        retrain(longer, "other", Retraining(), models, print, print)
    registry.write_aliases(models / "tiny", {})
    with pytest.raises(ModelNotFound, match=r"no version 'champion'"):
        run(longer, models)
    assert not (models / "other").exists()


def test_what_is_asked_for_is_read_strictly() -> None:
    """An entry that is unknown, or of another kind, is named."""
    assert Retraining.read({"margin": 0, "windows": None}) == Retraining(margin=0)
    for content, told in [
        ({"metrik": "mase"}, r"'metrik': not an entry"),
        ({"metric": "coverage-80"}, r"metric: expected one of wql"),
        ({"windows": True}, r"windows: expected"),
        ({"fine_tune": 1}, r"fine_tune: expected bool"),
        ({"max_time_s": 0}, r"max_time_s: expected seconds above 0"),
        ({"margin": float("nan")}, r"margin: expected a share"),
    ]:
        with pytest.raises(ConfigError, match=told):
            Retraining.read(content)
