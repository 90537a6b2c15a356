"""Laws of priming: the states it makes are those that requests would make, or none."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import delete, update

from forecaster.canary import answers_for
from forecaster.settings import Limits, Retention
from service import backlog, priming, tables
from service.backlog import FROM_THE_FIRST, Owner, Page, keep, next_page
from service.carrying import Live, Wanted
from service.database import open_database, writing
from service.engine import Engine
from service.exchange import Answer, Ask, forecast_only
from service.metrics import Metrics
from service.placing import Points
from service.priming import Primed, Primer
from service.pruning import prune
from service.retention import Need
from service.store import Store
from tests.service.fakes import FakeModel, manifest, states_of
from tests.service.test_engine import BEGIN, OneModel

OLD, NEW = 0.25, 0.75
LONG = priming.DEEP * 2 + 7


class Carried:
    """A store that an old version fills, and a new version that is to take over."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.serving = OneModel(live("v1", OLD))
        self.engine = Engine(
            self.serving, Store(database), Limits(max_points=10**6), Metrics()
        )
        self.new = live("v2", NEW)

    def send(self, unique_id: str, values: list[float], begin: int = 0) -> Answer:
        """Observe values from a step on."""
        times = BEGIN + np.timedelta64(1, "h") * (begin + np.arange(len(values)))
        texts = tuple(str(np.datetime_as_string(time, unit="s")) for time in times)
        points = Points(unique_id, texts, np.array(values))
        return self.engine.observe(Ask((points,), name="demo", on_conflict="revise"))

    def states(self, version: str = "v2") -> dict[str, Any]:
        """The states of a version that are up to date, by series."""
        with Store(self.database).snapshot() as log:
            ids = [one.unique_id for one in log.page("demo", "", ("", ""), 100)]
            found = log.carried("demo", version, ids)
        return {
            one.unique_id: one.kept.state
            for one in found.values()
            if one.kept is not None and one.kept.end == one.span.end
        }

    def prime(self, wait: Callable[[float], bool] = lambda _: False) -> Primed:
        """Prime the new version."""
        return Primer(self.database)(self.new, wait)


