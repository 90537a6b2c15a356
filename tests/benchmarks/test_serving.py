"""What the benchmark of serving sends, and how it is told."""

import asyncio
import json
from pathlib import Path

import pyarrow as pa

from benchmarks import bulk_client, load, serving_report
from benchmarks.served import Bare


def test_arrow_and_json_say_the_same() -> None:
    """Both kinds of a bulk request hold the same points."""
    ids = ["a", "b"]
    said = json.loads(bulk_client.as_json(ids, 3, 2))["series"]
    rows = pa.ipc.open_stream(bulk_client.as_arrow(ids, 3, 2)).read_all().to_pylist()
    assert rows == [
        {"unique_id": one["unique_id"], "ds": ds, "y": y}
        for one in said
        for ds, y in zip(one["ds"], one["y"], strict=True)
    ]


def test_the_load_counts_what_a_real_server_answers(tmp_path: Path) -> None:
    """Each client is answered, none of them with anything but 200."""
    (tmp_path / "answer.json").write_text("{}", encoding="utf-8")
    with Bare("bare route", tmp_path, 1, 2, tmp_path / "answer.json") as bare:
        found = asyncio.run(load.load(bare.port, 3, 1.0, 1))
    assert found["failed"] == 0
    assert found["per_s"] > 0
    assert found["p50_ms"] <= found["p99_ms"]


def test_the_report_shows_what_was_measured_and_nothing_else() -> None:
    """A part that was not run has no table; a number that was not taken is a dash."""
    records = [
        {"set": "bulk", "method": "ours, JSON", "per_s": 1234.5},
        {"set": "memory", "method": "0", "ready_s": 2.0, "rss_mb": 500.0},
        {"set": "memory", "method": "100", "rss_mb": 501.0},
    ]
    text = serving_report.text(records, "* head")
    assert "| ours, JSON | 1,234 |" in text
    assert "| 100 | - | 501.0 |" in text
    assert serving_report.TITLES["many"] not in text
