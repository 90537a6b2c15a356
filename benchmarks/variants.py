"""What the ablation takes away: the model without one of its pieces, trained again."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.cases import Case
from forecaster.frequency import Frequency
from forecaster.panel import Panel

FULL = "this"
# The average course is the last cycle; of exactly 1 the logarithm of nothing would be taken.
LAST_CYCLE = "forecaster.profile:SMOOTHING=0.999999"


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing taken away.

    Attributes:
        name: as in results and in the table.
        says: what is done instead.
        config: entries of the configuration file of `train`.
        constants: numbers and functions of the library that are changed, see `patched.py`.
        counted: times are whole numbers, so that no calendar is known.
    """

    name: str
    says: str
    config: str = ""
    constants: tuple[str, ...] = ()
    counted: bool = False


ALL = (
    Variant(
        "no recurrence",
        "no recurrent layers: the ring buffer and the average course alone",
        config="[network]\nrecurrence = false\n",
    ),
    Variant(
        "ring alone",
        "neither recurrent layers nor the average course: the past is the ring buffer",
        config="[network]\nrecurrence = false\n",
        constants=(LAST_CYCLE,),
    ),
    Variant(
        "chunks",
        "every chunk of training begins from a state of nothing, instead of lanes",
        constants=("forecaster.training:COLD=1",),
    ),
    Variant(
        "forgetful",
        "the recurrent state, but not the ring, is zeroed before every chunk of training",
        constants=("forecaster.training:FORGET=1",),
    ),
    Variant(
        "hardly bent",
        "values are seen on a nearly linear scale",
        constants=(
            "forecaster.bending:BEND_OF_SIZE=10",
            "forecaster.memory:BEND_OF_SIZE=10",
        ),
    ),
    Variant(
        "no calendar",
        "times are counted, so that hour, weekday and month are not known",
        counted=True,
    ),
    Variant(
        "one candidate",
        "the head corrects the seasonal naive forecast alone, not several weighed",
        constants=(
            "forecaster.candidates:candidates=benchmarks.pieces:first_candidate",
            "forecaster.candidates:count=benchmarks.pieces:one",
        ),
    ),
    Variant(
        "last course",
        "the last cycle as it was, instead of the average course of all cycles",
        constants=(LAST_CYCLE,),
    ),
    Variant("no dropout", "no dropout", config="[network]\ndropout = 0.0\n"),
    Variant(
        "no averaging",
        "the weights of the last step, not their moving average",
        constants=("forecaster.trainer:AVERAGE=0",),
    ),
)
VARIANTS = {one.name: one for one in ALL}


def applies(variant: Variant, case: Case) -> bool:
    """Whether a variant differs from the model on a set: some have no calendar at all."""
    return not (variant.counted and case.panel.frequency.is_integer)


def as_seen(variant: Variant, case: Case) -> Case:
    """The set as a variant is given it."""
    return counted(case) if variant.counted else case


def counted(case: Case) -> Case:
    """The same set with steps 1, 2, … instead of timestamps."""
    panel = case.panel
    values = [panel.values_of(i) for i in range(len(panel))]
    steps = [np.arange(1, length + 1) for length in panel.lengths]
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.array(panel.ids, object), panel.lengths),
            "ds": np.concatenate(steps),
            "y": panel.values,
        }
    )
    starts = np.ones(len(panel), dtype=np.int64)
    return Case(
        case.spec, frame, Panel.from_series(panel.ids, values, starts, Frequency("1"))
    )
