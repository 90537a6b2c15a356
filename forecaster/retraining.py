"""A retraining: a challenger is trained, meets the champion at the newest cutoffs, and is
judged by the gate. Whichever way it ends, an account of it is written.

The champion is never touched: who asked for the retraining appoints the challenger, if
the verdict says so (`promotion.promote`, `succession.appoint`).
"""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from forecaster import gate, registry, reporting
from forecaster import manifest as manifests
from forecaster.artifact import load
from forecaster.covariates import Covariates
from forecaster.errors import ConfigError
from forecaster.evaluation import Cutoffs, carried_forecasts, judge
from forecaster.exog import Columns
from forecaster.frequency import Frequency
from forecaster.lineage import asked_again
from forecaster.manifest import Manifest
from forecaster.metrics import at
from forecaster.panel import Panel
from forecaster.pipeline import train_model
from forecaster.progress import Show
from forecaster.proving import prove
from forecaster.registry import CHALLENGER, CHAMPION
from forecaster.report import Report
from forecaster.reporting import Account
from forecaster.reporting.account import KEEP, PROMOTE, fairness
from forecaster.trial import trial_of
from forecaster.verdict import Retraining, Verdict

__all__ = ["Retraining", "Verdict", "columns_of", "retrain"]

Say = Callable[[str], None]

NOTHING_NEW = (
    "The champion was trained on exactly these data: there is nothing new to learn, and "
    "nothing that it has not seen to compare on. Nothing was trained."
)
# Shares of the way: what has been done when the training begins, when it has ended, when
# the challenger has forecast, when the champion has.
TRAINING, TRAINED, CHALLENGED, COMPARED = 0.02, 0.85, 0.91, 0.97


def columns_of(models_dir: Path, name: str) -> Columns:
    """The covariates of the champion, which the data of a retraining must have.

    Raises:
        ModelNotFound: there is no such model, or it has no champion.
    """
    champion = manifests.read(registry.resolve(models_dir, name))
    return Covariates.read(champion.covariates).names


def retrain(
    panel: Panel,
    name: str,
    wishes: Retraining,
    models_dir: Path,
    say: Say,
    progress: Show,
) -> Verdict:
    """Trains a challenger like the champion on newer data, and judges it.

    Args:
        panel: all there is, with the covariates of the champion (`columns_of`).
        name: the model.
        wishes: what is asked for.
        models_dir: the models folder.
        say: takes lines of progress.
        progress: takes the share of the way, 0 to 1, and a message.

    Raises:
        ModelNotFound: there is no such model, or it has no champion; nothing is written.
        InputError: the data cannot be used; the account says why.
        TrainingError: training cannot go on; the account says why.
    """
    folder = registry.resolve(models_dir, name)
    champion = manifests.read(folder)
    first = reporting.begun(name, wishes, panel, champion, secrets.token_hex(2))
    account = first
    try:
        for account in _steps(first, models_dir, say, progress):  # noqa: B007 - the last
            pass
    except BaseException as error:
        told = str(error) or type(error).__name__
        with suppress(OSError):  # of two errors the first is told
            path = reporting.written(replace(account, reason=told), models_dir)
            say(f"wrote {path.with_suffix('.html')}")
        raise
    path = reporting.written(account, models_dir)
    say(f"wrote {path.with_suffix('.html')}")
    progress(1.0, account.reason)
    return Verdict(
        name=name,
        version=None if account.challenger is None else account.challenger.version,
        champion=champion.version,
        promote=account.outcome == PROMOTE,
        reason=account.reason,
        scores={} if account.report is None else account.report.summary(),
        report=path,
    )


def _steps(
    account: Account, models_dir: Path, say: Say, progress: Show
) -> Iterator[Account]:
    """The account after each step; the last one is the outcome."""
    wishes, champion = account.wishes, account.champion
    _check_fit(account.panel, champion)
    trial = trial_of(account.panel, champion, wishes.windows)
    account = replace(account, trial=trial)
    yield account
    if not trial.news:
        yield replace(account, outcome=KEEP, reason=NOTHING_NEW)
        return
    told = fairness(trial, champion, fine_tune=wishes.fine_tune)
    say(f"the newest {trial.windows} windows of series decide. {told}")
    challenger = _trained(account, trial.known, models_dir, say, progress)
    account = replace(account, challenger=challenger)
    yield account
    report = _compared(account, trial.where, models_dir, progress)
    decision = gate.decide(report, wishes.metric, wishes.margin)
    account = replace(account, report=report, decision=decision, reason=decision.reason)
    yield account
    if decision.promote:
        prove(models_dir / account.name / challenger.version)
    yield replace(account, outcome=PROMOTE if decision.promote else KEEP)


def _check_fit(panel: Panel, champion: Manifest) -> None:
    """Refuse data that the champion could not forecast."""
    if panel.frequency.step != Frequency.parse(champion.freq).step:
        raise ConfigError(
            f"expected data at {champion.freq!r}, the frequency of the champion "
            f"{champion.version}, got {panel.frequency.alias!r}. Train another model on "
            "such data"
        )
    columns = Covariates.read(champion.covariates).names
    if panel.exog.columns != columns:
        raise ConfigError(
            f"expected the covariates of the champion, {columns}, got "
            f"{panel.exog.columns}. Read the data with those"
        )


def _trained(
    account: Account, known: Panel, models_dir: Path, say: Say, progress: Show
) -> Manifest:
    """A new version, the challenger from now on."""
    wishes = account.wishes

    def show(done: float, message: str) -> None:
        share = TRAINING + (TRAINED - TRAINING) * min(done, 1.0)
        progress(share, f"training: {message}")

    show(0.0, str(known))
    with tempfile.TemporaryDirectory(prefix="forecaster-retrain-") as folder:
        asked = replace(asked_again(account.champion, Path(folder)), alias=CHALLENGER)
        if wishes.seed is not None:
            asked = replace(asked, seed=wishes.seed)
        if wishes.max_time_s is not None:
            asked = replace(asked, max_time_s=wishes.max_time_s)
        if wishes.fine_tune:
            asked = replace(asked, parent=account.champion.version)
        made = train_model(known, account.name, asked, models_dir, say, show)
    say(f"wrote {models_dir / account.name / made.version} ({CHALLENGER})")
    return made


def _compared(
    account: Account, where: Cutoffs, models_dir: Path, progress: Show
) -> Report:
    """What both forecast at the cutoffs, each with its state carried between them."""
    assert account.challenger is not None
    versions = {
        CHALLENGER: (account.challenger, TRAINED, CHALLENGED),
        CHAMPION: (account.champion, CHALLENGED, COMPARED),
    }
    levels = _common(account.challenger, account.champion)
    forecasts = {}
    for name, (manifest, begin, end) in versions.items():
        model = load(models_dir / account.name / manifest.version)
        windows = []
        each = carried_forecasts(model, where.panel, where.origins, where.horizon)
        for number, quantiles in enumerate(each, start=1):
            share = number / where.origins.shape[1]
            progress(begin + (end - begin) * share, f"the {name} forecasts")
            own = manifest.quantiles
            windows.append(np.stack([at(quantiles, own, p) for p in levels], axis=-1))
        forecasts[name] = np.stack(windows, axis=1)
    return judge(where, forecasts, levels, account.champion.season_length)


def _common(one: Manifest, other: Manifest) -> tuple[float, ...]:
    """The quantiles that both forecast."""
    return tuple(level for level in one.quantiles if level in other.quantiles)
