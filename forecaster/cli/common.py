"""What several verbs share: options, and printing JSON."""

import json
import logging
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from forecaster.settings import load

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Give a command `--json`, as the argument `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on stdout."
    )(command)


def models_dir_option(command: Command) -> Command:
    """Give a command `--models-dir`, as a path that is never None."""
    return click.option(
        "--models-dir",
        metavar="DIR",
        callback=_models_dir,
        help="Folder of the models; the setting models_dir when not given.",
    )(command)


def database_option(command: Command) -> Command:
    """Give a command `--database`, as a URL that is never None."""
    return click.option(
        "--database",
        metavar="URL",
        callback=_database,
        help="The store of the service; the setting database when not given.",
    )(command)


def print_json(value: object) -> None:
    """Print one JSON value in one line; what is no finite number becomes null.

    >>> print_json({"mase": 0.5, "msis": float("nan")})
    {"mase": 0.5, "msis": null}
    """
    click.echo(json.dumps(_finite(value), ensure_ascii=False))


def import_tensorflow() -> None:
    """Import TensorFlow without the notes that it writes on stderr.

    Its C++ side writes them before it reads TF_CPP_MIN_LOG_LEVEL, so the descriptor itself is
    turned away for as long as the import takes.
    """
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow  # noqa: F401 - slow to import, so not at the top

        # That trainings of one process trace their steps anew, for one.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def _models_dir(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> Path:
    return load({"models_dir": value}).server.models_dir


def _database(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str:
    return load({"database": value}).server.database


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
