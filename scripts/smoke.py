"""Does a running service forecast? Sends a series, then one more point, and checks.

    BASE_URL=http://127.0.0.1:8080 python3 scripts/smoke.py

Takes a series of data/sample.csv under a name of its own, so that it may be run again.
"""

import math
import os
import sys
import time
from pathlib import Path
from typing import Any

from client import call, part, read_series

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"


def main() -> int:
    """Return 0 if the service carried the series from one request to the next."""
    base = os.environ.get("BASE_URL", "http://127.0.0.1:8080")
    series = read_series(SAMPLE)[0]
    series["unique_id"] = f"smoke-{time.time_ns()}"
    count = len(series["y"])

    first = predict(base, part(series, 0, count - 1))
    second = predict(base, part(series, count - 1, None))

    check(first["state"]["seq"] == count - 1, f"seq {count - 1}", first["state"])
    check(second["state"]["seq"] == count, f"seq {count}", second["state"])
    for forecast in (first, second):
        values = forecast["median"]
        good = len(values) > 0 and all(map(math.isfinite, values))
        check(good, "finite medians", values)
    print(f"smoke: {count - 1} + 1 points, seq {count}, {len(values)} steps forecast")
    return 0


def predict(base: str, series: dict[str, Any]) -> dict[str, Any]:
    """Send points of one series and return its forecast."""
    body = {"series": [series], "name": os.environ.get("MODEL", "demo")}
    answer = call(f"{base}/predict", body)
    check(len(answer["forecasts"]) == 1, "one forecast", answer)
    forecast: dict[str, Any] = answer["forecasts"][0]
    return forecast


def check(good: bool, wanted: str, got: object) -> None:
    """End the script with a message unless the answer is as wanted."""
    if not good:
        sys.exit(f"smoke: expected {wanted}, got {got}")


if __name__ == "__main__":
    sys.exit(main())
