"""Functions that take turns in one thread: each runs until it would wait for company.

Threads that all compute get in each other's way, for only one of them can hold the
interpreter. Greenlets of one thread hand over where they say so, and nowhere else.
"""

from collections.abc import Callable, Sequence

from greenlet import getcurrent, greenlet


class _Turn(greenlet):
    """One of them."""


def take_turns(tasks: Sequence[Callable[[], None]]) -> None:
    """Run all to their ends, each up to its next `pause` at a time.

    Args:
        tasks: they raise nothing; an error would leave the others where they are.

    >>> def greet(name):
    ...     print(f"{name} comes")
    ...     pause()
    ...     print(f"{name} goes")
    >>> take_turns([lambda: greet("Ann"), lambda: greet("Bob")])
    Ann comes
    Bob comes
    Ann goes
    Bob goes
    """
    turns = [_Turn(task) for task in tasks]
    while turns:
        for turn in turns:
            turn.switch()
        turns = [turn for turn in turns if not turn.dead]


def pause() -> None:
    """Let the others of `take_turns` come as far as this; alone, go on."""
    here = getcurrent()
    if isinstance(here, _Turn) and here.parent is not None:
        here.parent.switch()
