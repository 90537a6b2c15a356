"""Options that take several words: `--level 80 95`, `--baselines AutoETS Theta`."""

import re
from typing import Any

import click

from forecaster.statistical import MODELS

NUMBER = r"\d[\d.,]*"


class Levels(click.ParamType[tuple[float, ...]]):
    """One or several percentages: `80` or `80,95`."""

    name = "percent"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """Numbers between 0 and 100.

        >>> Levels().convert("80,95", None, None)
        (80.0, 95.0)
        """
        try:
            levels = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            levels = ()
        if not levels or not all(0 < level < 100 for level in levels):
            self.fail(
                f"expected percentages above 0 and below 100, such as 80 95; got {value!r}.",
                param,
                ctx,
            )
        return levels


class SpreadsLevels(click.Command):
    """A command whose `--level` takes all the numbers that follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `--level 80 95` as `--level 80 --level 95`."""
        return super().parse_args(ctx, spread(args))


class SpreadsBaselines(click.Command):
    """A command whose `--baselines` takes all the names of models that follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `--baselines AutoETS Theta` as `--baselines AutoETS --baselines Theta`."""
        words = rf"(?:(?:{'|'.join(MODELS)}),?)+"
        return super().parse_args(ctx, spread(args, "--baselines", words))


def spread(args: list[str], flag: str = "--level", word: str = NUMBER) -> list[str]:
    """Repeat a flag before each further word behind it, words being what matches `word`.

    >>> spread(["--level", "80", "95", "data.csv", "--horizon", "3"])
    ['--level', '80', '--level', '95', 'data.csv', '--horizon', '3']
    """
    result: list[str] = []
    behind_flag = False
    for arg in args:
        is_word = re.fullmatch(word, arg) is not None
        behind_flag = arg.startswith(flag) or (behind_flag and is_word)
        if behind_flag and is_word and result[-1] != flag:
            result.append(flag)
        result.append(arg)
    return result


def baselines_option(command: Any) -> Any:
    """Give a command `--baselines`, as a tuple of names."""
    return click.option(
        "--baselines",
        multiple=True,
        callback=_names,
        metavar="MODEL ...",
        help=f"Statistical models to compare with, of {', '.join(MODELS)}.",
    )(command)


def _names(
    ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    names = [name for names in value for name in names.split(",") if name]
    return tuple(dict.fromkeys(names))


def level_option(command: Any) -> Any:
    """Give a command `--level`, as the argument `levels`: 80 and 95 if not given."""
    return click.option(
        "--level",
        "levels",
        type=Levels(),
        multiple=True,
        callback=_flat,
        metavar="PERCENT ...",
        help="Central intervals to give.  [default: 80 95]",
    )(command)


def _flat(
    ctx: click.Context, parameter: click.Parameter, value: tuple[tuple[float, ...], ...]
) -> tuple[float, ...]:
    return tuple(level for levels in value for level in levels) or (80.0, 95.0)
