"""Laws of pruning: the log gets shorter, and nobody who carries on notices."""

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from forecaster.errors import ForecasterError
from forecaster.settings import Retention
from service import pruning
from service.chores import take_turn
from service.database import open_database, writing
from service.errors import AllRefused, Conflict
from service.exog import Given
from service.planning import OnConflict
from service.retention import Need, needs_of
from service.telemetry import new_log
from tests.service.fakes import manifest, states_of
from tests.service.keeping import SHOP, VALUES, Bench

NEED = Need(50, frozenset({"size"}))
KEEP = Retention(keep_points=100)


def prune(bench: Bench, keep: Retention = KEEP) -> int:
    """Prune all there is to prune; how many steps."""
    pieces = pruning.prune(bench.database, keep, {"demo": NEED})
    return sum(piece.steps for piece in pieces)


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """An empty service."""
    made = Bench(database)
    yield made
    made.store.close()


def test_what_is_too_old_goes_and_the_newest_stays(bench: Bench) -> None:
    """`seq` counts on, the values that stay are what they were, and nothing is done twice."""
    bench.send(VALUES)

    assert prune(bench) == 300

    span = bench.carried().span
    assert (span.length, span.first, span.kept, bench.rows()) == (400, 0, 300, 100)
    with bench.store.snapshot() as log:
        pk = bench.carried().pk
        np.testing.assert_array_equal(log.values(pk, 300, 400), VALUES[300:])
    assert prune(bench) == 0


def test_a_carried_state_is_not_affected(bench: Bench) -> None:
    """It goes on over the values to come, bit for bit as if nothing had been forgotten."""
    for unique_id in ("a", "kept whole"):
        bench.send(VALUES, unique_id=unique_id)
    with writing(bench.database) as connection:  # a model of which nothing is known
        connection.execute(
            text("UPDATE series SET name = 'other' WHERE unique_id = 'kept whole'")
        )
    before = bench.state()
    assert prune(bench) == 300
    assert bench.state().tobytes() == before.tobytes()
    assert bench.rows() == 100 + 400

    result = bench.send(np.array([7.0]), first=400)

    assert result.span.length == 401
    np.testing.assert_allclose(bench.state(), states_of(bench.model, [*VALUES, 7.0]))


def test_never_fewer_are_kept_than_the_model_needs(bench: Bench) -> None:
    """However few are asked for; and what is little more than that is left alone."""
    bench.send(VALUES)
    bench.send(VALUES[:54], unique_id="short")

    prune(bench, Retention(keep_points=1))

    assert bench.carried().span.kept == 400 - NEED.steps
    assert bench.carried("short").span.kept == 0


def test_the_shorter_of_points_and_days_holds(bench: Bench) -> None:
    """Days count back from the newest point of the series itself."""
    bench.send(VALUES)
    prune(bench, Retention(keep_points=300, keep_days=5))
    assert bench.carried().span.kept == 399 - 5 * 24
    prune(bench, Retention(keep_points=70, keep_days=5))
    assert bench.carried().span.kept == 330


def test_a_lost_state_is_made_of_what_is_kept(bench: Bench) -> None:
    """Also that of another version, and one that is behind what is left of the log."""
    bench.send(VALUES[:200])
    bench.version = "v2"
    bench.send(VALUES[200:], first=200)
    prune(bench)

    for version in ("v1", "v3"):
        bench.version = version
        assert bench.carried().kept is None
        assert bench.send(np.empty(0)).span.length == 400
        np.testing.assert_allclose(
            bench.state(), states_of(bench.model, list(VALUES[300:]))
        )


def test_history_that_is_kept_can_be_revised(bench: Bench) -> None:
    """The state is that of the corrected values that are kept."""
    bench.send(VALUES)
    prune(bench)

    bench.send(np.array([9.0]), first=350, on_conflict="revise")

    revised = [*VALUES[300:350], 9.0, *VALUES[351:]]
    np.testing.assert_allclose(bench.state(), states_of(bench.model, revised))
    assert bench.carried().span.length == 400


@pytest.mark.parametrize("first", [-1, 0, 299])
@pytest.mark.parametrize("on_conflict", ["error", "revise"])
def test_a_point_older_than_what_is_kept_is_refused(
    bench: Bench, first: int, on_conflict: OnConflict
) -> None:
    """Nobody knows whether it is a repeat: the refusal says when the log begins."""
    bench.send(VALUES)
    prune(bench)
    before = bench.carried().span

    with pytest.raises(AllRefused) as caught:
        bench.send(VALUES[[first]], first, on_conflict=on_conflict)

    refusal = caught.value.refusals[0].error
    assert isinstance(refusal, Conflict)
    assert "begins at 2024-01-13T12:00:00 (keep_points, keep_days)" in str(refusal)
    assert bench.carried().span == before


def test_points_older_than_what_is_kept_can_be_ignored(bench: Bench) -> None:
    """A client that sends its whole history each time says so, and is told how many."""
    bench.send(VALUES)
    prune(bench)

    counts = bench.send(np.r_[VALUES, 5.0], on_conflict="ignore").counts

    assert (counts.applied, counts.duplicates, counts.ignored) == (1, 100, 300)
    np.testing.assert_allclose(bench.state(), states_of(bench.model, [*VALUES, 5.0]))


