"""What the series of one request may take together."""

import pytest

from service.errors import Unacceptable
from service.pieces import Allowance


def test_a_series_that_is_planned_again_takes_nothing_twice() -> None:
    """Only its last plan counts, and what it no longer needs others may have."""
    allowance = Allowance(10)
    for _ in range(5):
        allowance.take("a", 6)
    allowance.take("b", 4)
    with pytest.raises(Unacceptable, match="more than 10 absent steps"):
        allowance.take("c", 1)
    allowance.take("a", 5)
    allowance.take("c", 1)
    allowance.take("d", 0)


def test_what_is_refused_takes_nothing() -> None:
    """A series that asks for too much leaves all of it to the others."""
    allowance = Allowance(10)
    with pytest.raises(Unacceptable):
        allowance.take("greedy", 11)
    allowance.take("modest", 10)
