"""Laws of taking turns."""

import threading
import time

import pytest

from service.turns import Turns


def test_those_who_share_a_key_go_one_by_one() -> None:
    """Whatever other keys they hold, and in whichever order they name them."""
    turns = Turns()
    inside, most = 0, 0

    def work(keys: list[str]) -> None:
        nonlocal inside, most
        for _ in range(20):
            with turns.taken(keys, 10):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    orders = [["a", "b"], ["b", "a"], ["b", "b", "c"]] * 2
    threads = [threading.Thread(target=work, args=(keys,)) for keys in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1
    assert len(turns) == 0


def test_a_turn_ends_with_an_error_too() -> None:
    """And leaves nothing behind."""
    turns = Turns()
    with pytest.raises(ValueError, match="no"), turns.taken(["a", "b"], 1):
        raise ValueError("no")
    assert len(turns) == 0


def test_nobody_waits_longer_than_patience() -> None:
    """Then the work goes on without the turn, which stays with its holder."""
    turns = Turns()
    went_on = threading.Event()

    def work() -> None:
        with turns.taken(["a"], 0.01):
            went_on.set()

    with turns.taken(["a"], 1):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert went_on.is_set()
        assert len(turns) == 1
    assert len(turns) == 0
