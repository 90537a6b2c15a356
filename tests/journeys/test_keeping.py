"""What becomes of the data of a service that runs: pruned, saved, brought back."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from benchmarks.served import ROOT
from forecaster.artifact import Artifact
from service.database import open_database, writing
from service.retention import need_of
from tests.journeys.conftest import Server
from tests.journeys.test_service import entry, history, numbers, replay
from tests.service.test_schema import plain, released

pytestmark = pytest.mark.tf
PATIENCE_S = 120


def until_pruned(server: Server, unique_id: str) -> dict[str, Any]:
    """Wait for the log to begin later than the series; what is shown of it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        shown: dict[str, Any] = server.call("GET", f"/series/{unique_id}")[1]
        if shown["kept_ds"] != shown["first_ds"]:
            return shown
        time.sleep(0.2)
    raise AssertionError(server.read_log())


def test_a_server_forgets_what_it_need_not_keep(
    start_server: Callable[..., Server], tiny_artifact: Artifact, tmp_path: Path
) -> None:
    """Forecasts from the carried state stay; from one made anew they stay close.

    Its database is one of the first release, which the workers bring up as they start.
    """
    kept = need_of(tiny_artifact.manifest).steps
    database = released(f"sqlite:///{tmp_path}/released.db")
    engine = plain(database)
    with engine.begin() as connection:  # its key would be asked for
        connection.execute(text("DELETE FROM api_keys"))
    engine.dispose()
    server = start_server(keep_points=1, workers=2, database=database)
    server.wait_for("/health/ready", 200)
    body = {"series": entry("a", history(900)), "h": 12}
    before = server.post("/predict", body)["forecasts"][0]

    shown = until_pruned(server, "a")

    assert server.call("GET", "/series?name=demo")[1]["series"][0]["unique_id"] == "a"
    assert shown["count"] == before["state"]["seq"] == 900
    after = server.call("GET", "/series/a/forecast?h=12")[1]
    np.testing.assert_array_equal(numbers(after), numbers(before))
    status, refused = server.call("POST", "/observe", body)
    assert (status, refused["status"]) == (409, 409)
    assert "(keep_points, keep_days)" in refused["detail"]
    assert server.stop() == 0

    engine = open_database(server.database)
    with writing(engine) as connection:
        oldest = connection.execute(
            text(
                "SELECT min(step) FROM observations JOIN series ON pk = series_pk"
                " WHERE name = 'tiny'"
            )
        ).scalar_one()
        connection.execute(text("DELETE FROM states"))
    engine.dispose()
    assert 900 - kept <= oldest <= 900 - kept + 20  # values may be missing
    server = start_server(database=database)
    server.wait_for("/health/ready", 200)
    anew = server.call("GET", "/series/a/forecast?h=12")[1]
    fan = numbers(before)
    width = fan[-1] - fan[1]
    apart = np.abs(numbers(anew) - fan) / width
    assert apart.mean() < 0.03
    # Forecasts far ahead are scored at every few steps of a series' age: at other ones now.
    assert apart.max() < 0.2


def test_a_backup_of_a_busy_server_is_restored_elsewhere(
    start_server: Callable[..., Server], tiny_artifact: Artifact, tmp_path: Path
) -> None:
    """What was quiet forecasts bit for bit as before, what was busy as of that moment."""
    values = history(400)
    server = start_server(workers=2)
    server.wait_for("/health/ready", 200)
    quiet = server.post("/predict", {"series": entry("quiet", values), "h": 12})
    server.post("/observe", {"series": entry("busy", values[:300])})
    going_on = threading.Event()
    going_on.set()

    def write() -> None:
        for month in range(300, 400):
            if going_on.is_set():
                server.post(
                    "/observe", {"series": entry("busy", [values[month]], month)}
                )

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        run_verb("backup", "x.zip", "--database", server.database, folder=tmp_path)
        going_on.clear()
        writer.result()
    assert server.stop() == 0
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.db"
    run_verb("restore", "x.zip", "--database", elsewhere, folder=tmp_path)

    server = start_server(database=elsewhere)
    server.wait_for("/health/ready", 200)
    again = server.call("GET", "/series/quiet/forecast?h=12")[1]
    before = quiet["forecasts"][0]
    np.testing.assert_array_equal(numbers(again), numbers(before))
    assert again["state"]["seq"] == before["state"]["seq"]
    busy = server.call("GET", "/series/busy/forecast?h=12")[1]
    seen = busy["state"]["seq"]
    assert 300 <= seen <= 400
    np.testing.assert_allclose(
        numbers(busy)[1:], replay(tiny_artifact, values[:seen]), rtol=1e-5
    )


def run_verb(*words: str, folder: Path) -> None:
    """Run a verb as a user does; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "forecaster", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
