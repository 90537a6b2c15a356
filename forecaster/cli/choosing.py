"""Which version a line means: `NAME VERSION`, which other verbs spell `--name`, `--version`."""

from collections.abc import Callable
from typing import Any

import click

Given = dict[str, str | None]


def model_arguments(**metavars: str) -> Callable[[Callable[..., Any]], Any]:
    """Give a command `name` and perhaps `version`, shown as these words of its usage."""

    def give(command: Callable[..., Any]) -> Callable[..., Any]:
        for what in reversed(metavars):
            option = click.option(f"--{what}", f"{what}_option", hidden=True)
            argument = click.argument(what, required=False, metavar=metavars[what])
            command = argument(option(command))
        return command

    return give


def one(given: Given, what: str) -> str | None:
    """Return what was given as an argument or as an option, which must not be both."""
    argument, option = given[what], given[f"{what}_option"]
    if argument is not None and option is not None:
        raise click.UsageError(
            f"got {what.upper()} {argument!r} and --{what} {option!r}; say it once."
        )
    return option if argument is None else argument


def needed(given: Given, what: str) -> str:
    """Return the same, which must not be absent."""
    found = one(given, what)
    if found is None:
        raise click.UsageError(f"Missing argument '{what.upper()}'.")
    return found
