"""Requests that meet: one batch for all that wait, and nobody harmed by company."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from service.batching import Batcher, QueueFull, Sizes, Unfinished
from service.turns import take_turns

Piece = tuple[str, int]


def key_of(piece: Piece) -> str:
    """Pieces of one series are done one after the other."""
    return piece[0]


class Work:
    """Notes what was done together, and stops at a gate while that is closed."""

    def __init__(self) -> None:
        self.batches: list[list[Piece]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, pieces: Sequence[Piece]) -> list[Piece | None]:
        self.batches.append(list(pieces))
        assert self.gate.wait(10)
        return list(pieces)


def later() -> float:
    """A time that does not come in a test."""
    return time.monotonic() + 10


def in_threads(*works: Callable[[], None]) -> list[threading.Thread]:
    """Start each in a thread of its own, one shortly after the other."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    return threads


def test_what_waits_is_done_together() -> None:
    """While one batch is done the others gather, and are the next batch, all of them."""
    work = Work()
    batcher = Batcher(work, key_of, Sizes(parallel=1))
    work.gate.clear()
    found: dict[int, list[Piece | Unfinished]] = {}

    def ask(number: int) -> Callable[[], None]:
        def run() -> None:
            found[number] = batcher.run([(f"s{number}", 0)], later())

        return run

    threads = in_threads(*[ask(number) for number in range(6)])
    work.gate.set()
    for thread in threads:
        thread.join()
    assert [len(batch) for batch in work.batches] == [1, 5]
    assert found == {number: [(f"s{number}", 0)] for number in range(6)}


def test_requests_that_take_turns_are_one_batch() -> None:
    """All that one thread works on are in the queue before a batch is made of them."""
    work = Work()
    batcher = Batcher(work, key_of)
    found: list[list[Piece | Unfinished]] = []

    def ask(number: int) -> Callable[[], None]:
        return lambda: found.append(batcher.run([(f"s{number}", 0)], later()))

    take_turns([ask(number) for number in range(5)])
    pieces = [(f"s{number}", 0) for number in range(5)]
    assert work.batches == [pieces]
    assert sorted(map(str, found)) == [str([piece]) for piece in pieces]


def test_who_is_done_goes_on_while_a_request_of_the_same_thread_has_more() -> None:
    """A large one hands over after each batch; a small one takes one of them."""
    ended: list[str] = []
    batcher = Batcher(Work(), key_of, Sizes(batch=2, share=1))

    def ask(name: str, count: int) -> Callable[[], None]:
        def run() -> None:
            batcher.run([(f"{name}{number}", 0) for number in range(count)], later())
            ended.append(name)

        return run

    take_turns([ask("large", 5), ask("small", 1)])
    assert ended == ["small", "large"]


def test_who_waits_is_woken_though_one_before_it_has_not_had_its_turn() -> None:
    """What a busy thread has not come to is done by the next who is free to do it."""
    at_work = {name: threading.Event() for name in "abc"}
    gates = {name: threading.Event() for name in "abc"}
    gates["c"].set()

    def do(pieces: Sequence[Piece]) -> list[Piece | None]:
        for name, _ in pieces:
            at_work[name].set()
            assert gates[name].wait(10)
        return list(pieces)

    batcher = Batcher(do, key_of, Sizes(parallel=2))

    def ask(piece: Piece) -> Callable[[], None]:
        def run() -> None:
            assert batcher.run([piece], later()) == [piece]

        return run

    (first,) = in_threads(ask(("a", 0)))
    assert at_work["a"].wait(10)
    (busy,) = in_threads(lambda: take_turns([ask(("b", 0)), ask(("a", 1))]))
    assert at_work["b"].wait(10)
    (other,) = in_threads(ask(("c", 0)))
    gates["a"].set()
    other.join(10)
    assert not other.is_alive()
    assert busy.is_alive()
    gates["b"].set()
    for thread in (first, busy):
        thread.join()


