"""Checkpoints: what was written is read, whole or not at all, of the same training alone."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecaster.checkpoint import Checkpoint, Snapshot, fingerprint, forget_old
from forecaster.config import Schedule
from forecaster.frequency import Frequency
from forecaster.panel import Panel

SNAPSHOT = Snapshot(
    arrays={"weight.0": np.arange(6, dtype=np.float32).reshape(2, 3)},
    facts={"steps": 7, "loss": 0.1 + 0.2, "best": None},
)


def panel(last: float = 3.0, name: str = "a") -> Panel:
    """One series whose last value can be chosen."""
    return Panel.from_series([name], [[1.0, np.nan, last]], [1], Frequency("1"))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Arrays and facts come back bit for bit, from a folder that was made for them."""
    checkpoint = Checkpoint(tmp_path / "new" / ".training-x.npz")
    assert checkpoint.read() is None
    checkpoint.write(SNAPSHOT)
    found = checkpoint.read()
    assert found is not None
    assert found.facts == SNAPSHOT.facts
    assert found.arrays["weight.0"].dtype == np.float32
    assert (found.arrays["weight.0"] == SNAPSHOT.arrays["weight.0"]).all()
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [
        ".training-x.npz"
    ]


def test_a_removed_checkpoint_is_gone(tmp_path: Path) -> None:
    """It may be removed twice."""
    checkpoint = Checkpoint(tmp_path / "c.npz")
    checkpoint.write(SNAPSHOT)
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.read() is None


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "empty", "foreign"])
def test_a_damaged_checkpoint_is_none(tmp_path: Path, damage: str) -> None:
    """Half a file, a flipped bit, another kind of file: nothing is read from it."""
    checkpoint = Checkpoint(tmp_path / "c.npz")
    checkpoint.write(SNAPSHOT)
    content = bytearray(checkpoint.path.read_bytes())
    flipped = content.copy()
    flipped[content.index(b"\x00\x00\x80?")] ^= 1  # the number 1 in the array
    damaged = {
        "cut": content[: len(content) // 2],
        "flip": flipped,
        "text": b"hello",
        "empty": b"",
    }
    if damage == "foreign":
        np.savez(checkpoint.path, other=np.ones(3))
    else:
        checkpoint.path.write_bytes(damaged[damage])
    assert checkpoint.read() is None


def test_a_crash_while_writing_leaves_the_old_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before can still be read."""
    checkpoint = Checkpoint(tmp_path / "c.npz")
    checkpoint.write(SNAPSHOT)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.write(replace(SNAPSHOT, facts={}))
    found = checkpoint.read()
    assert found is not None
    assert found.facts == SNAPSHOT.facts


def test_what_nobody_goes_on_from_is_forgotten_after_a_week(tmp_path: Path) -> None:
    """Other trainings of the last days stay."""
    old, new = (Checkpoint.of(tmp_path, name) for name in ("old", "new"))
    for checkpoint in (old, new):
        checkpoint.write(SNAPSHOT)
    then = old.path.stat().st_mtime - 8 * 86_400
    os.utime(old.path, (then, then))
    forget_old(tmp_path, new.path.stat().st_mtime)
    assert old.read() is None
    assert new.read() is not None


def test_a_fingerprint_changes_with_the_data_and_the_plan() -> None:
    """The same training has the same one; another value, name or step another one."""
    plan = Schedule(steps=9, lanes=2, chunk=4)
    first = fingerprint(panel(), plan)
    assert fingerprint(panel(), plan) == first
    others = [
        fingerprint(panel(last=3.5), plan),
        fingerprint(panel(name="b"), plan),
        fingerprint(panel(), replace(plan, seed=1)),
        fingerprint(panel(), plan, "parent"),
    ]
    assert len({first, *others}) == 5
