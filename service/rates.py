"""How often each client may ask: a bucket of tokens for each, within one process."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_CLIENTS = 10_000  # remembered; who was silent for longest is forgotten first
MINUTE_S = 60.0


class Rates:
    """Counts requests by client; safe for many threads.

    A bucket holds the requests of a minute and fills evenly, so that a client that was
    quiet may send a minute's worth at once, and none waits for a clock to turn.

    >>> now = [0.0]
    >>> rates = Rates(2, clock=lambda: now[0])
    >>> [rates.take("a") for _ in range(3)]
    [0.0, 0.0, 30.0]
    >>> now[0] = 30.0
    >>> rates.take("a"), rates.take("b")
    (0.0, 0.0)
    """

    def __init__(
        self, per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with full buckets; 0 a minute means no limit."""
        self.per_minute = per_minute
        self._per_second = per_minute / MINUTE_S
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str) -> float:
        """Take a token; return 0, or the seconds until there is one if there is none."""
        if self.per_minute == 0:
            return 0.0
        with self._lock:
            now = self._clock()
            tokens, then = self._buckets.get(client, (float(self.per_minute), now))
            tokens = min(self.per_minute, tokens + (now - then) * self._per_second)
            wait_s = max(0.0, (1.0 - tokens) / self._per_second)
            self._buckets[client] = (tokens if wait_s else tokens - 1.0, now)
            self._buckets.move_to_end(client)
            while len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
        return wait_s
