"""What is told of a retraining: what was asked, learned from, compared and decided."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from forecaster import scoring
from forecaster.gate import Decision
from forecaster.manifest import Manifest, learned_until
from forecaster.panel import Panel
from forecaster.report import Report
from forecaster.trial import Trial
from forecaster.verdict import Retraining

FORMAT = 1
PROMOTE, KEEP, FAILED = "promote", "keep", "failed"


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """All of a retraining, as far as it came.

    Attributes:
        id: names the files; sorts by the begin.
        name: the model.
        started_at: when it began.
        wishes: what was asked for.
        panel: the data it was given.
        champion: the manifest of what is to be beaten.
        trial: where the two met.
        challenger: the manifest of the new version.
        report: what they forecast, and how well.
        decision: what the gate said.
        outcome: `PROMOTE`, `KEEP` or `FAILED`.
        reason: why, in sentences.
    """

    id: str
    name: str
    started_at: datetime
    wishes: Retraining
    panel: Panel
    champion: Manifest
    trial: Trial | None = None
    challenger: Manifest | None = None
    report: Report | None = None
    decision: Decision | None = None
    outcome: str = FAILED
    reason: str = ""


def begun(
    name: str, wishes: Retraining, panel: Panel, champion: Manifest, token: str
) -> Account:
    """The account of a retraining that begins now (`token`: tells two of a second apart)."""
    now = datetime.now(UTC)
    return Account(
        f"{now:%Y%m%dT%H%M%SZ}-{token}", name, now, wishes, panel, champion
    )  # fmt: skip


def fairness(trial: Trial, champion: Manifest, *, fine_tune: bool = False) -> str:
    """Who has seen what of the windows, in a sentence.

    Args:
        trial: where the two meet.
        champion: its manifest.
        fine_tune: whether the challenger begins with the champion's weights.
    """
    until = learned_until(champion)
    if trial.seen is None:
        return "The champion does not tell what it has learned from."
    if not trial.seen:
        return (
            f"Neither has learned from them: the champion has seen data up to {until}."
        )
    seen = (
        f"The champion has learned from values within {trial.seen} of these "
        f"{trial.windows} windows (its data end at {until}), "
    )
    if fine_tune:
        return f"{seen}and the challenger begins with its weights: neither is favoured."
    return f"{seen}the challenger from none: the comparison leans towards the champion."


def summary_of(panel: Panel) -> dict[str, Any]:
    """How many series and points, and from when until when."""
    lasts = panel.frequency.times(panel.starts, panel.lengths - 1)
    first, last = panel.frequency.format(np.array([panel.starts.min(), lasts.max()]))
    return {
        "series": len(panel),
        "points": len(panel.values),
        "missing": int(np.isnan(panel.values).sum()),
        "freq": panel.frequency.alias,
        "first": first,
        "last": last,
    }


def place_of(trial: Trial) -> dict[str, Any]:
    """Which windows of which series were forecast, and from when on."""
    where = trial.where
    firsts, lasts = where.origins[:, 0], where.origins[:, -1] + where.horizon - 1
    times = where.panel.frequency.times
    begin, end = where.panel.frequency.format(
        np.array([times(where.panel.starts, firsts).min(),
                  times(where.panel.starts, lasts).max()])
    )  # fmt: skip
    return {
        "series": len(where.panel),
        "series_left_out": len(where.left_out),
        "windows": int(where.origins.shape[1]),
        "horizon": where.horizon,
        "first": begin,
        "last": end,
        "windows_of_series": trial.windows,
        "seen_by_champion": trial.seen,
    }


def as_json(account: Account) -> dict[str, Any]:
    """The account as JSON has it; numbers that are not finite are None."""
    report, decision = account.report, account.decision
    return {
        "format": FORMAT,
        "id": account.id,
        "name": account.name,
        "started_at": f"{account.started_at:%Y-%m-%dT%H:%M:%SZ}",
        "seconds": round((datetime.now(UTC) - account.started_at).total_seconds(), 1),
        "outcome": account.outcome,
        "reason": account.reason,
        "wishes": asdict(account.wishes),
        "data": summary_of(account.panel),
        "champion": _about(account.champion),
        "challenger": None
        if account.challenger is None
        else _about(account.challenger),
        "gate": None if account.trial is None else _place(account),
        "scores": None if report is None else report.summary(),
        "pooled": None if report is None else scoring.pooled(report.judged),
        "p_value": None if decision is None else decision.p_value,
        "checks": [] if decision is None else [asdict(c) for c in decision.checks],
        "segments": []
        if decision is None
        else [{**asdict(s), "worse": s.worse} for s in decision.segments],
    }


def _place(account: Account) -> dict[str, Any]:
    """Where the two met, and how fair that was."""
    assert account.trial is not None
    fine_tune = account.wishes.fine_tune
    told = fairness(account.trial, account.champion, fine_tune=fine_tune)
    return {**place_of(account.trial), "fairness": told}


def _about(manifest: Manifest) -> dict[str, Any]:
    """What is told of a version."""
    return {
        "version": manifest.version,
        "parent": manifest.parent,
        "data": manifest.data,
        "metrics": manifest.metrics,
        "training": manifest.training,
        "configuration": manifest.configuration,
    }
