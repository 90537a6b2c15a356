"""`forecaster predict`: what comes after the end of each series of a file."""

import sys
from pathlib import Path
from typing import Any

import click

from forecaster import manifest as manifests
from forecaster import prediction, registry
from forecaster.cli.common import (
    import_tensorflow,
    json_option,
    models_dir_option,
    print_json,
)
from forecaster.cli.frames import (
    Columns,
    as_csv,
    as_table,
    check_other_file,
    check_writable,
    write,
)
from forecaster.cli.inputs import (
    Watched,
    mending_options,
    read_for_model,
    say,
    take_mending,
    with_future,
)
from forecaster.cli.levels import SpreadsLevels, level_option
from forecaster.frequency import Frequency
from forecaster.insample import insample
from forecaster.manifest import Manifest
from forecaster.panel import Panel
from forecaster.prediction import Forecasts

FILE = click.Path(path_type=Path)


@click.command(cls=SpreadsLevels)
@click.argument("data", type=FILE)
@click.option("--name", required=True, help="Name of the model.")
@click.option("--version", help="A version or an alias.  [default: champion]")
@click.option(
    "--horizon",
    type=click.IntRange(1, 100_000),
    help="Steps to forecast.  [default: as trained]",
)
@level_option
@click.option(
    "--insample",
    is_flag=True,
    help="Forecast each observed step one step ahead instead, and judge it.",
)
@click.option("--freq", help="Frequency, a pandas alias; inferred if not given.")
@mending_options
@click.option(
    "--future",
    type=FILE,
    help="What is known ahead: unique_id, ds and the columns of futr_exog.",
)
@click.option("--out", type=FILE, help="A .csv, .csv.gz or .parquet file to write.")
@models_dir_option
@json_option
def predict(
    data: Path,
    name: str,
    version: str | None,
    models_dir: Path,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Forecast what comes after the end of each series in DATA.

    The series need not be those the model was trained on. The columns are unique_id,
    ds, the median under the model's NAME, then NAME-lo-80, NAME-hi-80 and so on. With
    --insample there is a row for each observed step instead, with its y before and its
    anomaly score behind: 1 less the probability of a value so far from its forecast.
    Covariates known ahead are read from rows of DATA behind the last value, with y
    empty, or from --future. Without --out the forecasts go to stdout, as CSV or, on a terminal, as a table.
    """
    if wishes["insample"] and wishes["horizon"] is not None:
        raise click.UsageError("--insample is one step ahead; leave out --horizon")
    out: Path | None = wishes["out"]
    check_writable(out)
    check_other_file(out, data)
    folder = registry.resolve(models_dir, name, version)
    manifest = manifests.read(folder)
    prediction.check_levels(wishes["levels"], manifest.quantiles)
    panel = read_for_model(data, wishes["freq"], manifest, take_mending(wishes))
    horizon = wishes["horizon"] or manifest.horizon
    panel = with_future(panel, wishes["future"], horizon)
    import_tensorflow()
    from forecaster.artifact import load

    model = load(folder)
    say(f"read {panel}")
    with Watched(model, values=len(panel.values)) as watched:
        if wishes["insample"]:
            say(f"judging {len(panel.values)} steps with {name} {manifest.version}")
            columns = insample(watched, panel, name, wishes["levels"])
            answer = _judged(panel, columns, name)
        else:
            say(f"forecasting {horizon} steps with {name} {manifest.version}")
            forecasts = prediction.predict(watched, panel, horizon, wishes["levels"])
            columns = prediction.long_columns(forecasts, name)
            answer = _forecast(manifest, forecasts)
    if as_json:
        about = {"name": manifest.name, "version": manifest.version}
        print_json({"model": about, "freq": manifest.freq, **answer})
    if out is not None:
        write(columns, out)
        say(f"wrote {out}")
    elif not as_json:
        click.echo(as_table(columns) if sys.stdout.isatty() else as_csv(columns))


def _forecast(manifest: Manifest, forecasts: Forecasts) -> dict[str, Any]:
    """What `--json` prints, in the words of the service's answer."""
    frequency = Frequency.parse(manifest.freq)
    return {
        "forecasts": [
            {
                "unique_id": unique_id,
                "ds": frequency.format(forecasts.times[i]),
                "median": forecasts.median[i].tolist(),
                "intervals": {k: v[i].tolist() for k, v in forecasts.intervals.items()},
            }
            for i, unique_id in enumerate(forecasts.ids)
        ],
    }


def _judged(panel: Panel, columns: Columns, name: str) -> dict[str, Any]:
    """What `--insample --json` prints: a list of each column for each series."""
    renamed = {name: "median", "anomaly": "score"}
    shown = []
    for i, unique_id in enumerate(panel.ids):
        rows = slice(panel.offsets[i], panel.offsets[i + 1])
        one: dict[str, Any] = {
            renamed.get(key, key.removeprefix(f"{name}-")): column[rows].tolist()
            for key, column in columns.items()
        }
        one["ds"] = panel.frequency.format(columns["ds"][rows])
        shown.append({**one, "unique_id": unique_id})
    return {"insample": shown}
