"""Laws of rate limits."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import rates
from service.rates import MINUTE_S, Rates

PAUSES = st.lists(st.floats(min_value=0, max_value=10), min_size=10, max_size=60)


@given(limit=st.integers(1, 8), pauses=PAUSES)
def test_no_minute_has_more_than_twice_the_limit(
    limit: int, pauses: list[float]
) -> None:
    """In any span of time at most the limit, and what the span has filled in again."""
    now = [0.0]
    bucket = Rates(limit, clock=lambda: now[0])
    admitted: list[float] = []
    for pause in pauses:
        now[0] += pause
        if bucket.take("a") == 0:
            admitted.append(now[0])

    for i, first in enumerate(admitted):
        for j, last in enumerate(admitted[i:], 1):
            assert j <= limit + (last - first) * limit / MINUTE_S + 1e-6


@given(limit=st.integers(1, 8), pauses=PAUSES)
def test_who_waits_as_told_is_let_in(limit: int, pauses: list[float]) -> None:
    """And nobody is told to wait for longer than one request takes to come back."""
    now = [0.0]
    bucket = Rates(limit, clock=lambda: now[0])
    for pause in pauses:
        now[0] += pause
        wait_s = bucket.take("a")
        assert wait_s <= MINUTE_S / limit + 1e-6
        if wait_s > 0:
            now[0] += wait_s + 1e-6
            assert bucket.take("a") == 0


def test_each_client_has_its_own_limit() -> None:
    """One that asks too often takes nothing from another."""
    bucket = Rates(3, clock=lambda: 0.0)
    assert [bucket.take("a") > 0 for _ in range(5)] == [False] * 3 + [True] * 2
    assert bucket.take("b") == 0


def test_no_limit_is_no_limit() -> None:
    """0, the default."""
    bucket = Rates(0)
    assert {bucket.take("a") for _ in range(1000)} == {0.0}


def test_threads_share_one_limit() -> None:
    """However many ask at the same time, none is counted twice or left out."""
    bucket = Rates(100, clock=lambda: 0.0)
    admitted: list[float] = []

    def ask() -> None:
        for _ in range(50):
            if bucket.take("a") == 0:
                admitted.append(0)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 100


def test_strangers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many clients are remembered; the one that was silent longest goes first."""
    monkeypatch.setattr(rates, "MAX_CLIENTS", 3)
    bucket = Rates(1, clock=lambda: 0.0)
    for client in "abcbd":
        bucket.take(client)
    assert list(bucket._buckets) == ["c", "b", "d"]
