"""Forecasts wait for their values, wherever the calls are cut."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.tf

STEPS = 80
ABOUT = (24, 7, (0.025, 0.1, 0.5, 0.9, 0.975))


def promises(age: Any, knots: Any) -> Any:
    """Promises [B, T, K, 2] that say when they were made and for which knot."""
    made = np.broadcast_to(age[..., None], (*age.shape, len(knots)))
    return np.stack([made, np.broadcast_to(knots, made.shape)], axis=-1)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, STEPS), max_size=5), late=st.integers(0, 40))
def test_what_falls_due_was_made_so_many_steps_before(
    cuts: list[int], late: int
) -> None:
    """However steps are grouped, each step meets just the promises made for it."""
    from forecaster.calibration import grades
    from forecaster.pending import exchange, slots

    about = grades(*ABOUT)
    knots = np.array(about.steps, np.float32)
    age = np.maximum(np.arange(1, STEPS + 1) - np.array([[0], [late]]), 0)
    age = age.astype(np.float32)
    kept = np.zeros((2, slots(about), 2), np.float32)
    edges = [0, *sorted(cuts), STEPS]
    for begin, end in pairwise(edges):
        if begin == end:
            continue
        here = age[:, begin:end]
        due, made_at, kept = (
            np.asarray(part)
            for part in exchange(kept, promises(here, knots), here, about)
        )
        met = (made_at > 0)[..., None]
        wanted = np.stack([made_at, np.broadcast_to(knots, made_at.shape)], axis=-1)
        assert (np.where(met, due, 0) == np.where(met, wanted, 0)).all()
        expected = here[..., None] - knots
        strides = np.array(about.strides)
        scored = (here[..., None] % strides == 0) & (expected > 0)
        assert ((made_at > 0) == scored).all()
        assert (made_at[scored] == expected[scored]).all()
