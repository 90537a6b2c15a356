"""How long one step of a series is: parse it, infer it, count in it."""

from forecaster.frequency.inference import infer, typical
from forecaster.frequency.naming import anchored
from forecaster.frequency.value import LARGEST_STEP, Frequency, OffGrid, parse_timestamp

__all__ = [
    "LARGEST_STEP",
    "Frequency",
    "OffGrid",
    "anchored",
    "infer",
    "parse_timestamp",
    "typical",
]
