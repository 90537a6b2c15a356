"""What becomes of a service whose PostgreSQL server has no room left on a disk."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests import postgresql
from tests.faults.disks import Disk, mounted
from tests.faults.serving import Serving, expect_problem, serving
from tests.postgresql import name_in
from tests.service.reference import How, Sent

PAGE = 8192  # bytes of a page of a table
ROOM = (0, 1, 2, 4, 8)  # pages that are left
SEGMENTS = 20  # of the write-ahead log; there are fewer
PATIENCE_S = 180.0  # beyond this a server hangs, however busy the machine is
KNOWN = Sent("a", (1, 2), (1.0, 2.0))


@dataclass(frozen=True, slots=True)
class Small:
    """A server with small disks."""

    server: postgresql.Server
    tables: Disk  # of the tablespace `small`
    log: Disk  # of what is written ahead


@pytest.fixture(scope="module")
def small() -> Iterator[Small]:
    """Give a server whose tables, and whose log, may be on disks that can be full."""
    postgresql.needed()
    with ExitStack() as opened:
        tables, log = (opened.enter_context(mounted()) for _ in range(2))
        made_with = (f"--waldir={log.folder}/wal", "--wal-segsize=1")
        settings = ("min_wal_size=2MB", "max_wal_size=2MB")
        server = opened.enter_context(postgresql.running(made_with, settings))
        place = tables.folder / "tables"
        place.mkdir()
        server.tablespace("small", place)
        yield Small(server, tables, log)


def many(mark: object) -> list[Sent]:
    """New series with more points than the pages in use have room for."""
    steps = tuple(range(1, 91))
    values = tuple(map(float, steps))
    return [Sent(f"{mark}-{i}", steps, values) for i in range(6)]


def check_carried(served: Serving) -> None:
    """What is carried is forecast, whoever asks, and lives."""
    assert served.client.get("/series/a/forecast").status_code == 200
    assert served.post([Sent("a", None, ())], How()) == 200
    assert served.post([KNOWN], How()) == 200
    assert served.client.get("/health/live").status_code == 200


def test_tables_that_find_no_room_leave_nothing_half_done(
    small: Small, tmp_path: Path
) -> None:
    """Whichever page it is: 503 and wholly or not at all; with room again it goes on."""
    url = small.server.fresh()
    placed = f"ALTER DATABASE {name_in(url)} SET default_tablespace = small"
    small.server.run(placed)
    told = []
    with serving(tmp_path, url) as served:
        assert served.post([KNOWN], How()) == 200
        for left in ROOM:
            with small.tables.full(left * PAGE):
                told.append(served.post(many(left), How()))
                check_carried(served)
                told.append(served.post([Sent("a", None, (float(left),))], How()))
            assert served.client.get("/health/ready").status_code == 200
            assert served.post(many(f"{left}-after"), How()) == 200
            served.check()
            served.possible = {"a": served.possible["a"]}
    assert told[0] == 503
    assert told.count(503) >= len(ROOM) / 2


def test_a_log_that_finds_no_room_loses_nothing(small: Small, tmp_path: Path) -> None:
    """The server ends by itself; once it is back the service is, with all it has said."""
    with serving(tmp_path, small.server.fresh()) as served:
        assert served.post([KNOWN], How()) == 200
        with small.log.full():
            assert 503 in [use_up(small.server, served) for _ in range(SEGMENTS)]
            answer = served.client.get("/series/a/forecast")
            if answer.status_code != 200:
                expect_problem(answer)
            assert served.client.get("/health/live").status_code == 200
        wait_until_ready(small.server, served)
        assert served.post([Sent("a", None, (4.0,))], How()) == 200
        assert served.post(many("after"), How()) == 200
        served.check()


def use_up(server: postgresql.Server, served: Serving) -> int:
    """Post a point, and have the next one logged in another segment; its status."""
    status = served.post([Sent("a", None, (3.0,))], How())
    with suppress(psycopg.Error):
        server.run("SELECT pg_switch_wal()")
    return status


def wait_until_ready(server: postgresql.Server, served: Serving) -> None:
    """Until the service has found the server, which is started where it ended."""
    until = time.monotonic() + PATIENCE_S
    while served.client.get("/health/ready").status_code != 200:
        assert time.monotonic() < until
        if not server.is_running():
            server.start()
        time.sleep(0.1)
