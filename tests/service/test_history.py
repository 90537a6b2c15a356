"""Laws of the log as a panel: it is what was observed, on the grid of each series."""

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import event, update

from forecaster.checkpoint import fingerprint
from forecaster.covariates import Column, Covariates
from forecaster.errors import DataError
from forecaster.exog import Columns
from service.database import writing
from service.exog import Given
from service.history import ends_of, log_of, panel_of
from service.tables import observations, series
from tests.service.fakes import states_of
from tests.service.keeping import BEGIN, HOUR, VALUES, Bench

COVARIATES = Covariates(
    (Column("promo", "futr"), Column("stock", "hist"), Column("kind", "stat", categories=("inn",)))
)  # fmt: skip
COLUMNS = Columns(("promo",), ("stock",), ("kind",))


@pytest.fixture
def bench(database: str) -> Iterator[Bench]:
    """A service that keeps logs, on each kind of database."""
    made = Bench(database, COVARIATES)
    yield made
    made.store.close()


def test_the_panel_is_what_was_observed_with_gaps_where_nothing_was(
    bench: Bench,
) -> None:
    """Series in order of their ids, each from its first value on, NaN in between."""
    bench.send(VALUES[:50], unique_id="b")
    bench.send(VALUES[60:70], first=60, unique_id="b")
    bench.send(np.array([np.nan, 1.0, 2.0]), first=7, unique_id="a")
    bench.send(np.array([np.nan, np.nan]), unique_id="never seen")
    panel = panel_of(bench.database, "demo", Columns())
    assert panel.ids == ("a", "b")
    assert panel.frequency.alias == "h"
    np.testing.assert_array_equal(panel.values_of(0), [1.0, 2.0])
    assert list(panel.starts) == [BEGIN + 8 * HOUR, BEGIN]
    whole = np.concatenate([VALUES[:50], np.full(10, np.nan), VALUES[60:70]])
    np.testing.assert_array_equal(panel.values_of(1), whole)


def test_covariates_stand_beside_their_values(bench: Bench) -> None:
    """By step where they differ by step; of constant ones the newest that was told."""
    bench.send(
        VALUES[:3],
        given=Given(
            {"promo": [1.0, None, 3.0]}, {"stock": [0.5, 0.6, 0.7]}, {"kind": "inn"}
        ),
    )
    bench.send(VALUES[3:5], first=3, given=Given(stat={"kind": "shop"}))
    bench.send(VALUES[:2], unique_id="b")
    exog = panel_of(bench.database, "demo", COLUMNS).exog
    nan = np.nan
    wanted = [[1, 0.5], [nan, 0.6], [3, 0.7]] + 4 * [[nan, nan]]
    np.testing.assert_array_equal(exog.steps, wanted)
    assert list(exog.stat[0]) == ["shop", None]
    assert exog.ahead.shape == (2, 0, 1)


def test_a_pruned_log_begins_where_it_begins(bench: Bench) -> None:
    """What is forgotten is no part of the panel, and moves nothing else."""
    bench.send(VALUES[:100])
    with writing(bench.database) as connection:
        connection.execute(update(series).values(pruned=30))
        connection.execute(observations.delete().where(observations.c.step < 30))
    panel = panel_of(bench.database, "demo", Columns())
    assert list(panel.starts) == [BEGIN + 30 * HOUR]
    np.testing.assert_array_equal(panel.values, VALUES[30:100])


def test_read_up_to_where_it_reached_the_log_is_what_it_was(bench: Bench) -> None:
    """Also of series that fell behind; what came since, and series that are new, are out."""
    promo = {"promo": [1.0, 2.0, 3.0]}
    bench.send(VALUES[:3], given=Given(promo, stat={"kind": "inn"}))
    bench.send(VALUES[:9], unique_id="ahead")
    then = fingerprint(panel_of(bench.database, "demo", COLUMNS))
    ends = ends_of(bench.database, "demo")
    bench.send(VALUES[3:6], first=3, given=Given(promo, stat={"kind": "shop"}))
    bench.send(VALUES[9:12], first=9, unique_id="ahead")
    bench.send(VALUES[:5], unique_id="new")
    bench.send(VALUES[:2], first=-2, unique_id="new", on_conflict="revise")

    again = panel_of(bench.database, "demo", COLUMNS, ends)
    assert fingerprint(again) == then
    now = panel_of(bench.database, "demo", COLUMNS)
    assert [len(now.values_of(i)) for i in range(3)] == [6, 12, 7]


def test_other_models_are_no_part_of_it(bench: Bench) -> None:
    """A log belongs to a model; one without any says so and what to do."""
    bench.send(VALUES[:10])
    with pytest.raises(DataError, match=r"'other': expected observations, got none"):
        panel_of(bench.database, "other", Columns())


def test_series_of_several_frequencies_are_refused_by_name(bench: Bench) -> None:
    """A model knows one frequency; the message names a series of each."""
    bench.send(VALUES[:10])
    bench.send(VALUES[:10], unique_id="b")
    with writing(bench.database) as connection:
        changed = update(series).where(series.c.unique_id == "b")
        connection.execute(changed.values(frequency="D"))
    with pytest.raises(DataError, match=r"'a' at 'h' and 'b' at 'D'"):
        panel_of(bench.database, "demo", Columns())


def test_of_a_log_only_what_is_asked_for_is_read(bench: Bench) -> None:
    """Where all series lie is known without a value; those of some are theirs alone."""
    for number, unique_id in enumerate("abcd"):
        stock = Given(hist={"stock": [float(number)] * 9})
        bench.send(VALUES[number : number + 9] + number, number, unique_id, given=stock)
    said: list[str] = []
    event.listen(
        bench.database, "before_cursor_execute", lambda *about: said.append(about[2])
    )
    whole = panel_of(bench.database, "demo", COLUMNS)
    said.clear()
    with log_of(bench.database, "demo") as log:
        assert not [one for one in said if "FROM observations" in one]
        np.testing.assert_array_equal(log.lengths, whole.lengths)
        np.testing.assert_array_equal(log.starts, whole.starts)
        some = log.panel(np.array([1, 3]), COLUMNS)
    for table in ("observations", "covariates"):
        (query,) = [one for one in said if f"FROM {table}" in one]
        assert " IN (" in query
    wanted = whole.take([1, 3])
    assert some.ids == wanted.ids == ("b", "d")
    np.testing.assert_array_equal(some.values, wanted.values)
    np.testing.assert_array_equal(some.exog.steps, wanted.exog.steps)


def test_a_log_has_every_step_that_a_state_has_seen(bench: Bench) -> None:
    """Also those before the first value: replayed it leads to the state that is carried."""
    bench.send(np.array([np.nan, np.nan, 1.0, 2.0, np.nan, 5.0]))
    with log_of(bench.database, "demo") as log:
        panel = log.panel(np.array([0]), Columns())
    assert len(panel.values) == log.lengths[0] == 6
    replayed = states_of(bench.model, [*panel.values], [0.0] * 6)
    np.testing.assert_allclose(bench.state(), replayed, rtol=1e-6)
