"""How long do others wait beside clients that stall and trickle?

    python -m benchmarks.slow_clients --models-dir models --clients 200

So many connections stop in the head of a request, stop in its body, send a byte each
second, or ask for megabytes and read none of them. Meanwhile ``GET /health/ready`` and
``POST /predict`` are asked one after the other, each on a new connection: the table tells
how long they took, without the slow clients and beside them.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks import machine
from benchmarks.served import Served

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
# What each kind has sent before it becomes slow; the second also sends a byte a second.
KINDS = (
    HEAD,
    HEAD + b"Content-Length: 9999\r\n\r\n[",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n[",
    20 * b"GET /docs/js/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n",
)
TRICKLING = 1
BODY = {"series": {"unique_id": "a", "ds": ["2024-01-01"], "y": [1.0]}}


@contextmanager
def slow_clients(port: int, count: int) -> Iterator[None]:
    """Keep so many slow clients connected."""
    with ExitStack() as stack:
        socks = []
        for sent in islice(cycle(KINDS), count):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            sock.sendall(sent)
            socks.append(sock)
        ends = threading.Event()
        trickling = socks[TRICKLING :: len(KINDS)]
        thread = threading.Thread(target=trickle, args=(trickling, ends))
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()


def trickle(socks: list[socket.socket], ends: threading.Event) -> None:
    """Send a byte each second on every connection."""
    while not ends.wait(1.0):
        for sock in socks:
            with suppress(OSError):  # it was given up
                sock.sendall(b" ")


def waits_ms(served: Served, method: str, path: str, seconds: float) -> list[float]:
    """How long each of many requests took."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        status, _ = served.call(method, path, BODY if method == "POST" else None)
        found.append(1000 * (time.perf_counter() - began))
        assert status == 200, f"{method} {path} answers {status}"
    return found


@click.command()
@click.option("--models-dir", type=Path, default=Path("models"), show_default=True)
@click.option("--clients", default=200, show_default=True)
@click.option("--seconds", default=20.0, show_default=True, help="For each row.")
def main(models_dir: Path, clients: int, seconds: float) -> None:
    """Measure a service of its own."""
    with TemporaryDirectory() as folder:
        served = Served(models_dir.absolute(), Path(folder), client_timeout_s=900)
        served.start()
        try:
            served.wait_for("/health/ready", 200)
            click.echo(machine.heading(machine.command_line("benchmarks.slow_clients")))
            click.echo("| request | slow clients | requests | p50 ms | p99 ms |")
            click.echo("|---|---|---|---|---|")
            for count in (0, clients):
                with slow_clients(served.port, count):
                    for asked in (("GET", "/health/ready"), ("POST", "/predict")):
                        told(asked, count, waits_ms(served, *asked, seconds))
        finally:
            served.stop()


def told(asked: tuple[str, str], count: int, found: list[float]) -> None:
    """Print a row."""
    middle, late = np.percentile(found, [50, 99])
    click.echo(
        f"| {' '.join(asked)} | {count} | {len(found)} | {middle:.1f} | {late:.1f} |"
    )


if __name__ == "__main__":
    main()
