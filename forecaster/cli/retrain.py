"""`forecaster retrain`: one retraining now, and its challenger promoted if it is better."""

from pathlib import Path
from typing import Any

import click

from forecaster import manifest as manifests
from forecaster import registry
from forecaster.cli.common import (
    import_tensorflow,
    json_option,
    models_dir_option,
    print_json,
)
from forecaster.cli.inputs import mending_options, read_for_model, say, take_mending
from forecaster.cli.store import database_option, log_of
from forecaster.config import MOST_SEED
from forecaster.covariates import Covariates
from forecaster.errors import BusyError, ConfigError
from forecaster.manifest import Manifest
from forecaster.overlay import overlaid
from forecaster.panel import Panel
from forecaster.progress import Display, progress
from forecaster.registry import CHAMPION
from forecaster.verdict import METRICS, MOST_WINDOWS, Retraining, Verdict

SERVICE = "service"


@click.command()
@click.option("--name", required=True, help="Name of the model.")
@click.option(
    "--from",
    "sources",
    multiple=True,
    default=(SERVICE,),
    metavar="service|DATA",
    help="The log of the service, a file, or both.  [default: service]",
)
@click.option("--fine-tune", is_flag=True, help="Begin with the champion's weights.")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default=Retraining().metric,
    show_default=True,
    help="The measure that decides.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, max_open=True),
    default=Retraining().margin,
    show_default=True,
    help="The share by which it must be lower.",
)
@click.option(
    "--windows",
    type=click.IntRange(1, MOST_WINDOWS),
    help="Newest cutoffs of each series that decide.  [default: by the data]",
)
@click.option(
    "--max-time",
    "max_time_s",
    type=click.FloatRange(0, min_open=True),
    help="Seconds to train at most.  [default: as the champion]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MOST_SEED),
    help="Seed of all chance.  [default: as the champion]",
)
@click.option("--freq", help="Frequency of DATA, a pandas alias.")
@mending_options
@database_option
@models_dir_option
@json_option
def retrain(
    name: str,
    sources: tuple[str, ...],
    database: str,
    models_dir: Path,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Train a challenger like the champion on newer data; promote it if it is better.

    Both forecast the newest windows, which the challenger has not learned from, with
    their states carried as in service. The challenger becomes champion if it is better
    by the margin, beyond chance, and nowhere much worse; else the champion stays. The
    report says why, whichever way it ends.
    """
    champion = manifests.read(registry.resolve(models_dir, name))
    freq, mending = wishes.pop("freq"), take_mending(wishes)
    asked = Retraining(**wishes)
    panels = [read_for_model(file, freq, champion, mending) for file in _files(sources)]
    if SERVICE in sources:
        panels.append(_log(database, champion))
    panel = panels[0] if len(panels) == 1 else overlaid(*panels)
    say(f"read {panel}")
    import_tensorflow()
    from forecaster.retraining import (
        retrain as retrained,
    )  # TensorFlow is slow to import

    with progress("retraining", silent=as_json) as display:
        verdict = retrained(panel, name, asked, models_dir, say, _shown(display))
    if verdict.promote:
        _promote(verdict, models_dir)
    if as_json:
        print_json(_answer(verdict))
        return
    click.echo(_outcome(verdict))
    click.echo(verdict.reason)
    click.echo(f"report: {verdict.report.with_suffix('.html')}")


def _files(sources: tuple[str, ...]) -> list[Path]:
    """The file among the sources, if there is one.

    Raises:
        ConfigError: there are two.
    """
    files = [source for source in sources if source != SERVICE]
    if len(files) > 1:
        raise ConfigError(
            f"--from: expected one file at most, got {', '.join(files)}. Put them into one"
        )
    return [Path(file) for file in files]


def _log(database: str, champion: Manifest) -> Panel:
    columns = Covariates.read(champion.covariates).names
    return log_of(database, champion.name, columns)


def _shown(display: Display | None) -> Any:
    return (lambda done, message: None) if display is None else display.show


def _promote(verdict: Verdict, models_dir: Path) -> None:
    """Make the challenger champion, unless somebody else has chosen one meanwhile."""
    from forecaster.promotion import promote  # TensorFlow is slow to import

    champion = registry.aliases(models_dir, verdict.name).get(CHAMPION)
    if champion != verdict.champion:
        raise BusyError(
            f"{verdict.version} is better than {verdict.champion}, but meanwhile "
            f"{champion} was made champion, which it was not compared with. Retrain again, "
            f"or say 'forecaster models promote {verdict.name} {verdict.version}'"
        )
    promote(models_dir, verdict.name, verdict.version)


def _outcome(verdict: Verdict) -> str:
    if verdict.promote:
        return (
            f"{verdict.name}: {verdict.version} is champion; previous is "
            f"{verdict.champion}"
        )
    return f"{verdict.name}: {verdict.champion} stays champion"


def _answer(verdict: Verdict) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "name": verdict.name,
        "version": verdict.version,
        "champion": verdict.champion,
        "promoted": verdict.promote,
        "reason": verdict.reason,
        "metrics": verdict.scores,
        "report": str(verdict.report),
    }
