"""A load generator, to be run in a process of its own.

    python -m benchmarks.load PORT CLIENTS SECONDS [FIRST]

Each client has a connection that is kept, a new series of its own, and one request under
way at a time: POST /predict with the next point of its series, from step FIRST on. One line
of JSON: answers a second, latencies in milliseconds, and how many were not 200.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import numpy as np

WARM_S = 2.0  # answers in the first seconds are not counted


@dataclass(slots=True)
class Tally:
    """What came back."""

    latencies: list[float] = field(default_factory=list)  # seconds
    failed: int = 0


async def client(port: int, name: str, first: int, ends: float, tally: Tally) -> None:
    """One client: the next point as soon as the last is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    counted_from = time.perf_counter() + WARM_S
    step = first
    while (began := time.perf_counter()) < ends:
        writer.write(request(name, step))
        status = await answered(reader)
        took = time.perf_counter() - began
        if status != b"200":
            tally.failed += 1
        elif began > counted_from:
            tally.latencies.append(took)
        step += 1
    writer.close()


def request(name: str, step: int) -> bytes:
    """One new point of a series, as HTTP."""
    series = {"unique_id": name, "ds": [step], "y": [10.0 + step % 24]}
    body = json.dumps({"series": series}).encode()
    head = (
        "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answered(reader: asyncio.StreamReader) -> bytes:
    """Read one whole answer; its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return head.split(b" ", 2)[1]


async def load(port: int, clients: int, seconds: float, first: int) -> dict[str, float]:
    """Let so many clients post for so long."""
    tally = Tally()
    ends = time.perf_counter() + WARM_S + seconds
    # No series of an earlier load: its points would be duplicates.
    began = time.time_ns()
    names = [f"client-{began}-{number}" for number in range(clients)]
    await asyncio.gather(*(client(port, one, first, ends, tally) for one in names))
    p50, p99 = np.percentile(tally.latencies or [np.nan], [50, 99]) * 1000
    return {
        "per_s": len(tally.latencies) / seconds,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "failed": tally.failed,
    }


if __name__ == "__main__":
    port, clients, seconds, *rest = sys.argv[1:]
    first = int(rest[0]) if rest else 1
    found = load(int(port), int(clients), float(seconds), first)
    sys.stdout.write(json.dumps(asyncio.run(found)) + "\n")
