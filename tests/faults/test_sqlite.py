"""What becomes of a service whose disk is full, broken, read-only, or whose file is held.

`FORECASTER_TEST_DEEP=1` lets each of the first 200 calls of the file system fail.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from service.sqlite_driver import sqlite
from tests.faults.failing import (
    ABSENT,
    BROKEN,
    CONTROL,
    FULL,
    OPEN,
    READ,
    READ_ONLY,
    REQUIRED,
    SYNC,
    WRITE,
    Faults,
    compiler,
    prepared,
)
from tests.faults.serving import Serving, expect_problem, serving
from tests.service.reference import How, Sent

DEEP = bool(os.environ.get("FORECASTER_TEST_DEEP"))
PLACES = range(1, 201) if DEEP else (1, 2, 3, 4, 6, 9, 14, 20, 27, 35, 44, 60, 80)
FILES = "/service.db"  # with -wal and -shm
ANY = WRITE | SYNC | READ | OPEN
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run a function in a process whose files can be made to fail."""
    if compiler() is None:
        if os.environ.get(REQUIRED):
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)
    environment = prepared(tmp_path_factory.mktemp("shim"), FILES)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(1, mp_context=context)
        pool.submit(os.getpid).result()  # begins with the environment as it is here
    with pool:
        yield lambda work, *given: pool.submit(work, *given).result()


def requests(served: Serving, mark: object, checkpoint: Callable[[], None]) -> int:
    """A little of everything, for series of their own; how many were answered 503."""
    a, b, c = (f"{name}-{mark}" for name in "abc")
    revise, keyed = How("revise"), How(key="k")
    statuses = [
        served.post([Sent(a, (1, 2), (1.0, 2.0)), Sent(b, (1,), (5.0,))], How()),
        served.post([Sent(a, (3,), (3.0,))], How()),
        served.post([Sent(b, None, (6.0, None, 8.0))], keyed),
        served.post([Sent(b, None, (6.0, None, 8.0))], keyed),
        served.post([Sent(a, (2, 4), (9.0, 4.0))], revise),
    ]
    checkpoint()
    statuses += [
        served.post(
            [Sent(c, (7, 9), (1.5, 2.5)), Sent(a, (5,), (5.0,))], How("ignore")
        ),
        served.drop(b),
        served.post([Sent(b, (4,), (4.0,))], revise),
        served.post([Sent(c, (10,), (3.5,)), Sent(b, (5,), (5.0,))], How("ignore")),
    ]
    return statuses.count(503)


@dataclass(frozen=True, slots=True)
class Case:
    """What fails: which calls, how, and whether all behind it do until it heals."""

    kinds: int
    error: int
    lasts: bool
    copies: bool = False  # the log into the file with every commit, see `copying`


def copying(served: Serving) -> None:
    """Have every commit followed by a checkpoint, which else is one of a thousand."""
    engine = served.store._engine

    def configure(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA wal_autocheckpoint=1").close()

    event.listen(engine, "connect", configure)
    engine.dispose()


def fail_at_each(folder: Path, case: Case) -> list[int]:
    """Let each call in turn fail; how many there were, and how often 503 was said."""
    faults = Faults(os.environ[CONTROL])
    file = folder / "state" / "service.db"
    file.parent.mkdir(parents=True)
    told = failed = 0
    with serving(folder) as served, closing(sqlite.connect(file)) as other:
        if case.copies:
            copying(served)

        def checkpoint() -> None:
            with suppress(sqlite.Error):
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        for nth in PLACES:
            with faults.failing(case.kinds, case.error, nth, case.lasts) as control:
                told += requests(served, nth, checkpoint)
                failed += control.failed
            served.check()
            assert requests(served, f"{nth}-after", checkpoint) == 0
            served.check()
            served.possible.clear()
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return [failed, told]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(ANY, BROKEN, lasts=False), id="one call fails"),
        pytest.param(Case(ANY, BROKEN, lasts=True), id="from then on all fail"),
        pytest.param(Case(WRITE | SYNC, BROKEN, lasts=True), id="reading works on"),
        pytest.param(Case(WRITE, FULL, lasts=False), id="no room for one write"),
        pytest.param(
            Case(WRITE | SYNC, FULL, lasts=False, copies=True), id="nor for checkpoints"
        ),
        pytest.param(Case(WRITE | SYNC, FULL, lasts=True), id="no room from then on"),
    ],
)
def test_a_disk_that_fails_at_any_moment_leaves_nothing_half_done(
    in_process: Run, tmp_path: Path, case: Case
) -> None:
    """503 and wholly or not at all; once it works again so does the service."""
    failed, told = in_process(fail_at_each, tmp_path, case)
    assert failed >= len(PLACES) / 3  # of a deep run most are behind the last write
    assert told > 0


def stay_read_only(folder: Path, kinds: int, error: int) -> None:
    """Ask for all there is while nothing can be written."""
    faults = Faults(os.environ[CONTROL])
    with serving(folder) as served:
        served.post([Sent("a", (1, 2), (1.0, 2.0))], How())
        with faults.failing(kinds, error):
            check_only_reading(served)
        assert served.client.get("/health/ready").status_code == 200
        assert served.post([Sent("a", (3,), (3.0,))], How()) == 200
        served.check()


def check_only_reading(served: Serving) -> None:
    """New points and /health/ready are 503, forecasts of what is carried are given."""
    new = Sent("a", (3,), (3.0,))
    assert served.post([new], How()) == 503
    assert served.post([new, Sent("b", (1,), (1.0,))], How()) == 503
    assert served.drop("a") == 503
    expect_problem(served.client.get("/health/ready"))
    for _ in range(3):
        assert served.client.get("/series/a/forecast").status_code == 200
        assert served.post([Sent("a", None, ())], How()) == 200
        assert served.post([Sent("a", (1, 2), (1.0, 2.0))], How()) == 200
    assert served.client.get("/health/live").status_code == 200
    served.check()


@pytest.mark.parametrize(
    ("kinds", "error"),
    [(WRITE, FULL), (WRITE | SYNC, BROKEN), (WRITE | OPEN, READ_ONLY)],
)
def test_what_is_carried_is_forecast_while_nothing_can_be_written(
    in_process: Run, tmp_path: Path, kinds: int, error: int
) -> None:
    """A full disk, a broken one, a file system that became read-only; then it recovers."""
    in_process(stay_read_only, tmp_path, kinds, error)


def hold(file: str, held: Any, over: Any) -> None:
    """Hold the lock of writers."""
    with closing(sqlite.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        held.set()
        over.wait()


def test_what_is_carried_is_forecast_while_another_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than anybody waits for it."""
    monkeypatch.setattr("service.sqlite.BUSY_TIMEOUT_MS", 0)
    context = multiprocessing.get_context("spawn")
    held, over = context.Event(), context.Event()
    with serving(tmp_path) as served:
        served.post([Sent("a", (1, 2), (1.0, 2.0))], How())
        file = str(tmp_path / "state" / "service.db")
        other = context.Process(target=hold, args=(file, held, over))
        other.start()
        try:
            held.wait()
            check_only_reading(served)
        finally:
            over.set()
            other.join()
        assert served.post([Sent("a", (3,), (3.0,))], How()) == 200
        served.check()
