"""The command line: `forecaster VERB`, one file per verb, and one policy for errors.

Exit code 0 is success, 2 wrong usage or bad input, 1 failure. An error is one line on
stderr. A verb's file is imported when the verb is used, and what is slow to import
(TensorFlow, pandas) only inside the verb's function.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from forecaster import __version__
from forecaster.errors import ForecasterError, InputError

VERBS = (
    *("train", "predict", "backtest", "retrain", "models"),
    *("serve", "worker", "jobs", "schedules", "keys"),
    *("backup", "restore", "export", "import", "compact", "config"),
)
MODULES = {"import": "importing"}  # Python has a word of that name


class Verbs(click.Group):
    """The group of all verbs: `train` is the command `train` of `forecaster.cli.train`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs, in the order in which a newcomer needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb's command, or nothing if there is no such verb."""
        if cmd_name not in VERBS:
            return None
        module = MODULES.get(cmd_name, cmd_name)
        command: click.Command = getattr(
            import_module(f"forecaster.cli.{module}"), module
        )
        return command


@click.group(cls=Verbs, no_args_is_help=False)
@click.version_option(__version__, message="%(prog)s %(version)s")
def verbs() -> None:
    """Train stacked LSTM forecasters, serve them, carry the state of every series."""


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    >>> run(["config", "--help"])  # doctest: +ELLIPSIS
    Usage: forecaster config [OPTIONS]
    ...
    0
    """
    # TensorFlow's C++ side would write notes about this machine on stderr.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        code = verbs.main(arguments, prog_name="forecaster", standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "forecaster"
        problem = error.format_message().rstrip(".")
        return _fail(f"{problem}. See '{command} --help'.", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except click.Abort:
        return _fail("interrupted", 130)
    except InputError as error:
        return _fail(str(error), 2)
    except ForecasterError as error:
        return _fail(str(error), 1)
    except Exception as error:
        # The last line of defence: a user never meets a traceback unasked.
        if os.environ.get("FORECASTER_DEBUG"):
            raise
        return _fail(_unexpected(error), 1)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return (
        f"unexpected {type(error).__name__}: {error} "
        "(FORECASTER_DEBUG=1 shows where it came from)"
    )


def _fail(message: str, code: int) -> int:
    one_line = " ".join(part.strip() for part in message.splitlines())
    click.echo(f"Error: {one_line}", err=True)
    return code
