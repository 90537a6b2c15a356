"""`forecaster train`: one global model on all series of a file."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from forecaster import registry
from forecaster.cli.common import (
    Command,
    import_tensorflow,
    json_option,
    models_dir_option,
    print_json,
)
from forecaster.cli.inputs import mending_options, take_mending
from forecaster.config import CELLS, COVARIATE_ENTRIES, MOST_SEED, covariates_from
from forecaster.errors import ConfigError
from forecaster.manifest import Manifest

FILE = click.Path(path_type=Path)
SECONDS = click.FloatRange(0, min_open=True)


def names_option(flag: str, meaning: str) -> Callable[[Command], Command]:
    """An option that may be given several times."""
    return click.option(
        flag, multiple=True, metavar="NAME", help=f"{meaning} May be repeated."
    )


@click.command()
@click.argument("data", type=FILE)
@click.option("--name", required=True, help="Name of the model.")
@click.option("--horizon", type=click.IntRange(1), help="Steps to forecast at once.")
@click.option("--freq", help="Frequency, a pandas alias; inferred if not given.")
@mending_options
@click.option("--season-length", type=click.IntRange(1), help="Season in steps.")
@click.option("--config", type=FILE, help="Configuration file, TOML.")
@models_dir_option
@click.option(
    "--max-time", "max_time_s", type=SECONDS, help="Seconds to train at most."
)
@click.option("--seed", type=click.IntRange(0, MOST_SEED), help="Seed of all chance.")
@click.option("--cell", type=click.Choice(CELLS), help="Recurrent cell.")
@names_option("--futr-exog", "A column that is known ahead, such as a promotion.")
@names_option("--hist-exog", "A column that is known up to now.")
@names_option("--stat-exog", "A column that is the same in all rows of a series.")
@names_option("--holidays", "A country whose holidays count, such as US or DE-BY.")
@click.option(
    "--from",
    "parent",
    metavar="VERSION",
    help="Begin with the weights of this version or alias, and train for a quarter of the steps.",
)
@click.option("--fresh", is_flag=True, help="Begin anew after an interrupted training.")
@json_option
def train(
    data: Path,
    name: str,
    freq: str | None,
    models_dir: Path,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Train a model on the series in DATA and write a new version of it.

    The end of each series is held out for validation. What is not given is chosen by
    the data. The first version of a model becomes its champion. A training that was
    killed goes on where it was when the same command is given again.
    """
    registry.check_name(name)
    check_models_dir(models_dir, name)
    from forecaster.reading import read_panel  # pyarrow is slow to import

    given = {entry: wishes.pop(entry) for entry in COVARIATE_ENTRIES}
    columns, holidays = covariates_from(wishes["config"], given)
    mending = take_mending(wishes)
    panel = read_panel(data, freq, columns, mending=mending, say=_say)
    import_tensorflow()
    from forecaster.pipeline import train_model  # TensorFlow is slow to import
    from forecaster.planning import Wishes

    manifest = train_model(
        panel, name, Wishes(**wishes, holidays=holidays), models_dir, _say
    )
    champion = registry.aliases(models_dir, name).get(registry.CHAMPION)
    is_champion = champion == manifest.version
    if as_json:
        print_json(_summary(manifest, models_dir, is_champion))
        return
    role = " (champion)" if is_champion else ""
    click.echo(f"wrote {models_dir / name / manifest.version}{role}")
    click.echo(f"held out: {_scores(manifest)}")


def check_models_dir(models_dir: Path, name: str) -> None:
    """Refuse, before any work is done, a folder that could not take a new version.

    Raises:
        ConfigError: it cannot be made, or nothing can be written in it.
    """
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        own = models_dir / name
        with tempfile.NamedTemporaryFile(
            dir=own if own.exists() else models_dir, prefix=".probe-"
        ) as probe:
            probe.write(b"?")
    except OSError as error:
        raise ConfigError(
            f"expected a folder that can be written for the models, got {models_dir}: "
            f"{error.strerror}; give another one with --models-dir"
        ) from error


def _scores(manifest: Manifest) -> str:
    """The scores on the held-out end, in one line."""
    if not manifest.metrics:
        return "nothing, for no series is long enough; the last weights were kept"
    return ", ".join(f"{name} {value:.4g}" for name, value in manifest.metrics.items())


def _summary(manifest: Manifest, models_dir: Path, is_champion: bool) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "name": manifest.name,
        "version": manifest.version,
        "champion": is_champion,
        "parent": manifest.parent,
        "path": str(models_dir / manifest.name / manifest.version),
        "freq": manifest.freq,
        "horizon": manifest.horizon,
        "season_length": manifest.season_length,
        "metrics": manifest.metrics,
        "training": manifest.training,
    }


def _say(message: str) -> None:
    """Progress goes to stderr; stdout is for the result."""
    click.echo(message, err=True)