def test_what_is_constant_of_a_series_is_not_forgotten(database: str) -> None:
    """It stands where it was told, and moves on to the first step that is kept."""
    bench = Bench(database, SHOP)
    ones = {"promo": [1.0] * 400}
    bench.send(VALUES, given=Given(hist=ones, stat={"size": 4.0}))

    prune(bench)

    with bench.store.snapshot() as log:
        exog = log.exog(bench.carried().pk, 0, 400)
    assert min(exog) == 300
    assert exog[300] == {"promo": 1.0, "size": 4.0}
    assert exog[301] == {"promo": 1.0}
    bench.store.close()


@pytest.mark.parametrize(
    "strange",
    [
        {"format_version": 999},
        {"architecture": {"ring": None}},
        {"architecture": {"ring": "long"}},
        {"covariates": {"columns": [{"name": "price"}]}},
        {"covariates": {"columns": [{"categories": None, "unit": "EUR"}]}},
    ],
    ids=str,
)
def test_a_model_that_cannot_be_read_keeps_no_other_from_being_pruned(
    tmp_path: Path, strange: dict[str, Any]
) -> None:
    """What it needs is not known, whatever its manifest says; of the others it is."""
    for name, changed in (("demo", {}), ("strange", strange)):
        folder = tmp_path / name / "20260101T000000Z-1a2b"
        folder.mkdir(parents=True)
        about = {**json.loads(manifest().to_json()), **changed}
        (folder / "manifest.json").write_text(json.dumps(about))
    assert list(needs_of(tmp_path)) == ["demo"]


def test_who_was_overtaken_by_pruning_plans_again(bench: Bench) -> None:
    """A change that was planned on a longer log is not written."""
    bench.send(VALUES)
    stale = bench.send(VALUES[:1]).job  # read before
    prune(bench)
    late = bench.send(np.array([3.0]), first=400)
    change = late.change
    assert change is not None
    assert change.before is not None
    assert stale.carried is not None
    assert change.before.span.pruned == 300
    before = bench.rows()

    overtaken = replace(change, before=stale.carried)
    assert bench.store.commit("demo", "v1", [overtaken]) == {"a"}
    assert bench.rows() == before


def test_pruning_beside_writers_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers append, revise and read while the log is cut in small pieces."""
    monkeypatch.setattr(pruning, "STEPS_AT_ONCE", 30)
    ids = ["a", "b", "c"]
    for unique_id in ids:
        bench.send(VALUES, unique_id=unique_id)
    writing_on = threading.Event()
    writing_on.set()

    def append(unique_id: str) -> None:
        for hour in range(400, 440):
            bench.send(np.array([float(hour)]), hour, unique_id)

    def keep_pruning() -> None:
        while writing_on.is_set():
            prune(bench)

    with ThreadPoolExecutor(4) as pool:
        pruner = pool.submit(keep_pruning)
        writers = [pool.submit(append, unique_id) for unique_id in ids]
        try:
            for writer in writers:
                writer.result()
        finally:
            writing_on.clear()
        pruner.result()

    whole = [*VALUES, *map(float, range(400, 440))]
    for unique_id in ids:
        span = bench.carried(unique_id).span
        assert span.length == 440
        assert 300 <= span.kept <= 340
        np.testing.assert_allclose(
            bench.state(unique_id), states_of(bench.model, whole)
        )
        with bench.store.snapshot() as log:
            left = log.values(bench.carried(unique_id).pk, span.kept, 440)
        np.testing.assert_array_equal(left, whole[span.kept :])


def test_a_pruner_goes_on_whatever_failed(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody thought of is logged, and tried again at the next turn."""
    bench.send(VALUES)
    failures = [KeyError("unforeseen"), ForecasterError("broken")]
    pruned = threading.Event()

    def needs(_: Path) -> dict[str, Need]:
        if failures:
            raise failures.pop()
        pruned.set()
        return {"demo": NEED}

    monkeypatch.setattr(pruning, "LOOK_S", 0.01)
    monkeypatch.setattr(pruning, "EVERY_S", 0)
    monkeypatch.setattr(pruning, "needs_of", needs)
    log = io.StringIO()
    pruner = pruning.Pruner(bench.database, KEEP, tmp_path, new_log(log))
    pruner.start()
    try:
        assert pruned.wait(100)
    finally:
        pruner.stop()
    assert bench.carried().span.kept == 300
    assert "unforeseen" in log.getvalue()
    assert "broken" in log.getvalue()


def test_a_turn_that_is_due_far_ahead_is_taken(database: str) -> None:
    """A clock that was wrong once stops nothing for ever; one a little ahead is believed."""
    engine = open_database(database)
    assert take_turn(engine, "prune", 5000, 60)
    assert not take_turn(engine, "prune", 4940, 60)
    assert take_turn(engine, "prune", 1000, 60)
    assert not take_turn(engine, "prune", 1059, 60)
    engine.dispose()


def test_of_all_processes_one_has_the_turn(database: str) -> None:
    """Until it is due again; the others learn that it is not theirs."""
    engines = [open_database(database) for _ in range(4)]
    gate = threading.Barrier(4)

    def ask(place: int, now_s: int) -> bool:
        gate.wait()
        return take_turn(engines[place], "prune", now_s, 60)

    with ThreadPoolExecutor(4) as pool:
        for now_s, winners in ((1000, 1), (1059, 0), (1060, 1), (1061, 0)):
            assert sum(pool.map(ask, range(4), [now_s] * 4)) == winners
    for engine in engines:
        engine.dispose()
