"""The report on the cost of training, from results to Markdown."""

from collections.abc import Sequence

from benchmarks.markdown import number, table
from benchmarks.results import Record

HEAD = """# Training

Written by `benchmarks/training.py`.

{machine}
"""
SPEED = """
## Speed

Updates per second. Ours is the whole command, between a short and a long run: validation
and the two fifths more of updates on the held-out end are in its time, not in its count.
PyTorch is `torch.nn.LSTM` between dense layers of the same sizes, on random data that are
already in memory: without ring, scale, candidates, reading, laying out or validating.
"""
SCORE = """
## Time to a score

neuralforecast's LSTM in one run, scored after several numbers of its steps (seconds of
its `fit`), and ours trained anew with ever more seconds until it scores as well. Our
seconds are those of the training loop; the whole command with start, reading and export
stands beside. The share is that of our loop in the time to the other's best score.
"""
MEMORY = """
## Memory

The largest resident set of `train`, as the data grow and as it goes on longer.
"""


def text(records: Sequence[Record], machine: str) -> str:
    """The whole report."""
    parts = [HEAD.format(machine=machine)]
    for part, title, rows in (
        ("speed", SPEED, _speed),
        ("score", SCORE, _score),
        ("memory", MEMORY, _memory),
    ):
        found = [one for one in records if one["method"] == part]
        good = [one for one in found if "error" not in one]
        if found:
            failed = [
                f"\n* {one['set']}: {one['error']}" for one in found if one not in good
            ]
            parts += [title, rows(good), *failed]
    return "\n".join(parts) + "\n"


def _speed(records: Sequence[Record]) -> str:
    """A line for each set."""
    columns = ("set", "lanes x chunk", "units x layers", "ours", "PyTorch", "ratio")
    rows = []
    for one in records:
        shape = one["shape"]
        rows.append(
            [
                one["set"],
                f"{shape['lanes']} x {shape['chunk']}",
                f"{shape['units']} x {shape['layers']}",
                number(one["ours"], 2),
                number(one["torch"], 2),
                number(one["ours"] / one["torch"], 2),
            ]
        )
    return table(columns, rows)


def _score(records: Sequence[Record]) -> str:
    """A line for each point of the two traces of a set, and what they come to."""
    rows = []
    for one in records:
        best_s, best = min(one["peer"], key=lambda pair: pair[1])
        name = f"{one['set']}, {one['measure']}"
        for seconds, score in one["peer"]:
            rows.append(
                [name, "neuralforecast", number(seconds, 1), "-", number(score), "-"]
            )
        for seconds, score, whole in one["ladder"]:
            share = number(seconds / best_s, 2) if score <= best else "not reached"
            times = [number(seconds, 1), number(whole, 1)]
            rows.append([name, "this", *times, number(score), share])
    columns = (
        "set",
        "method",
        "seconds",
        "whole command",
        "score",
        "share of the time",
    )
    return table(columns, rows)


def _memory(records: Sequence[Record]) -> str:
    """A line for each size of the data and length of training."""
    columns = ("values", "file MB", "steps", "peak MB", "bytes a value above the first")
    rows = []
    for one in records:
        first = records[0]
        more = one["values"] - first["values"]
        grown = (one["peak_mb"] - first["peak_mb"]) * 2**20
        rows.append(
            [
                f"{one['values']:,}",
                number(one["file_mb"], 0),
                str(one["steps"]),
                number(one["peak_mb"], 0),
                number(grown / more, 0) if more else "-",
            ]
        )
    return table(columns, rows)
