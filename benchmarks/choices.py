"""What the command lines of the benchmarks share."""

import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

# Of the environment that `make peers` makes.
PEER_PYTHON = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

DATA = click.option("--data", type=FOLDER, required=True, help="Folder of the sets.")
SETS = click.option("--sets", default="all", show_default=True, help="With commas.")
SEEDS = click.option("--seeds", default="0,1,2", show_default=True, help="With commas.")
MAX_TIME = click.option("--max-time", type=float, help="Passed to `train`, seconds.")
PEER_STEPS = click.option(
    "--peer-steps", default=500, show_default=True, help="max_steps of neuralforecast."
)
PEERS_BY = click.option(
    "--peer-python",
    type=click.Path(path_type=Path),
    default=PEER_PYTHON,
    help="Python of the other libraries.  [default: that of make peers]",
)


def work(folder: str) -> Callable[[Command], Command]:
    """The option that says where results are kept."""
    return click.option(
        "--work", type=FOLDER, default=Path(folder), show_default=True, help="Kept."
    )


def out(report: Path) -> Callable[[Command], Command]:
    """The option that says where the report goes."""
    shown = f"The report.  [default: benchmarks/{report.name}]"
    return click.option("--out", type=FILE, default=report, help=shown)


def chosen(text: str, names: Collection[str]) -> tuple[str, ...]:
    """Names with commas between, each of them one of `names`; all of them; or none.

    >>> chosen("b,a", ["a", "b", "c"]), chosen("all", ["a", "b"]), chosen("none", "a")
    (('b', 'a'), ('a', 'b'), ())
    """
    if text in ("all", "none"):
        return tuple(names) if text == "all" else ()
    wanted = tuple(text.split(","))
    for one in wanted:
        if one not in names:
            raise click.UsageError(f"{one}: expected some of {', '.join(names)}")
    return wanted


def empty(folder: Path) -> Path:
    """A folder without what an interrupted run left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
