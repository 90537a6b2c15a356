"""What tests ask of two panels."""

import numpy as np

from forecaster.panel import Panel


def same(left: Panel, right: Panel) -> bool:
    """Whether two panels hold the same series."""
    return (
        left.ids == right.ids
        and np.array_equal(left.offsets, right.offsets)
        and np.array_equal(left.values, right.values, equal_nan=True)
        and np.array_equal(left.starts, right.starts)
        and left.frequency == right.frequency
    )
