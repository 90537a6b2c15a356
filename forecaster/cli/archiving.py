"""Archives of the store, for the verbs that write and read them: their door to `service`.

Slow to import (pyarrow), so the verbs do it inside their functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forecaster.cli.common import print_json
from forecaster.cli.store import opened
from forecaster.progress import progress
from service import archive
from service.archive import Contents

if TYPE_CHECKING:
    from sqlalchemy import Engine


def save(database: str, file: Path, as_json: bool) -> None:
    """Write all that a store holds into a file."""
    with _read(database) as store, _told("backup", as_json) as tell:
        contents = archive.save(store, file, tell)
    _show(contents, file, "wrote", as_json)


def save_series(
    database: str, file: Path, ids: tuple[str, ...], name: str | None, as_json: bool
) -> None:
    """Write some series of a store into a file."""
    with _read(database) as store, _told("export", as_json) as tell:
        contents = archive.save_series(store, file, ids, name, tell)
    _show(contents, file, "wrote", as_json)


def restore(database: str, file: Path, as_json: bool) -> None:
    """Fill an empty store from a file."""
    with archive.Archive(file) as found:
        with opened(database) as store, _told("restore", as_json) as tell:
            archive.restore(store, found, tell)
        _show(found.contents, file, "restored", as_json)


def take_in(database: str, file: Path, replace: bool, as_json: bool) -> None:
    """Add the series of a file to a store."""
    with archive.Archive(file) as found:
        with opened(database) as store, _told("import", as_json) as tell:
            archive.take_in(store, found, replace, tell)
        _show(found.contents, file, "imported", as_json)


def _read(database: str) -> AbstractContextManager[Engine]:
    return opened(database, anew=False, reads_only=True)


@contextmanager
def _told(name: str, silent: bool) -> Iterator[Callable[[float, str], None]]:
    """Give what is to be told how far it has come."""
    with progress(name, silent=silent) as display:
        yield (lambda share, what: None) if display is None else display.show


def _show(contents: Contents, file: Path, done: str, as_json: bool) -> None:
    rows = {name: member.rows for name, member in contents.tables.items()}
    if as_json:
        size = file.stat().st_size
        about = {"schema": contents.schema, "made_at": contents.made_at}
        print_json({"file": str(file), "bytes": size, **about, "rows": rows})
    else:
        what = ", ".join(f"{count} {name}" for name, count in rows.items() if count)
        click.echo(f"{done} {file}: {what or 'nothing'}", err=True)
