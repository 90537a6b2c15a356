"""Laws of the ablation: each variant differs in what it says, and in nothing else."""

import importlib

import numpy as np
import pytest

from benchmarks.patched import change
from benchmarks.sets import SETS
from benchmarks.training import PATIENT
from benchmarks.variants import ALL, VARIANTS, applies, as_seen
from tests.benchmarks.test_sets import DATA, needs_data


@pytest.mark.tf
@pytest.mark.parametrize(
    "text", [*(text for one in ALL for text in one.constants), *PATIENT]
)
def test_what_a_benchmark_changes_is_there(text: str) -> None:
    """All that is changed exists, so that no variant is the whole model."""
    place, _, _ = text.partition("=")
    module_name, _, name = place.partition(":")
    module = importlib.import_module(module_name)
    before = getattr(module, name)
    try:
        change(text)
        assert getattr(module, name) != before
    finally:
        setattr(module, name, before)


def test_what_is_not_there_is_refused() -> None:
    """A changed name in the library ends the run, instead of changing nothing."""
    with pytest.raises(SystemExit, match="has no SHARE"):
        change("forecaster.bending:SHARE=1")


@needs_data
def test_counted_steps_keep_the_series() -> None:
    """Without a calendar there are the same values, origins and rows to fit on."""
    case, variant = SETS["wikipedia_peyton_manning"].load(DATA), VARIANTS["no calendar"]
    seen = as_seen(variant, case)
    assert applies(variant, case)
    assert not applies(variant, seen)
    np.testing.assert_array_equal(seen.actual, case.actual)
    assert len(seen.training_frame) == case.train_ends.sum()
