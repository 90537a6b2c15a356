"""What the scripts here share: read series from a CSV, talk JSON to the service.

Standard library only, so that it also runs where nothing is installed.
"""

import csv
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

# The service is on this machine: a proxy of the environment must not be asked.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServiceError(Exception):
    """The service answered with an error."""


def read_series(path: Path) -> list[dict[str, Any]]:
    """Return the series of a long CSV as `/predict` takes them, in order of time."""
    found: dict[str, dict[str, Any]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = row["unique_id"]
            series = found.setdefault(name, {"unique_id": name, "ds": [], "y": []})
            series["ds"].append(row["ds"])
            series["y"].append(float(row["y"]) if row["y"] else None)
    return list(found.values())


def part(series: dict[str, Any], start: int, stop: int | None) -> dict[str, Any]:
    """Return the points of a series from `start` up to `stop`, as in a slice."""
    points = {key: series[key][start:stop] for key in ("ds", "y")}
    return {"unique_id": series["unique_id"], **points}


def call(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a GET, or a POST where there is a body, and return the JSON of the answer.

    Raises:
        ServiceError: the service answered with an error.
        OSError: it did not answer.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, headers={"Content-Type": "application/json"}
    )
    try:
        with OPENER.open(request, timeout=120) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        detail = error.read(4096).decode(errors="replace")
        raise ServiceError(f"{url} answered {error.code}: {detail}") from error
