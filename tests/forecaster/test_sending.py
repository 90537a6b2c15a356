"""Laws of sending a panel in parts: each series is asked for, whatever goes with it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest

from forecaster.cli import sending
from forecaster.cli.remote import Service
from forecaster.cli.sending import Returned, Wishes, forecast_by
from forecaster.exog import Columns, Exog
from forecaster.frequency import Frequency
from forecaster.panel import Panel

HORIZON = 3


class Zeros(BaseHTTPRequestHandler):
    """Speaks as a service does, and forecasts zeros of what it is asked for.

    As a service it does not say back an id that is too long.
    """

    asked: ClassVar[list[tuple[str, list[dict[str, Any]]]]] = []

    def do_POST(self) -> None:
        """Keep what came; answer the series that have a value in it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        rows = pa.ipc.open_stream(body).read_all().to_pylist()
        self.asked.append((urlsplit(self.path).path, rows))
        ids = list(dict.fromkeys(row["unique_id"] for row in rows))
        refused = [{"status": 422, "loc": "unique_id"} for one in ids if len(one) > 256]
        ids = [one for one in ids if len(one) <= 256]
        about = {"series": [{"unique_id": one} for one in ids], "errors": refused}
        steps = np.zeros(len(ids) * HORIZON)
        table = pa.table({"ds": steps.astype("M8[us]"), "median": steps})
        sink = pa.BufferOutputStream()
        told = table.replace_schema_metadata({"forecaster": json.dumps(about)})
        with pa.ipc.new_stream(sink, told.schema) as writer:
            writer.write_table(told)
        self.send_response(200)
        self.send_header("Content-Length", str(sink.tell()))
        self.end_headers()
        self.wfile.write(sink.getvalue())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    """A service of zeros."""
    server = HTTPServer(("127.0.0.1", 0), Zeros)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Zeros.asked.clear()
    yield Service(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def promoted(*lengths: int) -> Panel:
    """Series that know a covariate for the whole horizon."""
    steps, count = np.ones((sum(lengths), 1)), len(lengths)
    exog = Exog(Columns(futr=("promo",)), steps, (), np.ones((count, HORIZON, 1)))
    values = [np.arange(1.0, one + 1) for one in lengths]
    ids = [f"s{i}" for i in range(count)]
    starts = np.array(["2024-01-01"] * count, "M8[us]")
    return Panel.from_series(ids, values, starts, Frequency("D"), exog)


def sent(service: Service, panel: Panel) -> Returned:
    """What comes back of a panel."""
    wishes = Wishes("m", HORIZON, (), "error", stateless=False)
    return forecast_by(service, panel, wishes, lambda _: None)


def test_what_is_known_ahead_displaces_no_series(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts among the rows of a request; all series are forecast."""
    monkeypatch.setattr(sending, "MOST_ROWS", 10)
    panel = promoted(5, 5, 5, 2, 2)
    assert sent(service, panel).forecasts.ids == panel.ids
    assert max(len(rows) for _, rows in Zeros.asked) <= 10


@pytest.mark.parametrize("length", [9, 10, 11, 20, 25])
def test_what_is_known_ahead_follows_a_value(
    service: Service, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """It is never observed, nor cut from the last value of a series that is too long."""
    monkeypatch.setattr(sending, "MOST_ROWS", 10)
    assert sent(service, promoted(length)).forecasts.ids == ("s0",)
    *observed, (last, rows) = Zeros.asked
    values = [row["y"] for _, part in observed for row in part]
    assert None not in values
    assert {path for path, _ in observed} <= {"/observe"}
    assert last == "/predict"
    assert values + [row["y"] for row in rows] == [*range(1, length + 1)] + [None] * 3
    assert rows[0]["y"] is not None


def test_a_series_is_named_though_the_service_does_not_say_its_id(
    service: Service,
) -> None:
    """It tells back no id that is too long, and whoever sent it must find the series."""
    ids, long = ["a", "x" * 257, "y" * 257, "z"], ["x" * 257, "y" * 257]
    starts = np.array(["2024-01-01"] * 4, "M8[us]")
    values = [np.arange(1.0, 4.0)] * 4

    returned = sent(service, Panel.from_series(ids, values, starts, Frequency("D")))

    assert returned.forecasts.ids == ("a", "z")
    assert [one["unique_id"] for one in returned.errors] == long
