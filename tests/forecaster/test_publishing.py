"""Publishing: whole or not at all, in order, by several at once, with nothing left over."""

import fcntl
import os
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from forecaster import registry, removal
from forecaster.manifest import Facts

pytestmark = pytest.mark.tf

FACTS = Facts("x", "1", 1, (), {}, {}, {}, {}, {})


@pytest.fixture(scope="module")
def network() -> Any:
    """A network that forecasts something."""
    from forecaster.config import Architecture, Task
    from forecaster.network import Network

    made = Network(Task(2, 1, 4, 0), Architecture(units=2, patch_units=2))
    made.initialise()
    return made


@pytest.fixture(scope="module")
def saved(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its SavedModel, made once."""
    from forecaster.export import save

    path = tmp_path_factory.mktemp("saved") / "model"
    save(network, path)
    return path


@pytest.fixture(autouse=True)
def _made_before(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting is not what is tested here, and slow."""
    from forecaster import export

    monkeypatch.setattr(export, "save", lambda _, path: shutil.copytree(saved, path))


def left_over(folder: Path) -> list[str]:
    """What is in a model's folder beside versions, aliases and the lock."""
    known = {".lock", "aliases.json", *registry.versions(folder.parent, folder.name)}
    return sorted({path.name for path in folder.iterdir()} - known)


def test_a_version_that_cannot_be_written_leaves_nothing_behind(
    network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When writing fails half-way, no version and no partial folder is there."""
    from forecaster import publishing

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(registry, "flush", fail)
    with pytest.raises(OSError, match="disk full"):
        publishing.publish(network, tmp_path, FACTS)
    assert registry.versions(tmp_path, "x") == []
    assert left_over(tmp_path / "x") == []


def test_nobody_sees_a_version_before_it_is_whole(network: Any, tmp_path: Path) -> None:
    """While it is written and scored, the registry lists no version."""
    from forecaster.publishing import publish

    seen: list[list[str]] = []

    def look(model: Any) -> dict[str, float]:
        seen.append(registry.versions(tmp_path, "x"))
        return {"mase": 1.5}

    manifest = publish(network, tmp_path, FACTS, look)
    assert seen == [[]]
    assert manifest.metrics == {"mase": 1.5}
    assert registry.versions(tmp_path, "x") == [manifest.version]


def test_files_are_on_disk_before_the_name_and_the_name_before_the_answer(
    network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves a whole version or none, and one that was answered stays."""
    from forecaster.publishing import publish

    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def noted_rename(path: Path, target: Path) -> Path:
        events.append("renamed")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    publish(network, tmp_path, FACTS)
    named = events.index("renamed")
    assert {"manifest.json", "saved_model.pb", "saved_model"} <= {*events[:named]}
    assert "x" in events[named:]


def test_many_may_publish_at_once(network: Any, tmp_path: Path) -> None:
    """None fails, each gets a name of its own, the first of them is the champion."""
    from forecaster.publishing import publish

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: publish(network, tmp_path, FACTS), range(12)))
    names = sorted(manifest.version for manifest in made)
    assert registry.versions(tmp_path, "x") == names
    assert len({name[:16] for name in names}) == 12
    assert registry.aliases(tmp_path, "x") == {"champion": names[0]}
    assert left_over(tmp_path / "x") == []


def test_nobody_sees_a_version_before_it_has_its_role(
    network: Any, tmp_path: Path
) -> None:
    """Who removes all versions without one, again and again, never gets hold of it."""
    from forecaster.publishing import publish

    champion = publish(network, tmp_path, FACTS, alias="challenger").version
    assert registry.aliases(tmp_path, "x") == {"champion": champion}
    removed: list[str] = []
    ended = threading.Event()

    def prune() -> None:
        while not ended.is_set():
            removed.extend(removal.prune(tmp_path, "x", 0))

    made = []
    with ThreadPoolExecutor(1) as pool:
        pruning = pool.submit(prune)
        try:
            for _ in range(4):
                one = publish(network, tmp_path, FACTS, alias="challenger").version
                assert registry.aliases(tmp_path, "x")["challenger"] == one
                assert one in registry.versions(tmp_path, "x")
                made.append(one)
        finally:
            ended.set()
        pruning.result()
    assert {*removed} <= {*made[:-1]}


def test_what_a_killed_process_left_is_cleared_away(
    network: Any, tmp_path: Path
) -> None:
    """A partial folder goes with the next version, unless somebody still holds it."""
    from forecaster.publishing import publish

    folder = tmp_path / "x"
    for name in (".partial-dead", ".partial-alive"):
        (folder / name / "saved_model").mkdir(parents=True)
    held = os.open(folder / ".partial-alive", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    publish(network, tmp_path, FACTS)
    assert left_over(folder) == [".partial-alive"]
    os.close(held)
    publish(network, tmp_path, FACTS)
    assert left_over(folder) == []


def test_a_revision_is_told_of_tracked_files_alone(tmp_path: Path) -> None:
    """A package that lies in somebody's repository by chance is not its revision."""
    from forecaster.publishing import git_revision

    def git(*arguments: str) -> str:
        name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        done = subprocess.run(
            ["git", *name, *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    (tmp_path / "installed.py").write_text("")
    assert git_revision(tmp_path / "installed.py") is None
    git("init")
    (tmp_path / "own.py").write_text("")
    git("add", "own.py")
    git("commit", "-m", "own")
    assert git_revision(tmp_path / "own.py") == git("rev-parse", "HEAD")
    assert git_revision(tmp_path / "installed.py") is None
