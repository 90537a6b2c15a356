"""What the command lines of the benchmarks share."""

import shutil
from collections.abc import Collection
from pathlib import Path

import click

# Of the environment that `make peers` makes.
PEER_PYTHON = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
FOLDER = click.Path(file_okay=False, path_type=Path)


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
