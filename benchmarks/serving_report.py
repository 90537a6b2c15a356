"""The report of `serving`."""

from benchmarks.markdown import number, table
from benchmarks.results import Record

INTRO = """\
Written by `benchmarks/serving.py`, whose first lines say what is measured. The load
comes from a process of its own on the same machine; all compared in one run.
"""
TITLES = {
    "single": "One new point and a forecast, durable",
    "history": "One new point, by the length of the history",
    "bulk": "One new point of each of many series",
    "memory": "Start and memory",
    "many": "Very many series in one database",
}
COLUMNS = {
    "per_s": "a second",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "failed": "not 200",
    "late_ms": "correcting a value ten steps old, ms",
    "encode_ms": "encoding it all again, ms",
    "ready_s": "start to ready, s",
    "rss_mb": "largest worker, MB",
    "total_mb": "all workers, MB",
    "bytes": "bytes a series on disk",
    "state_bytes": "of which the state",
}
FIRST = {
    "single": "who, clients",
    "history": "points before",
    "bulk": "who",
    "memory": "requests so far",
    "many": "series",
}


MOST_ROWS = 14  # of a table; of a million requests there are a hundred


def text(records: list[Record], head: str) -> str:
    """The report as Markdown."""
    parts = ["# Serving\n", INTRO, head + "\n"]
    for part, title in TITLES.items():
        some = [record for record in records if record["set"] == part]
        if some:
            parts += [f"## {title}\n", _table(part, some) + "\n"]
    return "\n".join(parts)


def _table(part: str, records: list[Record]) -> str:
    shown = [name for name in COLUMNS if any(name in one for one in records)]
    records = _fewer(records)
    rows = [
        [one["method"], *(number(one.get(name, float("nan")), 1) for name in shown)]
        for one in records
    ]
    return table([FIRST[part], *(COLUMNS[name] for name in shown)], rows)


def _fewer(records: list[Record]) -> list[Record]:
    """Every so manieth from the first on, and the last.

    >>> [one["method"] for one in _fewer([{"method": n} for n in range(30)])]
    [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 29]
    """
    each = -(-len(records) // MOST_ROWS)
    some = records[::each]
    return some if some[-1] is records[-1] else [*some, records[-1]]
