"""Settings as options of a verb."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from forecaster.settings import FIELDS, flag_name

Command = TypeVar("Command", bound=Callable[..., Any])

METAVARS = {"models_dir": "DIR", "database": "URL", "port": "PORT"}


def setting_options(*names: str) -> Callable[[Command], Command]:
    """Give a command these settings as options, None when not given."""

    def give(command: Command) -> Command:
        for name in reversed(names):
            command = _option(name)(command)
        return command

    return give


def _option(name: str) -> Callable[[Command], Command]:
    field = FIELDS[name]
    kind: dict[str, Any] = {"is_flag": True} if field.type is bool else {}
    if field.type is int:
        kind = {"type": int}
    meaning = field.metadata["meaning"]
    return click.option(
        flag_name(name),
        default=None,
        metavar=METAVARS.get(name),
        help=f"{meaning[0].upper()}{meaning[1:]} (default: {field.default}).",
        **kind,
    )
