"""SIGTERM in the middle of the work."""

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from tests.journeys.conftest import Server
from tests.journeys.test_service import entry
from tests.journeys.wire import connect, hear, hear_all, request, split

pytestmark = pytest.mark.tf
CLOSED = (ConnectionError, http.client.RemoteDisconnected)
MANY = {"series": [entry(f"bulk-{i}", [1.0] * 20) for i in range(100)]}
JSON = "Content-Type: application/json"
BULK = request("POST /observe HTTP/1.1", JSON, body=json.dumps(MANY).encode())


@dataclass
class Client:
    """Posts one point after the other of a series of its own, until it cannot."""

    port: int
    unique_id: str
    keeps: bool  # its connection
    statuses: list[int] = field(default_factory=list)
    failure: Exception | None = None

    def run(self) -> None:
        """Post; what is not answered ends it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            while True:
                self.statuses.append(self._post(connection))
                if not self.keeps:
                    connection.close()
        except Exception as error:  # noqa: BLE001 - judged by the test
            self.failure = error
        finally:
            connection.close()

    def _post(self, connection: http.client.HTTPConnection) -> int:
        body = {"series": entry(self.unique_id, [1.0], len(self.statuses))}
        fields = {"Content-Type": "application/json"}
        connection.request("POST", "/predict", json.dumps(body), fields)
        answer = connection.getresponse()
        read = json.loads(answer.read())  # fails on half an answer
        if answer.status == 200:
            assert read["forecasts"][0]["state"]["applied"] == 1
        return answer.status


def test_a_server_that_is_told_to_stop_finishes_what_it_took(
    start_server: Callable[..., Server],
) -> None:
    """Each request is answered whole, or not begun to be; then it exits with 0, in time;
    what was answered is there, and of what was not, all or nothing."""
    server = start_server(workers=2, client_timeout_s=900)
    server.wait_for("/health/ready", 200)
    clients = [Client(server.port, f"s{i}", keeps=i % 2 == 0) for i in range(16)]
    threads = [threading.Thread(target=client.run) for client in clients]
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(server.port)) for _ in range(9)]
        for sock in idle[:6]:
            sock.sendall(request("GET /version HTTP/1.1"))
            assert hear(sock).status == 200
        idle[5].sendall(request("GET /version HTTP/1.1")[:-2])  # half of the next
        for thread in threads:
            thread.start()
        while not all(client.statuses for client in clients):
            assert not any(client.failure for client in clients)
            time.sleep(0.05)
        many = stack.enter_context(connect(server.port))
        many.sendall(BULK)
        server.process.send_signal(signal.SIGTERM)
        idle[5].sendall(b"\r\n")  # it ends after all
        assert [one.status for one in split(hear_all(idle[5]))] == [200]
        assert server.process.wait(timeout=120) == 0
        for thread in threads:
            thread.join()
        assert hear(many).status == 200
        assert {hear_all(sock) for sock in idle if sock is not idle[5]} == {b""}

    # A worker that has not ended by itself within the grace time is killed without a word.
    assert server.read_log().count("Worker exiting") == 2
    for client in clients:
        assert isinstance(client.failure, CLOSED), client.failure
        assert set(client.statuses) == {200}
    again = start_server()
    again.wait_for("/health/ready", 200)
    for client in clients:
        count = again.call("GET", f"/series/{client.unique_id}")[1]["count"]
        assert count - len(client.statuses) in (0, 1)
    assert again.call("GET", "/series/bulk-99")[1]["count"] == 20
