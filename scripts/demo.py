"""The main job from end to end, on the real series of data/sample.csv.

Trains a model, starts the service, sends the history of every series but its last
points, then those points alone, prints what was forecast and what came, and draws it.
Ends with a code other than 0 as soon as a step fails.
"""

import hashlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from client import ServiceError, call, part, read_series

from forecaster import registry
from forecaster.plots import Chart, Fan, fan_charts, save

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample.csv"
MODELS = ROOT / "models"
LOG = ROOT / "out" / "demo.log"
PICTURE = ROOT / "demo.png"
NAME, HORIZON = "demo", 12
SHOWN = 3  # steps of a forecast in the table
HISTORY, DRAWN = 7 * HORIZON, 8  # points of a series and series in the picture
LEVELS = [80, 95]
FORECASTER = [sys.executable, "-m", "forecaster"]


class DemoError(Exception):
    """A step of the demonstration did not do what it should."""


def main() -> None:
    """Run all steps, one after the other."""
    started = time.monotonic()
    train_unless_made()
    series = read_series(SAMPLE)
    with TemporaryDirectory() as state, service(Path(state)) as base:
        say(f"Sending {len(series)} series but their last {HORIZON} points")
        before = predict(base, [part(one, 0, -HORIZON) for one in series])
        say(f"Sending those {HORIZON} points, and nothing else")
        after = predict(base, [part(one, -HORIZON, None) for one in series])
    print_table(series, before, after)
    check_states(series, before, after)
    draw(series, before, after)
    say(f"Done in {time.monotonic() - started:.0f} s; the picture is {PICTURE.name}")


def say(text: str) -> None:
    """Print a step."""
    print(f"\n==> {text}", flush=True)


# --- the model -------------------------------------------------------------------


def train_unless_made() -> None:
    """Train a model and make it champion, unless this data and code made one before."""
    fingerprint, kept = made_from(), MODELS / NAME / ".made-from"
    if kept.is_file() and kept.read_text() == fingerprint and verified():
        say(
            "Data and code are as they were: the model is used again (make clean: anew)"
        )
        return
    say(f"Training on {SAMPLE.relative_to(ROOT)}: under a minute, once")
    forecaster("train", str(SAMPLE), "--name", NAME, "--horizon", str(HORIZON))
    newest = registry.versions(MODELS, NAME)[-1]
    registry.set_alias(MODELS, NAME, registry.CHAMPION, newest)
    kept.write_text(fingerprint)


