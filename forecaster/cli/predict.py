"""`forecaster predict`: what comes after the end of each series of a file."""

import sys
from collections.abc import Sequence
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
from forecaster.insample import check_name, insample
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
@click.option("--url", help="Let the service at http://HOST:PORT forecast.")
@click.option(
    "--api-key-env",
    metavar="VARIABLE",
    default="FORECASTER_API_KEY",
    show_default=True,
    help="The variable that holds the key for --url.",
)
@click.option("--gzip", is_flag=True, help="With --url: send and take gzip.")
@click.option(
    "--stateless", is_flag=True, help="With --url: the service stores nothing."
)
@click.option(
    "--on-conflict",
    type=click.Choice(("error", "ignore", "revise")),
    default="error",
    show_default=True,
    help="With --url: what becomes of a time that is carried with another value.",
)
@json_option
@click.pass_context
def predict(
    ctx: click.Context,
    /,
    data: Path,
    name: str,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Forecast what comes after the end of each series in DATA.

    The series need not be those the model was trained on. The columns are unique_id,
    ds, the median under the model's NAME, then NAME-lo-80, NAME-hi-80 and so on. With
    --insample there is a row for each step up to that end instead, with its y before and its
    anomaly score behind: 1 less the probability of a value so far from its forecast.
    Covariates known ahead are read from rows of DATA behind the last value, with y
    empty, or from --future. Without --out the forecasts go to stdout, as CSV or, on a terminal, as a table.
    With --url a running service takes the values in and forecasts; it keeps them. Series
    that it refuses are listed on stderr, and the exit code is 1; so it is where the service
    fails in the middle: what was answered until then is written, what is missing told.
    """
    if wishes["insample"] and wishes["horizon"] is not None:
        raise click.UsageError("--insample is one step ahead; leave out --horizon")
    if wishes["insample"]:
        check_name(name)
    out: Path | None = wishes["out"]
    check_writable(out)
    check_other_file(out, data, wishes["future"])
    model = _Remote(name, wishes) if wishes["url"] else _Local(name, wishes)
    manifest = model.manifest
    prediction.check_levels(wishes["levels"], manifest.quantiles)
    mending = take_mending(wishes)
    panel = read_for_model(data, wishes["freq"], manifest, mending)
    horizon = wishes["horizon"] or manifest.horizon
    panel = with_future(panel, wishes["future"], horizon, mending)
    columns, answer = model.answer(panel, horizon)
    if as_json:
        about = {"name": manifest.name, "version": manifest.version}
        print_json({"model": about, "freq": manifest.freq, **answer})
    if out is not None:
        write(columns, out)
        say(f"wrote {out}")
    elif not as_json:
        click.echo(as_table(columns) if sys.stdout.isatty() else as_csv(columns))
    if answer.get("errors") or answer.get("failure"):
        ctx.exit(1)


Answer = tuple[Columns, dict[str, Any]]  # as a file, and what `--json` prints


class _Local:
    """A version in the folder of models, computed here."""

    def __init__(self, name: str, wishes: dict[str, Any]) -> None:
        asked = {"stateless": wishes["stateless"], "gzip": wishes["gzip"]}
        asked["on-conflict"] = wishes["on_conflict"] != "error"
        for flag, is_asked in asked.items():
            if is_asked:
                raise click.UsageError(
                    f"--{flag}: said to a running service; give its --url, or leave it out"
                )
        self._name, self._wishes = name, wishes
        self._folder = registry.resolve(wishes["models_dir"], name, wishes["version"])
        self.manifest = manifests.read(self._folder)

    def answer(self, panel: Panel, horizon: int) -> Answer:
        import_tensorflow()
        from forecaster.artifact import load

        model, name, levels = load(self._folder), self._name, self._wishes["levels"]
        say(f"read {panel}")
        with Watched(model, values=len(panel.values)) as watched:
            if self._wishes["insample"]:
                say(
                    f"judging {len(panel.values)} steps with {name} "
                    f"{self.manifest.version}"
                )
                columns = insample(watched, panel, name, levels)
                return columns, _judged(panel, columns, name)
            say(f"forecasting {horizon} steps with {name} {self.manifest.version}")
            forecasts = prediction.predict(watched, panel, horizon, levels)
        columns = prediction.long_columns(forecasts, name)
        return columns, _forecast(self.manifest, forecasts)


class _Remote:
    """The champion of a running service, computed there."""

    def __init__(self, name: str, wishes: dict[str, Any]) -> None:
        from forecaster.cli.remote import Service  # few need it

        for flag in ("version", "insample"):
            if wishes[flag]:
                raise click.UsageError(
                    f"--{flag}: a service forecasts with its champion alone; leave out "
                    "--url or this"
                )
        self._name, self._wishes = name, wishes
        self._service = Service.at(wishes["url"], wishes["api_key_env"], wishes["gzip"])
        self.manifest = self._service.manifest(name)

    def answer(self, panel: Panel, horizon: int) -> Answer:
        from forecaster.cli.sending import Wishes, forecast_by  # pyarrow is slow

        say(f"read {panel}")
        say(f"forecasting {horizon} steps with {self._name} at {self._wishes['url']}")
        asked = Wishes(
            self._name,
            horizon,
            self._wishes["levels"],
            self._wishes["on_conflict"],
            self._wishes["stateless"],
        )
        returned = forecast_by(self._service, panel, asked, _tell_refused)
        columns = prediction.long_columns(returned.forecasts, self._name)
        told = {
            **_forecast(self.manifest, returned.forecasts),
            "errors": returned.errors,
        }
        if returned.failure is not None:
            _tell_missing(returned.missing, returned.failure)
            told |= {"missing": list(returned.missing), "failure": returned.failure}
        return columns, told


def _tell_refused(one: dict[str, Any]) -> None:
    say(f"refused: {one.get('unique_id')!r} ({one['status']}): {one['detail']}")


def _tell_missing(missing: Sequence[str], failure: str) -> None:
    say(f"failed: {failure}")
    if missing:
        say(
            f"missing: {len(missing)} series, from {missing[0]!r} to {missing[-1]!r}, "
            "were not forecast; the same command may be given again"
        )


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