def test_a_series_is_never_in_two_batches_at_once() -> None:
    """Twenty threads, three series: no two pieces of one series overlap, none is lost."""
    at_work: Counter[str] = Counter()
    lock, done = threading.Lock(), Counter[Piece]()

    def do(pieces: Sequence[Piece]) -> list[Piece | None]:
        with lock:
            at_work.update(name for name, _ in pieces)
            assert max(at_work.values()) == 1
        time.sleep(0.001)
        with lock:
            at_work.subtract(name for name, _ in pieces)
            done.update(pieces)
        return list(pieces)

    batcher = Batcher(do, key_of, Sizes(parallel=3))

    def ask(thread: int) -> Callable[[], None]:
        def run() -> None:
            for turn in range(10):
                pieces = [(name, 100 * thread + turn) for name in "abc"]
                assert batcher.run(pieces, later()) == pieces

        return run

    for thread in in_threads(*[ask(thread) for thread in range(20)]):
        thread.join()
    assert set(done.values()) == {1}
    assert done.total() == 20 * 10 * 3


def test_a_large_request_leaves_room_for_small_ones() -> None:
    """A single piece waits for one batch, not for ten thousand pieces of somebody else."""
    work = Work()
    batcher = Batcher(work, key_of, Sizes(batch=8, share=4, parallel=1, room=1000))
    work.gate.clear()
    large = [(f"bulk-{i}", i) for i in range(100)]
    threads = in_threads(
        lambda: batcher.run(large, later()) and None,
        lambda: batcher.run([("single", 0)], later()) and None,
    )
    work.gate.set()
    for thread in threads:
        thread.join()
    assert ("single", 0) in work.batches[1]
    assert max(len(batch) for batch in work.batches) <= 5
    done = [piece for batch in work.batches for piece in batch]
    assert sorted(done) == sorted([*large, ("single", 0)])


def test_what_fails_together_is_tried_apart() -> None:
    """The request that harms the batch fails, the others do not."""
    gate = threading.Event()

    def do(pieces: Sequence[Piece]) -> list[Piece | None]:
        assert gate.wait(10)
        if ("poison", 0) in pieces:
            raise ZeroDivisionError
        return list(pieces)

    batcher = Batcher(do, key_of, Sizes(parallel=1))
    good: list[object] = []
    bad: list[type[BaseException]] = []

    def poison() -> None:
        try:
            batcher.run([("poison", 0)], later())
        except ZeroDivisionError as error:
            bad.append(type(error))

    threads = in_threads(
        lambda: good.append(batcher.run([("first", 0)], later())),
        poison,
        lambda: good.append(batcher.run([("second", 0)], later())),
    )
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted(good, key=str) == [[("first", 0)], [("second", 0)]]
    assert bad == [ZeroDivisionError]


def test_what_waited_too_long_is_not_done() -> None:
    """It comes back unfinished at its time, while the batch before it still runs."""
    work = Work()
    batcher = Batcher(work, key_of, Sizes(parallel=1))
    work.gate.clear()
    threads = in_threads(lambda: batcher.run([("slow", 0)], later()) and None)
    assert batcher.run([("late", 0)], time.monotonic() + 0.05) == [Unfinished(0)]
    work.gate.set()
    threads[0].join()
    assert work.batches == [[("slow", 0)]]


def test_what_others_were_in_the_way_of_is_tried_again() -> None:
    """Until its time is over, and then says how often."""
    outcomes: list[Piece | None] = [None, None, ("a", 0)]
    batcher = Batcher(lambda pieces: [outcomes.pop(0)], key_of)
    assert batcher.run([("a", 0)], later()) == [("a", 0)]
    never = Batcher(lambda pieces: [None] * len(pieces), key_of)
    (given_up,) = never.run([("a", 0)], time.monotonic() + 0.02)
    assert isinstance(given_up, Unfinished)
    assert given_up.tries > 0


def test_a_full_queue_takes_no_more() -> None:
    """But one request is always taken, however large, when nobody waits."""
    work = Work()
    batcher = Batcher(work, key_of, Sizes(share=1, parallel=1, room=3))
    work.gate.clear()
    pieces = [(f"s{i}", 0) for i in range(5)]
    threads = in_threads(lambda: batcher.run(pieces, later()) and None)
    with pytest.raises(QueueFull):
        batcher.run([("one more", 0)], later())
    work.gate.set()
    threads[0].join()
    assert batcher.run([("one more", 0)], later()) == [("one more", 0)]
