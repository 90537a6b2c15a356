"""Did concurrent calls behave as if they had come one after the other?

The search of Wing and Gong (1993) with the memory of Lowe (2017): calls are put into an
order that agrees with the clock and with a sequential rule, and what was reached once, the
same calls done and the same state, is not tried again.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class Call(Generic[Asked, Answered]):
    """A request and its answer; without one it may have been done, at any time, or not."""

    invoked: float
    asked: Asked
    completed: float = math.inf
    answered: Answered | None = None


@dataclass(frozen=True, slots=True)
class Contradiction(Generic[State, Asked, Answered]):
    """Where every order fails: the furthest state reached, and what cannot follow."""

    state: State
    done: int
    waiting: tuple[Call[Asked, Answered], ...]


# Gives the states that may follow when a call comes next: none if its answer is wrong.
Rule = Callable[[State, Call[Asked, Answered]], Sequence[State]]


def contradiction(
    calls: Sequence[Call[Asked, Answered]],
    begin: State,
    rule: Rule[State, Asked, Answered],
    key: Callable[[State], Hashable],
) -> Contradiction[State, Asked, Answered] | None:
    """Return where the calls contradict every order of them, or None if one explains all.

    Args:
        calls: in any order.
        begin: the state before all of them.
        rule: what may follow.
        key: the same for states that are the same.

    >>> def register(state, call):
    ...     kind, value = call.asked
    ...     return [value] if kind == "write" else [state] if call.answered == state else []
    >>> write = Call(0.0, ("write", 7), 2.0, True)
    >>> contradiction([write, Call(1.0, ("read", None), 3.0, 7)], 0, register, int)
    >>> contradiction([write, Call(2.5, ("read", None), 3.0, 0)], 0, register, int).state
    7
    """
    in_time = sorted(calls, key=lambda call: call.invoked)
    answered = [call.answered is not None for call in in_time]
    must = sum(1 << place for place, known in enumerate(answered) if known)
    seen: set[tuple[int, Hashable]] = set()
    stack = [(0, begin)]
    furthest = stack[0]
    while stack:
        done, state = stack.pop()
        if done & must == must:
            return None
        if (done & must).bit_count() > (furthest[0] & must).bit_count():
            furthest = done, state
        for place in reversed(_next(in_time, done)):
            for after in rule(state, in_time[place]):
                reached = (done | 1 << place, key(after))
                if reached not in seen:
                    seen.add(reached)
                    stack.append((reached[0], after))
    done, state = furthest
    waiting = tuple(in_time[place] for place in _next(in_time, done))
    return Contradiction(state, (done & must).bit_count(), waiting)


def _next(in_time: Sequence[Call[Asked, Answered]], done: int) -> list[int]:
    """Return which calls may come next: those that began before any of the rest ended."""
    found: list[int] = []
    first_end = math.inf
    place = (~done & (done + 1)).bit_length() - 1  # the first that is not done
    while place < len(in_time) and in_time[place].invoked <= first_end:
        if not done >> place & 1:
            found.append(place)
            first_end = min(first_end, in_time[place].completed)
        place += 1
    return found