def live(version: str, weight: float, frequency: str = "h") -> Live:
    """A version."""
    return Live("demo", version, FakeModel(manifest(frequency), weight))


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999, 1.0])
def test_those_that_are_behind_are_counted(
    carried: Carried, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the share; where it is all of them, not one by one."""
    for number in range(20):
        carried.send(str(number), history(3))
    owner = Owner("demo", "v2", "h")
    mine = [answers_for("demo", str(number), share) for number in range(20)]
    if share == 1:
        monkeypatch.delattr(backlog, "answers_for")
    found = backlog.count_behind(carried.database, owner, FROM_THE_FIRST, share)
    assert found == sum(mine)


def history(length: int, seed: int = 0) -> list[float]:
    """Values."""
    return np.random.default_rng(seed).normal(10, 3, length).round(2).tolist()


@pytest.fixture
def carried(database: str) -> Iterator[Carried]:
    """On each kind of database."""
    engine = open_database(database)
    yield Carried(engine)
    engine.dispose()


def test_primed_states_are_those_of_one_pass(carried: Carried) -> None:
    """Short and long series, more than go together, each walked once."""
    lengths = {f"s{n}": 1 + n % 5 for n in range(priming.WIDE + 3)} | {"long": LONG}
    for unique_id, length in lengths.items():
        carried.send(unique_id, history(length))
    assert carried.prime() == Primed(series=len(lengths), left=0)

    model = carried.new.model
    assert isinstance(model, FakeModel)
    assert model.steps == sum(lengths.values())
    found = carried.states()
    for unique_id, length in lengths.items():
        expected = states_of(FakeModel(manifest(), NEW), history(length))
        np.testing.assert_allclose(found[unique_id], expected, rtol=1e-5)
    assert carried.prime() == Primed()


def test_a_forecast_after_priming_is_that_without(carried: Carried) -> None:
    """And costs no step of the model any more."""
    carried.send("a", history(50))
    carried.serving.live = live("v2", NEW)
    lazy = carried.engine.observe(forecast_only("a", "demo", Wanted()))
    with writing(carried.database) as connection:
        connection.execute(delete(tables.states))
    carried.prime()
    model = FakeModel(manifest(), NEW)
    carried.serving.live = Live("demo", "v2", model)
    primed = carried.engine.observe(forecast_only("a", "demo", Wanted()))
    assert model.steps == 0
    one, other = (answer.results[0].forecast for answer in (lazy, primed))
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.values, other.values, rtol=1e-5)


def test_a_state_that_is_behind_is_brought_up(carried: Carried) -> None:
    """As after a rollback: what it has not seen is walked, and nothing else."""
    carried.send("a", history(40))
    carried.prime()
    carried.send("a", history(43)[40:], 40)
    model = carried.new.model
    assert isinstance(model, FakeModel)
    model.steps = 0
    assert carried.prime() == Primed(series=1)
    assert model.steps == 3
    assert list(carried.states()) == ["a"]


def test_a_rewritten_history_is_walked_again(carried: Carried) -> None:
    """A state of the history before counts as none."""
    carried.send("a", history(20))
    carried.prime()
    changed = [99.0, *history(20)[1:]]
    carried.send("a", changed[:1])
    carried.prime()
    expected = states_of(FakeModel(manifest(), NEW), changed)
    np.testing.assert_allclose(carried.states()["a"], expected, rtol=1e-5)


def test_a_pruned_log_is_told_from_where_it_begins(carried: Carried) -> None:
    """A new version knows what is left, as if that were all there ever was."""
    values = history(400)
    carried.send("a", values)
    keep_few = Retention(keep_points=100)
    needs = {"demo": Need(50, frozenset())}
    assert sum(piece.steps for piece in prune(carried.database, keep_few, needs)) == 300
    assert carried.prime() == Primed(series=1)
    expected = states_of(FakeModel(manifest(), NEW), values[300:])
    np.testing.assert_allclose(carried.states()["a"], expected, rtol=1e-5)


def test_what_happens_meanwhile_goes_first(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A series that moved on has a state that is behind; one rewritten or gone has none."""
    for unique_id in ("moved", "rewritten", "gone", "quiet", "ahead"):
        carried.send(unique_id, history(20))
    real = backlog.keep

    def late(*args: Any) -> set[int]:
        carried.send("moved", [5.0], 20)
        carried.send("rewritten", [-50.0])
        carried.engine.forget("gone", "demo")
        carried.serving.live = live("v2", NEW)
        carried.send("ahead", [7.0], 20)
        return real(*args)

    monkeypatch.setattr(priming, "keep", late)
    assert carried.prime() == Primed(series=2, left=3)
    monkeypatch.undo()
    assert sorted(carried.states()) == ["ahead", "quiet"]
    expected = states_of(FakeModel(manifest(), NEW), [*history(20), 7.0])
    np.testing.assert_allclose(carried.states()["ahead"], expected, rtol=1e-5)
    assert carried.prime() == Primed(series=2)
    assert carried.prime() == Primed()
    expected = states_of(FakeModel(manifest(), NEW), [*history(20), 5.0])
    np.testing.assert_allclose(carried.states()["moved"], expected, rtol=1e-5)


def test_time_that_is_up_leaves_the_rest(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was walked is kept, and gone on from; the rest is counted."""
    monkeypatch.setattr(priming, "WIDE", 2)
    for unique_id in ("a", "b", "c", "d", "e"):
        carried.send(unique_id, history(LONG if unique_id < "c" else 5))
    rests = count(1)
    assert carried.prime(lambda _: next(rests) == 2) == Primed(series=0, left=5)
    model = carried.new.model
    assert isinstance(model, FakeModel)
    assert model.steps == 2 * 2 * priming.DEEP
    assert carried.prime() == Primed(series=5)
    assert model.steps == 2 * LONG + 3 * 5


def test_others_get_as_much_time_as_priming_takes(carried: Carried) -> None:
    """After each slice it waits, for as long as that took."""
    carried.send("a", history(LONG))
    ticks, waits = count(), []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    Primer(carried.database, clock=lambda: next(ticks) / 100)(carried.new, wait)
    assert len(waits) == 3
    assert min(waits) > 0.9 * priming.PAUSES / 100  # a tick, or several


def test_time_is_bounded(carried: Carried) -> None:
    """Whatever is left: requests do it."""
    carried.send("a", history(LONG))
    ticks = count(step=priming.PRIME_S / 6)
    slow = Primer(carried.database, clock=lambda: float(next(ticks)))
    assert slow(carried.new, lambda _: False).left == 1
    model = carried.new.model
    assert isinstance(model, FakeModel)
    assert model.steps == priming.DEEP


def test_a_series_that_overflows_harms_no_other(carried: Carried) -> None:
    """It has no state, as after a request that is refused for it."""
    carried.send("a", history(10))
    carried.send("b", history(10))
    object.__setattr__(carried.new.model, "weight", np.float32(3e38))
    assert carried.prime() == Primed(series=0, left=2)
    assert carried.states() == {}


def test_series_of_another_frequency_are_left_alone(carried: Carried) -> None:
    """The version cannot serve them."""
    carried.send("a", history(10))
    carried.new = live("v2", NEW, frequency="D")
    assert carried.prime() == Primed()


def test_a_store_that_fails_is_told(carried: Carried) -> None:
    """Priming ends, with the reason, and raises nothing."""
    carried.send("a", history(10))
    with writing(carried.database) as connection:
        tables.states.drop(connection)
    found = carried.prime()
    assert (found.series, found.problem is None) == (0, False)


def test_states_are_kept_where_they_lead_further(carried: Carried) -> None:
    """One that has seen no more than that which is there is not written again."""
    carried.send("a", history(10))
    owner = Owner("demo", "v2", "h")
    page = next_page(carried.database, owner, FROM_THE_FIRST, 5)
    assert page is not None
    (before,) = page.behind
    assert before.unique_id == "a"
    carried.prime()
    with Store(carried.database).snapshot() as log:
        now = log.carried("demo", "v2", ["a"])["a"]
    assert now.kept is not None
    assert keep(carried.database, "v2", [(before, now.kept)]) == set()
    done = next_page(carried.database, owner, FROM_THE_FIRST, 5)
    assert done == Page(before.pk, [])
    assert next_page(carried.database, owner, before.pk, 5) is None


@pytest.mark.parametrize("column", ["crc32", "format"])
def test_a_damaged_state_is_made_anew(carried: Carried, column: str) -> None:
    """It counts as none, however much it says it has seen."""
    carried.send("a", history(10))
    carried.prime()
    assert list(carried.states()) == ["a"]
    with writing(carried.database) as connection:
        connection.execute(update(tables.states).values({column: 99}))
    assert carried.states() == {}
    assert carried.prime() == Primed(series=1)
    assert list(carried.states()) == ["a"]
