"""Many series at once, as users send them: the command line against a real server."""

import http.client
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from forecaster import cli
from forecaster.cli import sending
from forecaster.panel import Panel
from tests.journeys.conftest import Server

pytestmark = pytest.mark.tf


@pytest.fixture
def data(seasonal_panel: Panel, tmp_path: Path) -> pd.DataFrame:
    """The seasonal series in long format, gaps left out."""
    frame = pd.concat(
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": seasonal_panel.times_of(i),
                "y": seasonal_panel.values_of(i),
            }
        )
        for i, name in enumerate(seasonal_panel.ids)
    )
    return frame.dropna()


def test_a_service_forecasts_as_the_command_line_does(
    start_server: Callable[..., Server],
    tiny_models: Path,
    data: pd.DataFrame,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same columns and rows, in parts of any size; what is refused is listed."""
    server = start_server()
    monkeypatch.chdir(tmp_path)
    data.to_csv("data.csv", index=False)

    def run(code: int, out: str, *more: Any, file: str = "data.csv") -> pd.DataFrame:
        arguments = ["predict", file, "--name", "tiny", "--horizon", 20, "--out", out]
        assert cli.run([str(a) for a in (*arguments, *more)]) == code, (
            capfd.readouterr()
        )
        return pd.read_csv(out)

    local = run(0, "local.csv", "--models-dir", tiny_models)
    server.wait_for("/health/ready", 200)
    at = ("--url", f"http://127.0.0.1:{server.port}")
    alone = run(0, "alone.csv", *at, "--stateless", "--gzip")
    assert server.call("GET", "/series")[1]["series"] == []
    carried = run(0, "carried.csv", *at)
    again = run(0, "again.csv", *at)

    for found in (alone, carried, again):
        assert list(found.columns) == list(local.columns)
        assert found["unique_id"].equals(local["unique_id"])
        assert found["ds"].equals(local["ds"])
        np.testing.assert_allclose(
            found.iloc[:, 2:], local.iloc[:, 2:], rtol=1e-4, atol=1e-4
        )
    assert server.call("GET", "/series/s1")[1]["count"] == 300

    wrong = data.copy()
    wrong.loc[(wrong["unique_id"] == "s1") & (wrong["ds"] == "2001-01-01"), "y"] = -1.0
    wrong.to_csv("wrong.csv", index=False)
    capfd.readouterr()
    others = run(1, "others.csv", *at, file="wrong.csv")
    told = capfd.readouterr().err
    assert "refused: 's1' (409): 1 of the points differ" in told
    assert set(local["unique_id"]) - set(others["unique_id"]) == {"s1"}

    # Each series is refused, and more of them than one problem lists.
    many = pd.concat(
        wrong[wrong["unique_id"] == "s1"][:30].assign(unique_id=f"m{i}")
        for i in range(40)
    )
    many.to_csv("many.csv", index=False)
    run(0, "many.csv.out.csv", *at, file="many.csv")
    many["y"] += 1.0
    many.to_csv("many.csv", index=False)
    arguments = ["predict", "many.csv", "--name", "tiny", *at]
    capfd.readouterr()
    assert cli.run(arguments) == 1
    told = capfd.readouterr().err
    assert "none of 40 series was forecast; the first, 'm0'" in told
    assert told.count("refused: ") == 40


class Failing(BaseHTTPRequestHandler):
    """Between a client and a service: hands over so many posts, then it is broken."""

    service: ClassVar[Server]
    left: ClassVar[int] = 0

    def do_GET(self) -> None:
        """Hand over."""
        self._hand_over()

    def do_POST(self) -> None:
        """Hand over, while it lasts."""
        type(self).left -= 1
        if self.left >= 0:
            self._hand_over()
        else:
            self.send_error(500)

    def _hand_over(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_what_was_answered_before_a_failure_is_written(
    start_server: Callable[..., Server],
    data: pd.DataFrame,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 1, what is missing is told, and the command given again completes it."""
    Failing.service = server = start_server()
    between = HTTPServer(("127.0.0.1", 0), Failing)
    thread = threading.Thread(target=between.serve_forever)
    thread.start()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sending, "MOST_SERIES", 2)
    data.to_csv("data.csv", index=False)
    url = f"http://127.0.0.1:{between.server_port}"
    command = ["predict", "data.csv", "--name", "tiny", "--url", url]
    server.wait_for("/health/ready", 200)
    try:
        Failing.left = 0
        assert cli.run([*command, "--out", "none.csv"]) == 1
        assert not Path("none.csv").exists()
        Failing.left = 2
        assert cli.run([*command, "--out", "some.csv", "--json"]) == 1
        printed = capfd.readouterr()
        Failing.left = 9
        assert cli.run([*command, "--out", "every.csv"]) == 0
    finally:
        between.shutdown()
        thread.join()
        between.server_close()

    some, every = pd.read_csv("some.csv"), pd.read_csv("every.csv")
    assert list(some["unique_id"].unique()) == ["s0", "s1", "s2", "s3"]
    pd.testing.assert_frame_equal(some, every[: len(some)])
    assert json.loads(printed.out)["missing"] == ["s4", "s5"]
    assert "missing: 2 series, from 's4' to 's5'" in printed.err
    assert "answers 500" in printed.err
