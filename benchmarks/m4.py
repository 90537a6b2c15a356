"""Score forecasts on M4 Hourly and Weekly by the rules of the competition.

    python -m benchmarks.m4                                   # the bars, checked
    python -m benchmarks.m4 --set weekly --forecast F.csv     # a file of `predict`
    python -m benchmarks.m4 --set hourly --train              # train, predict, score

sMAPE and MASE are averaged over the series; OWA is the mean of their two ratios to
those of Naive2: a ratio of averages. Naive2 is computed here and must score as
published, or the run ends.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.m4_data import GROUPS, Competition, Group, load, train_file
from benchmarks.naive2 import naive2
from forecaster import metrics

Floats = NDArray[np.float64]
Scores = dict[str, float]


def score(m4: Competition, forecast: Floats) -> Scores:
    """sMAPE and MASE of point forecasts `[N, horizon]`, averaged over the series."""
    return {
        "sMAPE": float(metrics.smape(m4.actual, forecast).mean()),
        "MASE": float(metrics.mase(m4.actual, forecast, m4.scale).mean()),
    }


def score_intervals(m4: Competition, low: Floats, high: Floats) -> Scores:
    """MSIS and coverage of 95 per cent intervals `[N, horizon]`."""
    msis = metrics.msis(m4.actual, low, high, m4.scale, level=95)
    inside = metrics.coverage(m4.actual, low, high)
    return {"MSIS-95": float(msis.mean()), "coverage-95": float(inside.mean())}


def bars(m4: Competition) -> dict[str, Scores]:
    """Naive2, SeasonalNaive and Naive; refuses a Naive2 other than the published."""
    season, horizon = m4.group.season_length, m4.group.horizon
    methods: dict[str, Callable[[Floats], Floats]] = {
        "Naive2": partial(naive2, season_length=season, horizon=horizon),
        "SeasonalNaive": lambda x: np.resize(x[-season:], horizon),
        "Naive": lambda x: np.repeat(x[-1], horizon),
    }
    scores = {
        name: score(m4, np.stack([forecast(x) for x in m4.history]))
        for name, forecast in methods.items()
    }
    found = tuple(scores["Naive2"].values())
    if not np.allclose(found, m4.group.naive2, rtol=0, atol=5.1e-4):
        raise click.ClickException(
            f"Naive2 scores {found} here and {m4.group.naive2} as published: the data "
            "are not those of the competition, or this scorer is wrong"
        )
    return scores


def score_file(m4: Competition, path: Path, column: str | None) -> tuple[str, Scores]:
    """The name of the forecast column of a `predict` file, and its scores."""
    forecast = pd.read_csv(path, dtype={"unique_id": str})
    name = column or str(forecast.columns[2])
    future = m4.future.astype({"unique_id": str})
    aligned = future.merge(forecast, on=["unique_id", "ds"], how="left")
    absent = aligned[name].isna()
    if absent.any():
        first = aligned.loc[absent, ["unique_id", "ds"]].iloc[0]
        raise click.ClickException(
            f"{path}: no forecast of series {first['unique_id']} at step {first['ds']} "
            f"({absent.sum()} are missing); forecast every series of the training file"
        )

    def values(name: str) -> Floats:
        return np.asarray(aligned[name], float).reshape(m4.actual.shape)

    scores = score(m4, values(name))
    if f"{name}-lo-95" in aligned:
        low, high = values(f"{name}-lo-95"), values(f"{name}-hi-95")
        scores |= score_intervals(m4, low, high)
    return name, scores


def forecast_with_cli(
    folder: Path, group: Group, work: Path, options: tuple[str, ...]
) -> Path:
    """Train on the history and forecast what follows, each as a user would."""
    data, name = train_file(folder, group), f"m4-{group.name}"
    work.mkdir(parents=True, exist_ok=True)
    out = work / f"{name}.csv"
    models = ("--name", name, "--models-dir", str(work / "models"))
    season = ("--season-length", str(group.season_length))
    horizon = ("--horizon", str(group.horizon))
    for verb, *rest in (
        ("train", *horizon, *season, *options),
        ("predict", "--level", "80", "95", "--out", str(out)),
    ):
        began = time.monotonic()
        command = (sys.executable, "-m", "forecaster", verb, str(data), *models, *rest)
        subprocess.run(command, check=True)
        click.echo(f"{verb}: {time.monotonic() - began:.0f} s", err=True)
    return out


def table(m4: Competition, scores: dict[str, Scores]) -> str:
    """The scores as aligned text, OWA added, published scores below."""
    unit = scores["Naive2"]
    for row in scores.values():
        row["OWA"] = (row["sMAPE"] / unit["sMAPE"] + row["MASE"] / unit["MASE"]) / 2
    known = {
        f"{name}, published": dict(zip(("sMAPE", "MASE", "OWA"), row, strict=True))
        for name, row in m4.group.published.items()
    }
    frame = pd.DataFrame({**scores, **known}).T
    title = f"M4 {m4.group.name}, {len(m4.history)} series, {m4.group.horizon} steps"
    return f"{title}\n{frame.to_string(float_format='{:.3f}'.format, na_rep='')}\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("../shared/benchmarks"),
    show_default=True,
    help="Folder of the m4_*.csv.gz files.",
)
@click.option(
    "--set", "chosen", type=click.Choice(["all", *GROUPS]), default="all", help="Which."
)
@click.option(
    "--forecast",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV written by `predict`, to be scored on the one --set.",
)
@click.option("--column", help="Its column to score; default: the third.")
@click.option("--train", is_flag=True, help="Train and forecast through the CLI.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to keep the models and forecasts of --train in.",
)
@click.argument("train_options", nargs=-1, type=click.UNPROCESSED)
def main(  # noqa: PLR0913 - one for each option
    data: Path,
    chosen: str,
    forecast: Path | None,
    column: str | None,
    train: bool,
    keep: Path | None,
    train_options: tuple[str, ...],
) -> None:
    """Score the bars, a forecast file, or a model trained here.

    TRAIN_OPTIONS, after `--`, go to `train`: `-- --max-time 300 --seed 1`.
    """
    if forecast is not None and chosen == "all":
        raise click.UsageError("--forecast needs --set hourly or --set weekly")
    for group in GROUPS.values() if chosen == "all" else (GROUPS[chosen],):
        m4 = load(data, group)
        scores = bars(m4)
        if forecast is not None:
            name, scored = score_file(m4, forecast, column)
            scores[name] = scored
        if train:
            with tempfile.TemporaryDirectory() as work:
                folder = keep or Path(work)
                path = forecast_with_cli(data, group, folder, train_options)
                name, scored = score_file(m4, path, None)
            scores[name] = scored
        click.echo(table(m4, scores))


if __name__ == "__main__":
    main()
