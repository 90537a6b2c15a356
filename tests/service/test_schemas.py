"""Laws of reading bodies; what is refused is in test_bad_requests."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.carrying import Wanted
from service.exchange import Ask
from service.schemas import read_ask


def read(body: Any, forecasts: bool = True) -> Ask:
    """What a body means."""
    return read_ask(json.dumps(body).encode(), forecasts)


@given(
    st.lists(
        st.floats(-1e30, 1e30) | st.integers(-(10**20), 10**20) | st.none(), max_size=20
    )
)
def test_values_are_read_as_they_are(values: list[float | None]) -> None:
    """Bit for bit, whole numbers as well, and null as missing."""
    found = read({"series": {"unique_id": "a", "y": values}}).series[0].values

    expected = [np.nan if value is None else float(value) for value in values]
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float64))
    assert found.dtype == np.float64


def test_one_series_is_a_list_of_one() -> None:
    """Both spellings mean the same."""
    entry = {"unique_id": "a", "ds": ["2024-01-01"], "y": [1]}
    assert str(read({"series": entry})) == str(read({"series": [entry]}))


def test_a_whole_number_is_an_id() -> None:
    """As in files it is read as its text."""
    assert read({"series": {"unique_id": 7}}).series[0].unique_id == "7"


@pytest.mark.parametrize("extra", [{}, {"ds": None}, {"ds": [], "y": []}, {"y": []}])
def test_points_may_be_left_out(extra: dict[str, Any]) -> None:
    """Then a forecast is asked of what is carried."""
    assert len(read({"series": {"unique_id": "a", **extra}}).series[0].values) == 0


def test_what_is_not_said_has_its_default() -> None:
    """Conflicts are errors, the state is kept, the model decides what to forecast."""
    ask = read({"series": {"unique_id": "a"}})
    assert (ask.on_conflict, ask.stateless, ask.name) == ("error", False, None)
    assert ask.wanted == Wanted()
    assert read({"series": {"unique_id": "a"}, "h": 3}, forecasts=False).wanted is None


def test_what_is_said_is_passed_on() -> None:
    """Every option reaches the engine."""
    ask = read(
        {
            "series": {"unique_id": "a"},
            "h": 3,
            "level": [80, 97.5],
            "name": "demo",
            "stateless": True,
            "on_conflict": "revise",
        }
    )
    assert ask.wanted == Wanted(3, (80, 97.5), ())
    assert (ask.name, ask.stateless, ask.on_conflict) == ("demo", True, "revise")


def test_a_bad_series_is_set_apart() -> None:
    """With its id where that can be told, and the place in the body."""
    ask = read({"series": [{"unique_id": "a"}, {"unique_id": "b", "y": 1}, 7]})
    assert [points.unique_id for points in ask.series] == ["a"]
    assert [(r.unique_id, r.error.loc) for r in ask.refused] == [
        ("b", "series[1].y"),
        (None, "series[2]"),
    ]


def test_the_last_of_two_equal_keys_counts() -> None:
    """As everywhere where JSON is read."""
    ask = read_ask(b'{"series": {"unique_id": "a", "unique_id": "b"}}', True)
    assert ask.series[0].unique_id == "b"


@pytest.mark.parametrize(
    ("unique_id", "told"), [(7, "7"), ("7", "7"), (True, None), (2**60, None)]
)
def test_a_series_that_is_wrong_is_told_by_its_id(
    unique_id: object, told: str | None
) -> None:
    """Text or a whole number, as it would be carried; what can be no id is left out."""
    body = {"series": [{"unique_id": unique_id, "y": ["x"]}]}
    ask = read_ask(json.dumps(body).encode(), forecasts=True)
    assert [refusal.unique_id for refusal in ask.refused] == [told]
