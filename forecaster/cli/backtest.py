"""`forecaster backtest`: how well a model would have forecast the end of each series."""

from pathlib import Path
from typing import Any

import click

from forecaster import evaluation, metrics, registry, report
from forecaster import manifest as manifests
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
from forecaster.manifest import Manifest
from forecaster.report import Report

FILE = click.Path(path_type=Path)
PICTURES = (".png", ".svg", ".pdf")


@click.command()
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
    model was trained on it has seen: for an honest score, DATA goes on after that.
    """
    check_writable(wishes["out"])
    check_other_file(wishes["out"], data)
    check_writable(wishes["plot"], PICTURES)
    folder = registry.resolve(models_dir, name, version)
    manifest = manifests.read(folder)
    panel = read_for_model(data, wishes["freq"], manifest, take_mending(wishes))
    plan = _plan(manifest, wishes)
    evaluation.long_enough(panel, **plan)  # refused before loading, which takes long
    import_tensorflow()
    from forecaster.artifact import load

    model = load(folder)
    say(f"read {panel}")
    with Watched(model, values=int(panel.lengths.sum())) as watched:
        found = evaluation.backtest(watched, panel, name=name, **plan)
    if as_json:
        print_json(_answer(manifest, found, plan))
    else:
        click.echo(_text(manifest, found, plan))
    if wishes["out"] is not None:
        write(report.long_columns(found), wishes["out"])
        say(f"wrote {wishes['out']}")
    if wishes["plot"] is not None:
        _draw(manifest, found, plan, wishes["plot"])


def _draw(manifest: Manifest, found: Report, plan: dict[str, int], path: Path) -> None:
    """Write the fan charts of some series."""
    from forecaster import plots  # matplotlib is slow to import

    charts = plots.charts_of(found)
    plots.save(plots.fan_charts(charts, _heading(manifest, found, plan)), path)
    say(f"wrote {path}")


def _plan(manifest: Manifest, wishes: dict[str, Any]) -> dict[str, int]:
    """Windows, step size and horizon, the latter two from the model if not given."""
    horizon = wishes["horizon"] or manifest.horizon
    return {
        "windows": wishes["windows"],
        "step_size": wishes["step_size"] or horizon,
        "horizon": horizon,
    }


def _answer(manifest: Manifest, found: Report, plan: dict[str, int]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "model": {"name": manifest.name, "version": manifest.version},
        "freq": manifest.freq,
        "season_length": manifest.season_length,
        **plan,
        "series": len(found.panel),
        "left_out": list(found.left_out),
        "metrics": found.summary(),
    }


def _text(manifest: Manifest, found: Report, plan: dict[str, int]) -> str:
    """A heading, a table of measures by model, and who was left out."""
    lines = [_heading(manifest, found, plan), "", *_table(found.summary())]
    if found.left_out:
        count, some = len(found.left_out), ", ".join(found.left_out[:5])
        more = ", …" if count > 5 else ""
        lines += ["", f"left out, too short: {count} series ({some}{more})"]
    return "\n".join(lines)


def _heading(manifest: Manifest, found: Report, plan: dict[str, int]) -> str:
    """Which model was evaluated on what."""
    windows, series = plan["windows"], len(found.panel)
    return (
        f"{manifest.name} {manifest.version} on {series} series: {windows} "
        f"window{'s' * (windows > 1)} of {plan['horizon']} steps, "
        f"{plan['step_size']} apart, season {manifest.season_length}"
    )


def _table(summary: dict[str, dict[str, float]]) -> list[str]:
    """Rows of measures, columns of models, aligned."""
    rows = [["", *summary]]
    for measure in metrics.NAMES:
        rows.append(
            [measure, *(_number(scores[measure]) for scores in summary.values())]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        ).rstrip()
        for row in rows
    ]


def _number(value: float) -> str:
    """Three decimals, fewer for large numbers; a dash where there is no score.

    >>> [_number(value) for value in (0.81234, 28964.2, 1e-5, float("nan"))]
    ['0.812', '28,964', '1e-05', '-']
    """
    if value != value:
        return "-"
    if 0 < abs(value) < 5e-4:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.3f}"
