"""Laws of runs: what is done is kept, what failed is said, what is short is told."""

import sys
from pathlib import Path

import pytest

from benchmarks import ablation_report, accuracy_report, measured, training_report
from benchmarks.found import sets_of
from benchmarks.results import Record, Results

HOLD = "import time; x = b'x' * {}; time.sleep(0.5)"


def record(name: str, method: str, seed: int = 0, **more: object) -> Record:
    """What a run writes down for one method on one set of two series."""
    return {"set": name, "method": method, "seed": seed, "series": 2} | more


def scored(name: str, method: str, mase: float, seed: int = 0) -> Record:
    """A record with scores, as from a run of ours."""
    scores = {"MASE": mase, "coverage-80": 0.8, "coverage-95": 0.95}
    parts = {"scores": scores, "fresh": scores, "carried": scores}
    return record(name, method, seed, points=9, train_s=3.0, **parts)


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    """A record is found by a later run; one that failed or was cut short is not."""
    results = Results(tmp_path / "r.jsonl")
    results.add(scored("etth1", "this", 0.4, seed=1))
    results.add(record("etth1", "that", error="it fell over"))
    with results.path.open("a", encoding="utf-8") as file:
        file.write('{"set": "etth1", "method": "oth')
    again = Results(tmp_path / "r.jsonl")
    assert again.has("etth1", "this", 1)
    assert not again.has("etth1", "this", 2)
    assert not again.has("etth1", "that", 0)


def test_a_later_record_replaces_a_failure(tmp_path: Path) -> None:
    """A method that failed and was run again counts by its scores."""
    results = Results(tmp_path / "r.jsonl")
    results.add(record("nngc1_daily", "this", error="it fell over"))
    results.add(scored("nngc1_daily", "this", 0.4))
    (found,) = sets_of(results.all())
    assert found.mean("this", "MASE") == 0.4


def test_a_failed_command_says_how_it_ended(tmp_path: Path) -> None:
    """The error quotes the exit code and the last words."""
    words = "import sys; print('no such set'); sys.exit(3)"
    with pytest.raises(measured.CommandError, match=r"(?s)code 3.*no such set"):
        measured.run([sys.executable, "-c", words], tmp_path / "log.txt")


def test_a_command_is_stopped_at_its_limit(tmp_path: Path) -> None:
    """What takes longer than it may is ended, not waited for."""
    with pytest.raises(measured.CommandError, match="stopped after"):
        measured.run(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            tmp_path / "log.txt",
            limit_s=0.3,
        )


def test_memory_of_a_command_is_its_own(tmp_path: Path) -> None:
    """A child that holds 200 MB more shows about that much more."""
    sizes = [
        measured.run(
            [sys.executable, "-c", HOLD.format(size)], tmp_path / "log.txt"
        ).peak_mb
        for size in (1, 200 * 2**20)
    ]
    assert sizes[1] - sizes[0] == pytest.approx(200, abs=20)


def test_parts_of_a_set_count_by_their_series() -> None:
    """The pooled score is that of all series, and needs all parts."""
    parts = [("nngc1_hourly_18", 1, 2.0), ("nngc1_hourly_19", 1, 1.0)]
    records = [scored(name, "this", mase) | {"series": n} for name, n, mase in parts]
    assert [one.name for one in sets_of(records)] == [name for name, *_ in parts]
    records.append(scored("nngc1_hourly_20", "this", 0.5) | {"series": 9})
    pooled = sets_of(records)[-1]
    assert pooled.name == "nngc1_hourly"
    assert pooled.mean("this", "MASE") == pytest.approx((2.0 + 1.0 + 9 * 0.5) / 11)


def test_the_report_says_what_is_not_reached() -> None:
    """A set worse than its best bar and a method that failed are named."""
    text = accuracy_report.text(
        [
            scored("nngc1_daily", "Naive", 0.9),
            scored("nngc1_daily", "this", 0.8, seed=0),
            scored("nngc1_daily", "this", 1.2, seed=1),
            record("nngc1_daily", "statsforecast Theta", error="stopped after 9 s"),
        ],
        "* a machine",
    )
    assert "* nngc1_daily: MASE 1.000, to reach 0.900" in text
    assert "statsforecast Theta, seed 0, failed: stopped after 9 s" in text
    assert "| 0.800, 1.200 |" in text


def test_the_ablation_compares_seed_by_seed() -> None:
    """A ratio is that of one seed; the table has their geometric mean over sets."""
    records = [
        scored("nngc1_daily", "this", 0.5, seed=0),
        scored("nngc1_daily", "this", 1.0, seed=1),
        scored("nngc1_daily", "no recurrence", 1.0, seed=0),
        scored("nngc1_daily", "no recurrence", 2.0, seed=1),
        scored("nngc1_weekly", "this", 1.0),
        scored("nngc1_weekly", "no recurrence", 0.5),
        record("nngc1_weekly", "forgetful", error="no number FORGET"),
    ]
    text = ablation_report.text(records, "* a machine")
    assert "| nngc1_daily | MASE | 1.000 | 2.000 |" in text
    assert "| **geometric mean** |  | 1.000 | 1.000 |" in text
    assert "| **worth having on** |  | 0 of 2 | 1 of 2 |" in text
    assert "* nngc1_weekly, forgetful, seed 0: no number FORGET" in text


def test_the_training_report_takes_the_best_of_the_other() -> None:
    """Ours is held against the other's best score and the seconds it took to it."""
    found = {
        "measure": "OWA",
        "peer": [[10.0, 1.2], [40.0, 0.9], [90.0, 1.0]],
        "ladder": [[4.0, 0.95, 20.0], [6.0, 0.9, 22.0]],
    }
    text = training_report.text([record("m4_weekly", "score", **found)], "* a machine")
    assert "| this | 4.0 | 20.0 | 0.950 | not reached |" in text
    assert "| this | 6.0 | 22.0 | 0.900 | 0.15 |" in text
