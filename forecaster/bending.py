"""The bent scale on which the network sees values: linear near zero, logarithmic far off.

    z = asinh(v / bend),   v = bend * sinh(z)

The bend is a small share of the mean size of a series, so that a positive series is
seen in relative terms: a night of 20 hires counts beside a day of 2,000. Negative values
widen it, so that a series around zero is seen as it is. NumPy only; the same two shares
are used in the graph (`memory.frames`), there of the values in the ring.
"""

import numpy as np
from numpy.typing import NDArray

BEND_OF_SIZE = 0.05
BEND_OF_NEGATIVE = 5.0
BEND_FLOOR = 1e-30


def bent(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A whole series on the bent scale; missing stays missing.

    >>> bent(np.array([1.0, 2.0, 4.0])).round(2)
    array([2.84, 3.54, 4.23])
    >>> bent(np.array([-1.0, 0.0, 1.0])).round(2)
    array([-0.56,  0.  ,  0.56])
    """
    seen = values[~np.isnan(values)]
    if not len(seen):
        return values
    size = np.abs(seen).mean()
    negative = np.maximum(-seen, 0.0).mean()
    bend = BEND_OF_SIZE * size + BEND_OF_NEGATIVE * negative + BEND_FLOOR
    return np.asarray(np.arcsinh(values / bend))
