"""Laws of compaction: only what nobody asks for goes, and room is given back."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, text

from forecaster.settings import Retention
from service import compacting, milestones, upkeep
from service.compacting import Freed, compact
from service.database import reading, writing
from service.retention import Need
from service.tables import appends
from tests.service.fakes import states_of
from tests.service.keeping import VALUES, Bench

V1, V2, V3, GONE = (f"2026010{day}T000000Z-1a2b" for day in (1, 2, 3, 4))


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """A folder with three versions of `demo`, of which two have a role."""
    folder = tmp_path / "models" / "demo"
    for version in (V1, V2, V3):
        (folder / version).mkdir(parents=True)
    roles = {"champion": V3, "previous": V2}
    (folder / "aliases.json").write_text(json.dumps(roles))
    return folder.parent


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """An empty service."""
    made = Bench(database)
    yield made
    made.store.close()


def free(bench: Bench, models_dir: Path, keep: Retention | None = None) -> Freed:
    """Compact, telling nobody."""
    keep = Retention() if keep is None else keep
    return compact(bench.database, models_dir, keep, lambda share, what: None)


def versions(bench: Bench, unique_id: str = "a") -> set[str]:
    """The versions that have a state of a series."""
    query = (
        "SELECT version FROM states JOIN series ON pk = series_pk"
        " WHERE unique_id = :unique_id"
    )
    with reading(bench.database) as connection:
        rows = connection.execute(text(query), {"unique_id": unique_id})
        return set(rows.scalars())


def observe_with(bench: Bench, version: str, values: np.ndarray, first: int) -> None:
    """Let a version of the model see some more values."""
    bench.version = version
    bench.send(values, first=first)


def test_milestones_stay_where_somebody_may_go_back_to_them(
    bench: Bench, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of versions without a role go, in portions, and are counted."""
    monkeypatch.setattr(milestones, "SPACING", 5)
    for place, version in enumerate((V1, V2, V3)):
        observe_with(bench, version, VALUES[place * 10 :][:10], place * 10)
    query = text("SELECT version FROM milestones")

    def of() -> set[str]:
        with reading(bench.database) as connection:
            return set(connection.execute(query).scalars())

    assert of() == {V1, V2, V3}
    assert free(bench, models_dir).states == 2  # with the state of the same version
    assert of() == {V2, V3}


def test_states_stay_as_long_as_somebody_may_go_on_from_them(
    bench: Bench, models_dir: Path
) -> None:
    """Those of versions that are gone go, and those that are behind without a role."""
    for place, version in enumerate((GONE, V1, V2, V3)):
        observe_with(bench, version, VALUES[place * 10 :][:10], place * 10)
    assert versions(bench) == {GONE, V1, V2, V3}

    assert free(bench, models_dir).states == 2

    assert versions(bench) == {V2, V3}
    for version in (V1, V2, V3):
        bench.version = version
        bench.send(np.empty(0))
        np.testing.assert_allclose(
            bench.state(), states_of(bench.model, list(VALUES[:40]))
        )
    assert free(bench, models_dir).states == 0  # now that all are of the newest step


def test_states_of_another_history_go(bench: Bench, models_dir: Path) -> None:
    """Whatever their version: nobody can go on from them."""
    observe_with(bench, V2, VALUES[:10], 0)
    bench.version = V3
    bench.send(np.array([9.0]), first=3, on_conflict="revise")

    assert free(bench, models_dir).states == 1
    assert versions(bench) == {V3}


def test_models_that_the_folder_does_not_know_are_left_alone(
    bench: Bench, tmp_path: Path, models_dir: Path
) -> None:
    """It may be the wrong folder; they are named."""
    observe_with(bench, GONE, VALUES[:10], 0)

    freed = free(bench, tmp_path / "elsewhere")

    assert (freed.states, freed.left_alone) == (0, ("demo",))
    assert free(bench, models_dir).left_alone == ()


def test_more_states_than_one_query_gives_all_go(
    bench: Bench, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, those that stay being passed by."""
    monkeypatch.setattr(upkeep, "IDLE_STATES", upkeep.IDLE_STATES.limit(2))
    for number in range(7):
        bench.version = GONE if number % 3 else V3
        bench.send(VALUES[:3], unique_id=f"s{number}")

    assert free(bench, models_dir).states == 4
    assert [len(versions(bench, f"s{n}")) for n in range(7)] == [1, 0, 0, 1, 0, 0, 1]


def test_what_is_not_to_be_kept_is_forgotten_at_once(
    bench: Bench, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs as the settings say; keys of retries beyond those that are remembered."""
    needs = {"demo": Need(50, frozenset())}
    monkeypatch.setattr(compacting, "needs_of", lambda _: needs)
    observe_with(bench, V3, VALUES, 0)
    pk = bench.carried().pk
    rows = [
        {"series_pk": pk, "key": f"k{n}", "step": n, "count": 1} for n in range(1010)
    ]
    with writing(bench.database) as connection:
        connection.execute(insert(appends), rows)

    freed = free(bench, models_dir, Retention(keep_points=100))

    assert (freed.steps, bench.rows()) == (300, 100)
    assert freed.keys == 10
    np.testing.assert_allclose(bench.state(), states_of(bench.model, list(VALUES)))


def test_room_is_given_back(bench: Bench, models_dir: Path) -> None:
    """What a dropped series took, the next ones or other files can have."""
    values = np.random.default_rng(1).random(20_000)
    bench.send(VALUES)
    bench.send(values, unique_id="large")
    bench.store.drop("demo", "large")

    freed = free(bench, models_dir)

    assert freed.bytes_after < freed.bytes_before - 200_000
    assert bench.log().tolist() == VALUES.tolist()
    bench.send(VALUES[:1], first=400)  # and all goes on
