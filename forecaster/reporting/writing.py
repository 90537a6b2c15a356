"""The files of an account: `MODELS/NAME/reports/ID.json`, and a page beside it."""

import json
import math
from pathlib import Path
from typing import Any

from forecaster.registry import write_atomically
from forecaster.reporting.account import Account, as_json
from forecaster.reporting.page import page_of

FOLDER = "reports"
KEPT = 100  # reports of a model; older ones go


def written(account: Account, models_dir: Path) -> Path:
    """Writes both files, the JSON last, and returns its path."""
    folder = models_dir / account.name / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    content = finite(as_json(account))
    write_atomically(folder / f"{account.id}.html", page_of(account, content))
    path = folder / f"{account.id}.json"
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")
    for old in sorted(folder.glob("*.json"))[:-KEPT]:
        old.with_suffix(".html").unlink(missing_ok=True)
        old.unlink(missing_ok=True)
    return path


def finite(value: Any) -> Any:
    """A JSON value in which what is no finite number is None.

    >>> finite({"a": [float("nan"), 1.0]})
    {'a': [None, 1.0]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
