"""Results as JSON lines: what is done is not done again when a run goes on."""

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]
KEY = ("set", "method", "seed")


class Results:
    """A file of one JSON object a line, each known by set, method and seed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def all(self) -> list[Record]:
        """What is there; of two records for the same key the later."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        records = [record for line in lines if (record := _parsed(line))]
        return list({key_of(record): record for record in records}.values())

    def has(self, name: str, method: str, seed: int) -> bool:
        """Whether this was measured before; a failure counts as not."""
        found = {key_of(one): one for one in self.all()}.get((name, method, seed))
        return found is not None and "error" not in found

    def add(self, record: Record) -> None:
        """Append one; it is on disk when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def key_of(record: Record) -> tuple[Any, ...]:
    """What a record is known by."""
    return tuple(record[name] for name in KEY)


def _parsed(line: str) -> Record | None:
    """A record; None for a line that an interruption cut short."""
    try:
        return dict(json.loads(line))
    except ValueError:
        return None