def made_from() -> str:
    """Return a fingerprint of all that shapes the model: data, code, libraries."""
    code = (ROOT / "forecaster").rglob("*.py")
    shaping = [path for path in code if "cli" not in path.parts]
    digest = hashlib.sha256()
    for path in [SAMPLE, *sorted(shaping), *sorted(ROOT.glob("requirements*.txt"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def verified() -> bool:
    """Whether every file of the model is as its manifest says."""
    command = [*FORECASTER, "models", "verify", NAME, "--models-dir", str(MODELS)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def forecaster(*arguments: str) -> None:
    """Run a verb of the command line, its progress in sight."""
    command = [*FORECASTER, *arguments, "--models-dir", str(MODELS)]
    code = subprocess.run(command, check=False).returncode
    if code != 0:
        raise DemoError(f"'forecaster {arguments[0]}' ended with code {code}")


# --- the service -----------------------------------------------------------------


@contextmanager
def service(state: Path) -> Iterator[str]:
    """Run the service on a free port with an empty store; give its address."""
    port = free_port()
    command = [*FORECASTER, "serve", "--port", str(port), "--models-dir", str(MODELS)]
    command += ["--database", f"sqlite:///{state / 'demo.db'}"]
    say(f"Starting the service on http://127.0.0.1:{port}")
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        try:
            wait_until_ready(process, f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            code = stop(process)
    if code != 0:
        raise DemoError(f"the service ended with code {code}, see {LOG}")
    say("The service has stopped")


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask the service to end, make it end if it does not, and return its exit code."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(process: subprocess.Popen[bytes], base: str) -> None:
    """Wait for the service to have its model loaded and warm."""
    started = time.monotonic()
    while time.monotonic() - started < 120:
        if process.poll() is not None:
            raise DemoError(f"the service ended by itself:\n{LOG.read_text()[-2000:]}")
        try:
            call(f"{base}/health/ready")
        except (OSError, ServiceError):
            time.sleep(0.2)
        else:
            print(f"    ready after {time.monotonic() - started:.1f} s")
            return
    raise DemoError(f"the service was not ready within two minutes, see {LOG}")


def predict(base: str, series: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Send points; return the forecast of each series by its name."""
    started = time.monotonic()
    answer = call(f"{base}/predict", {"series": series, "level": LEVELS, "name": NAME})
    if answer["errors"]:
        raise DemoError(f"the service refused a series: {answer['errors'][0]}")
    count = sum(len(one["y"]) for one in series)
    elapsed = time.monotonic() - started
    print(f"    {count} points stored, {len(series)} forecasts in {elapsed:.2f} s")
    return {forecast["unique_id"]: forecast for forecast in answer["forecasts"]}


# --- what came of it -------------------------------------------------------------


def print_table(
    series: list[dict[str, Any]],
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
) -> None:
    """Print the state of each series and the first steps of its newest forecast."""
    width = max(len(one["unique_id"]) for one in series)
    say(f"The next {SHOWN} steps: median, and the 80 % interval")
    print(f"{'series':{width}}  {'seq':>5} {'then':>5}")
    for one in series:
        name = one["unique_id"]
        forecast = after[name]
        low, high = (forecast["intervals"][f"{side}-80"] for side in ("lo", "hi"))
        cells = [
            f"{ds[:10]} {median:>9.4g} [{lo:.4g}, {hi:.4g}]"
            for ds, median, lo, hi in zip(
                forecast["ds"][:SHOWN], forecast["median"], low, high, strict=False
            )
        ]
        seqs = [answer[name]["state"]["seq"] for answer in (before, after)]
        print(f"{name:{width}}  {seqs[0]:>5} {seqs[1]:>5}  {'   '.join(cells)}")
    for level in LEVELS:
        print(f"{inside(series, before, level)} inside the {level} % interval")
    print("(They are in the file that was trained on: 'forecaster backtest' measures.)")


def inside(
    series: list[dict[str, Any]], before: dict[str, dict[str, Any]], level: int
) -> str:
    """Count the points sent second that lie inside the interval forecast before."""
    hits = [
        lo <= y <= hi
        for one in series
        for y, lo, hi in zip(
            one["y"][-HORIZON:],
            before[one["unique_id"]]["intervals"][f"lo-{level}"],
            before[one["unique_id"]]["intervals"][f"hi-{level}"],
            strict=True,
        )
        if y is not None
    ]
    return f"Of the {len(hits)} points that came later, {sum(hits)} lay"


def check_states(
    series: list[dict[str, Any]],
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
) -> None:
    """Every series must have advanced by exactly the points that were new."""
    for one in series:
        name, count = one["unique_id"], len(one["y"])
        seqs = [answer[name]["state"]["seq"] for answer in (before, after)]
        if seqs != [count - HORIZON, count]:
            raise DemoError(
                f"{name}: expected seq {count - HORIZON}, {count}; got {seqs}"
            )
    print(f"Every state advanced by exactly the {HORIZON} new points.")


def draw(
    series: list[dict[str, Any]],
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
) -> None:
    """Draw what both requests forecast, and what had come by the second."""
    charts = [
        Chart(
            one["unique_id"],
            np.array(one["ds"][-HISTORY:], "datetime64[s]"),
            np.array(one["y"][-HISTORY:], float),
            tuple(fan(answer[one["unique_id"]]) for answer in (before, after)),
        )
        for one in series[:DRAWN]
    ]
    title = f"Forecast, {HORIZON} new points, forecast again: the state was carried"
    save(fan_charts(charts, title), PICTURE)


def fan(forecast: dict[str, Any]) -> Fan:
    """Return a forecast of the service as one that can be drawn."""
    bands = forecast["intervals"]
    return Fan(
        np.array(forecast["ds"], "datetime64[s]"),
        np.array(forecast["median"]),
        {
            level: (np.array(bands[f"lo-{level}"]), np.array(bands[f"hi-{level}"]))
            for level in LEVELS
        },
    )


if __name__ == "__main__":
    try:
        main()
    except (DemoError, ServiceError, OSError) as error:
        sys.exit(f"\ndemo failed: {error}")
