"""The option `--level 80 95`: several numbers after one flag."""

import re
from typing import Any

import click


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


def spread(args: list[str]) -> list[str]:
    """Repeat `--level` before each further number behind it.

    >>> spread(["--level", "80", "95", "data.csv", "--horizon", "3"])
    ['--level', '80', '--level', '95', 'data.csv', '--horizon', '3']
    """
    result: list[str] = []
    behind_flag = False
    for arg in args:
        is_number = re.fullmatch(r"\d[\d.,]*", arg) is not None
        behind_flag = arg.startswith("--level") or (behind_flag and is_number)
        if behind_flag and is_number and result[-1] != "--level":
            result.append("--level")
        result.append(arg)
    return result


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
