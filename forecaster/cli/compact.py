"""`forecaster compact`: free what only takes room in the store."""

from dataclasses import asdict
from pathlib import Path

import click

from forecaster.cli.common import json_option, models_dir_option, print_json
from forecaster.cli.store import database_option, opened
from forecaster.progress import progress
from forecaster.settings import load


@click.command()
@database_option
@models_dir_option
@json_option
def compact(database: str, models_dir: Path, as_json: bool) -> None:
    """Free what only takes room, and say how much that was.

    States of versions that are gone or behind, what keep_points and keep_days do not
    keep, and free pages. The service may run meanwhile; on SQLite its writes wait while
    the file is made anew.
    """
    from service.compacting import compact as free  # slow to import, as all of service

    keep = load().retention
    with (
        opened(database, anew=False) as store,
        progress("compact", silent=as_json) as display,
    ):
        tell = (lambda share, what: None) if display is None else display.show
        freed = free(store, models_dir, keep, tell)
    if as_json:
        print_json(asdict(freed))
        return
    click.echo(
        f"freed {_size(freed.bytes_before - freed.bytes_after)} of "
        f"{_size(freed.bytes_before)}: {freed.states} states, {freed.steps} steps of "
        f"logs, {freed.keys} keys of retries"
    )
    if freed.left_alone:
        click.echo(
            f"left alone, for {models_dir} has no model of that name: "
            f"{', '.join(freed.left_alone)}",
            err=True,
        )


def _size(count: int) -> str:
    """Return bytes as people read them; a file that grew a little has freed none.

    >>> _size(1_234_567), _size(-40_000)
    ('1.2 MB', '0.0 MB')
    """
    return f"{max(0, count) / 1e6:.1f} MB"
