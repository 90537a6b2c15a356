"""The bent scale on which the network sees values: linear near zero, logarithmic far off.

    z = asinh(v / bend),   v = bend * sinh(z)

The bend is a small share of the mean size of a series, so that a positive series is
seen in relative terms: a night of 20 hires counts beside a day of 2,000. Negative values
widen it, so that a series around zero is seen as it is. The same shares are used in the
graph (`memory.frames`), there of the values in the ring.
"""

from typing import Any

BEND_OF_SIZE = 0.05
BEND_OF_NEGATIVE = 5.0
BEND_FLOOR = 1e-30


def bend_of(size: Any, negative: Any) -> Any:
    """The bend of values of a mean size and a mean size of their negative parts.

    >>> bend_of(100.0, 0.0), bend_of(1.0, 0.5)
    (5.0, 2.55)
    """
    return BEND_OF_SIZE * size + BEND_OF_NEGATIVE * negative + BEND_FLOOR
