"""Progress on stderr: a bar for a person, now and then a line for a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from tqdm import tqdm

LINES = 20  # at most, where there is no terminal
_BAR = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}, {remaining} left{postfix}"


Show = Callable[[float, str], None]  # a share of the way between 0 and 1, a message


class Display(Protocol):
    """Whatever shows how far a long task has come."""

    def show(self, done: float, message: str) -> None:
        """Shows a share of the way between 0 and 1 and a message."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A display that hands on what it is told."""

    show: Show


class Progress:
    """How far a long task has come; `show` may be called as often as one likes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = time.monotonic()
        self.lines = 0
        self.bar = tqdm(
            total=1.0, desc=name, bar_format=_BAR, mininterval=0.5, disable=None
        )

    def show(self, done: float, message: str) -> None:
        """Shows a share of the way between 0 and 1 and a message."""
        done = min(done, 1.0)
        if not self.bar.disable:
            self.bar.set_postfix_str(message, refresh=False)
            self.bar.update(done - self.bar.n)
        elif done * LINES >= self.lines + 1:
            self.lines = int(done * LINES)
            left = (time.monotonic() - self.started) * (1.0 - done) / done
            line = f"{self.name} {done:4.0%}, {left:.0f} s left, {message}"
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - its job


@contextmanager
def progress(
    name: str, *, silent: bool = False, show: Show | None = None
) -> Iterator[Display | None]:
    """A display that ends with its block: that of the caller, one on stderr, or None."""
    if show is not None:
        yield Handed(show)
        return
    if silent:
        yield None
        return
    display = Progress(name)
    try:
        yield display
    finally:
        display.bar.close()
