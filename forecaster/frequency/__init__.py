"""How long one step of a series is: parse it, infer it, count in it."""

from forecaster.frequency.inference import anchored, infer
from forecaster.frequency.value import Frequency, OffGrid

__all__ = ["Frequency", "OffGrid", "anchored", "infer"]
