"""`forecaster backtest`: how well a model would have forecast the end of each series."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from forecaster import evaluation, registry, report, scoring, statistical
from forecaster import manifest as manifests
from forecaster.cli import scoreboard
from forecaster.cli.common import (
    import_tensorflow,
    json_option,
    models_dir_option,
    print_json,
)
from forecaster.cli.frames import check_other_file, check_writable, write
from forecaster.cli.inputs import (
    Watched,
    mending_options,
    read_for_model,
    say,
    take_mending,
)
from forecaster.cli.levels import SpreadsBaselines, baselines_option
from forecaster.evaluation import Cutoffs, Floats
from forecaster.manifest import Manifest
from forecaster.report import Report

FILE = click.Path(path_type=Path)
PICTURES = (".png", ".svg", ".pdf")
SECONDS = click.FloatRange(0, min_open=True)


@click.command(cls=SpreadsBaselines)
@click.argument("data", type=FILE)
@click.option("--name", required=True, help="Name of the model.")
@click.option("--version", help="A version or an alias.  [default: champion]")
@click.option(
    "--windows",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Cutoffs of each series.",
)
@click.option(
    "--step-size",
    type=click.IntRange(1),
    help="Steps from one cutoff to the next.  [default: the horizon]",
)
@click.option(
    "--horizon",
    type=click.IntRange(1, 100_000),
    help="Steps to forecast at each.  [default: as trained]",
)
@click.option("--freq", help="Frequency, a pandas alias; inferred if not given.")
@mending_options
@click.option("--refit", is_flag=True, help="Train anew before each cutoff.")
@click.option(
    "--max-time",
    "max_time_s",
    type=SECONDS,
    help="Seconds of each of these trainings at most.",
)
@baselines_option
@click.option(
    "--by",
    type=click.Choice(["series", "step"]),
    multiple=True,
    help="Scores by series, or by thirds of the horizon, too.",
)
@click.option("--out", type=FILE, help="Long frame: .csv, .csv.gz or .parquet.")
@click.option("--plot", type=FILE, help="Fan charts: .png, .svg or .pdf.")
@models_dir_option
@json_option
def backtest(
    data: Path,
    name: str,
    version: str | None,
    models_dir: Path,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Forecast at the last cutoffs of each series in DATA and compare with what came.

    The state is carried from cutoff to cutoff, as in service, and Naive and
    SeasonalNaive forecast beside. Each measure is averaged over the series. What the
    model was trained on it has seen: for an honest score, DATA goes on after that, or
    --refit trains a model before each cutoff, to be thrown away.
    """
    check_writable(wishes["out"])
    check_other_file(wishes["out"], data)
    check_writable(wishes["plot"], PICTURES)
    evaluation.check_name(name, wishes["baselines"])
    statistical.check(wishes["baselines"])
    folder = registry.resolve(models_dir, name, version)
    manifest = manifests.read(folder)
    panel = read_for_model(data, wishes["freq"], manifest, take_mending(wishes))
    plan = _plan(manifest, wishes)
    where = evaluation.cutoffs_of(panel, **plan)  # refused before what takes long
    say(f"read {panel}")
    import_tensorflow()
    if wishes["refit"]:
        forecasts = _refitted(where, manifest, wishes["max_time_s"])
    else:
        forecasts = _carried(where, folder)
    found = _judged(where, manifest, {name: forecasts}, wishes["baselines"])
    heading = _heading(manifest, found, plan, wishes["refit"])
    if as_json:
        print_json(_answer(manifest, found, plan, wishes))
    else:
        click.echo(scoreboard.text(heading, found, wishes["by"]))
    if wishes["out"] is not None:
        write(report.long_columns(found), wishes["out"])
        say(f"wrote {wishes['out']}")
    if wishes["plot"] is not None:
        _draw(found, heading, wishes["plot"])


def _carried(where: Cutoffs, folder: Path) -> Floats:
    """Forecasts of one version, its states carried from cutoff to cutoff [N, W, H, Q]."""
    from forecaster.artifact import load  # TensorFlow is slow to import

    model = load(folder)
    panel, origins = where.panel, where.origins
    with Watched(model, values=int(origins[:, -1].sum())) as watched:
        each = evaluation.carried_forecasts(watched, panel, origins, where.horizon)
        return np.stack(list(each), axis=1)


def _refitted(where: Cutoffs, manifest: Manifest, max_time_s: float | None) -> Floats:
    """Forecasts of a version trained for each cutoff [N, W, H, Q]."""
    from forecaster.refitting import refitted_forecasts  # TensorFlow is slow to import

    return refitted_forecasts(where, manifest, max_time_s, say)


def _judged(
    where: Cutoffs,
    manifest: Manifest,
    forecasts: dict[str, Floats],
    baselines: tuple[str, ...],
) -> Report:
    """The report, with statistical baselines if there are to be some."""
    levels, season = tuple(manifest.quantiles), manifest.season_length
    if baselines:
        shape = statistical.Shape(where.horizon, levels, season)
        forecasts |= statistical.forecast_all(
            where.panel, where.origins, shape, baselines, say
        )
    return evaluation.judge(where, forecasts, levels, season)


def _draw(found: Report, heading: str, path: Path) -> None:
    """Write the fan charts of some series."""
    from forecaster import plots  # matplotlib is slow to import

    plots.save(plots.fan_charts(plots.charts_of(found), heading), path)
    say(f"wrote {path}")


def _plan(manifest: Manifest, wishes: dict[str, Any]) -> dict[str, int]:
    """Windows, step size and horizon, the latter two from the model if not given."""
    horizon = wishes["horizon"] or manifest.horizon
    return {
        "windows": wishes["windows"],
        "step_size": wishes["step_size"] or horizon,
        "horizon": horizon,
    }


def _answer(
    manifest: Manifest, found: Report, plan: dict[str, int], wishes: dict[str, Any]
) -> dict[str, Any]:
    """What `--json` prints."""
    summary = found.summary()
    by_steps = scoring.by_steps(found.judged)
    answer = {
        "model": {"name": manifest.name, "version": manifest.version},
        "freq": manifest.freq,
        "season_length": manifest.season_length,
        **plan,
        "refit": wishes["refit"],
        "series": len(found.panel),
        "left_out": list(found.left_out),
        "metrics": summary,
        "best": scoring.best(summary),
        "skill": scoring.skill(summary, found.name, found.baselines),
        "pooled": scoring.pooled(found.judged),
        "by_step": [
            {"steps": list(steps), "metrics": table}
            for steps, table in by_steps.items()
        ],
    }
    if "series" in wishes["by"]:
        answer["by_series"] = {
            series: {
                model: {measure: float(v[index]) for measure, v in scores.items()}
                for model, scores in found.scores.items()
            }
            for index, series in enumerate(found.panel.ids)
        }
    return answer


def _heading(
    manifest: Manifest, found: Report, plan: dict[str, int], refit: bool
) -> str:
    """Which model was evaluated on what."""
    windows, series = plan["windows"], len(found.panel)
    who = (
        f"{manifest.name} trained anew"
        if refit
        else f"{manifest.name} {manifest.version}"
    )
    return (
        f"{who} on {series} series: {windows} "
        f"window{'s' * (windows > 1)} of {plan['horizon']} steps, "
        f"{plan['step_size']} apart, season {manifest.season_length}"
    )
