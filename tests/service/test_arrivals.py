"""Laws of versions that come and go: what is let go of is freed, whatever holds it."""

import gc
import weakref

from service.arrivals import give_back
from tests.service.fakes import FakeModel, manifest


def test_what_a_worker_began_with_is_freed_too() -> None:
    """Although it was out of the collector's sight; what stays is so again."""
    model = FakeModel(manifest())
    model.itself = model  # type: ignore[attr-defined]  # as a graph of TensorFlow does
    seen = weakref.ref(model)
    gc.collect()
    gc.freeze()
    try:
        del model
        gc.collect()
        assert seen() is not None
        give_back()
        assert seen() is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
    give_back()
    assert gc.get_freeze_count() == 0
