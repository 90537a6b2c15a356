"""Which part of a carried state makes its forecasts better or worse than a fresh window's.

    python -m benchmarks.parts --data FOLDER --sets sunspots_monthly

At each origin there are two states: one carried through the whole history, one of a fresh
window of one ring and one chunk of training. The carried one is given the average course
(and the age that it is read by) of the fresh one, or its recurrent state: whichever makes
its error that of the fresh one is the part that they differ by. Versions are those that
`benchmarks.accuracy` left in WORK.
"""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks import choices, machine, markdown, scoring
from benchmarks.carrying import reader_of
from benchmarks.cases import Case
from benchmarks.sets import SETS
from forecaster.artifact import Artifact
from forecaster.cells import STATES_PER_CELL
from forecaster.manifest import Manifest
from forecaster.planning import seasons_in_cycle

COMPARED = 1024  # origins of all series at most: each costs a window
Span = list[int]


def spans(about: Manifest) -> dict[str, Span]:
    """The places of the course with the age, and of the recurrent state, in a state."""
    size = about.architecture
    ring, units, layers = (int(size[name]) for name in ("ring", "units", "layers"))
    cycle = about.season_length * seasons_in_cycle(about.season_length, ring)
    course_end = 2 * ring + 1 + cycle
    futr = sum(one["kind"] == "futr" for one in about.covariates.get("columns", ()))
    begin = course_end + len(about.features) + cycle * futr
    recurrent = units * layers * STATES_PER_CELL[str(size["cell"])]
    return {
        "course": list(range(2 * ring, course_end)),
        "recurrent": list(range(begin, begin + recurrent)),
    }


def errors(case: Case, model: Artifact) -> dict[str, float]:
    """The error of carried, fresh and mixed states, by the measure of the set."""
    about, measure = model.manifest, case.spec.measures[0]
    window = int(about.architecture["ring"]) + int(about.training["chunk"])
    some = case.thinned(-(-case.origins.size // COMPARED))
    reader = reader_of(model, some.panel, some.spec.horizon)
    found: dict[str, list[NDArray[np.float64]]] = {}
    for carried, known in reader.primed(some.origins):
        nothing = model.initial_state(len(some.panel))
        fresh = reader.advance(nothing, np.maximum(known - window, 0), known)
        states = {"carried": carried, "fresh": fresh}
        for name, places in spans(about).items():
            states[f"{name} of fresh"] = mixed = carried.copy()
            mixed[:, places] = fresh[:, places]
        for name, state in states.items():
            found.setdefault(name, []).append(reader.forecast([(state, known)]))
    return {
        name: scoring.score(some, np.concatenate(blocks, axis=1), about.quantiles)[
            measure
        ]
        for name, blocks in found.items()
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@choices.DATA
@choices.SETS
@click.option("--seed", default=0, show_default=True, help="Of the training.")
@choices.work("out/accuracy")
def main(data: Path, sets: str, seed: int, work: Path) -> None:
    """Print the errors of carried, fresh and mixed states."""
    from forecaster.artifact import load  # TensorFlow is slow to import
    from forecaster.cli.common import import_tensorflow

    import_tensorflow()  # without its notes on stderr
    click.echo(machine.heading(machine.command_line("benchmarks.parts")))
    rows, columns = [], ["set"]
    for name in choices.chosen(sets, SETS):
        found = sorted(
            (work / "ours" / name / str(seed)).glob("models/*/*/manifest.json")
        )
        if not found:
            raise click.UsageError(
                f"{work}: expected a version that was trained on {name} with seed {seed}, "
                f"got none; run benchmarks.accuracy --sets {name} --seeds {seed} before"
            )
        each = errors(SETS[name].load(data), load(found[-1].parent))
        columns = ["set", *each]
        rows.append([name, *(markdown.number(error, 4) for error in each.values())])
    click.echo(markdown.table(columns, rows))


if __name__ == "__main__":
    main()
