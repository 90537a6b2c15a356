"""Which release runs, and on which libraries."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import forecaster
from service.sqlite_driver import sqlite


def release() -> dict[str, Any]:
    """Return the release, and the libraries it stands on.

    >>> sorted(release()["libraries"])
    ['numpy', 'python', 'sqlite', 'tensorflow']
    """
    found = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "sqlite": sqlite.sqlite_version,
        "tensorflow": _installed("tensorflow", "tensorflow-cpu"),
    }
    return {"version": forecaster.__version__, "libraries": found}


def _installed(*names: str) -> str:
    for name in names:
        with suppress(PackageNotFoundError):
            return version(name)
    return "none"
