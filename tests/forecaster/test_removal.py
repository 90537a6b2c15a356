"""Laws of versions that come and go: there whole or not at all, whoever dies meanwhile."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from forecaster import holding, registry, removal, succession
from forecaster.errors import BusyError, ForecasterError, InputError, ModelNotFound
from tests.forecaster.versions import A, B, C, D, made

ROOT = Path(__file__).parents[2]
ROLES = {"champion": B, "previous": A, "challenger": C}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder whose `demo` has three versions, each with a role."""
    folder = tmp_path / "models"
    for version in (A, B, C):
        made(folder, version)
    for alias, version in ROLES.items():
        registry.set_alias(folder, "demo", alias, version)
    return folder


def hidden(models: Path) -> list[str]:
    """What removals have left behind."""
    return [path.name for path in (models / "demo").glob(".deleted-*")]


def killed(models: Path, work: Path, action: str) -> list[Path]:
    """Copies of the folder in which an action was killed, each a moment later."""
    subprocess.run(
        [sys.executable, "-m", "tests.forecaster.killing", models, work, action],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=600,
    )
    return sorted(work.iterdir(), key=lambda path: int(path.name))


def whole(models: Path) -> list[str]:
    """The versions that are seen; every one is whole, and every alias is of one."""
    found = registry.versions(models, "demo")
    for version in found:
        registry.verify(models / "demo" / version)
    assert set(registry.aliases(models, "demo").values()) <= {*found}
    return found


def test_a_promotion_moves_all_roles_at_once(models: Path) -> None:
    """Champion becomes previous, the challenger champion; repeated, nothing changes."""
    done = succession.appoint(models, "demo", C)
    assert done == succession.Succession("demo", C, B, changed=True)
    assert registry.aliases(models, "demo") == {"champion": C, "previous": B}
    again = succession.appoint(models, "demo", C)
    assert again == succession.Succession("demo", C, B, changed=False)
    assert registry.aliases(models, "demo") == {"champion": C, "previous": B}


def test_a_promotion_of_another_leaves_the_challenger_waiting(models: Path) -> None:
    """Only who becomes champion ceases to be challenger."""
    succession.appoint(models, "demo", A)
    wanted = {"champion": A, "previous": B, "challenger": C}
    assert registry.aliases(models, "demo") == wanted


def test_a_promotion_mends_aliases_of_versions_that_are_gone(models: Path) -> None:
    """A champion that somebody removed by hand can be succeeded, and is nobody's past."""
    (models / "demo" / B).rename(models / "elsewhere")
    assert succession.appoint(models, "demo", A).previous is None
    assert registry.aliases(models, "demo") == {"champion": A, "challenger": C}


def test_what_is_gone_is_not_promoted(models: Path) -> None:
    """A version that was deleted meanwhile is refused, and the roles stay."""
    with pytest.raises(ModelNotFound):
        succession.appoint(models, "demo", D)
    assert registry.aliases(models, "demo") == ROLES


def test_without_a_previous_version_there_is_no_way_back(models: Path) -> None:
    """The message says so, and names the champion."""
    registry.set_alias(models, "demo", "previous", None)
    with pytest.raises(ModelNotFound, match=f"no previous version.*{B}"):
        succession.predecessor(models, "demo")


@pytest.mark.parametrize("version", [B, "champion"])
def test_the_champion_is_never_deleted(models: Path, version: str) -> None:
    """By its name or by its role: it stays, and the message says what to do."""
    with pytest.raises(InputError, match=f"{B} is the champion .* promote another"):
        removal.delete(models, "demo", version)
    assert whole(models) == [A, B, C]


@pytest.mark.parametrize("version", [A, "previous"])
def test_a_deleted_version_is_gone_with_its_aliases(models: Path, version: str) -> None:
    """Nothing of it is left, and nothing else is touched."""
    assert removal.delete(models, "demo", version) == A
    assert whole(models) == [B, C]
    assert registry.aliases(models, "demo") == {"champion": B, "challenger": C}
    assert hidden(models) == []


@pytest.mark.parametrize("action", ["delete", "prune"])
def test_a_removal_killed_at_any_moment_leaves_whole_versions(
    models: Path, tmp_path: Path, action: str
) -> None:
    """A version is whole or unseen after a kill, and the next removal clears the rest."""
    if action == "prune":
        registry.set_alias(models, "demo", "previous", None)
    copies = killed(models, tmp_path / "work", action)
    assert {len(whole(copy)) for copy in copies} == {2, 3}
    assert any(hidden(copy) for copy in copies)
    for copy in copies:
        removal.delete(copy, "demo", C)
        assert hidden(copy) == []
        assert B in whole(copy)
    assert len(copies) > 10


def test_a_promotion_killed_at_any_moment_has_happened_or_not(
    models: Path, tmp_path: Path
) -> None:
    """Whoever reads the aliases meets the old ones or the new ones, never a mixture."""
    new = {"champion": C, "previous": B}
    copies = killed(models, tmp_path / "work", "promote")
    seen = [registry.aliases(copy, "demo") for copy in copies]
    assert seen[0] == ROLES
    assert seen[-1] == new
    assert all(roles in (ROLES, new) for roles in seen)
    for copy in copies:
        succession.appoint(copy, "demo", A)
        assert registry.aliases(copy, "demo")["champion"] == A


def test_who_reads_a_version_keeps_it(models: Path) -> None:
    """What is being read is not deleted, and pruning leaves it for the next time."""
    registry.set_alias(models, "demo", "previous", None)
    with holding.reading(models / "demo" / A), holding.reading(models / "demo" / A):
        with pytest.raises(BusyError, match="reading it"):
            removal.delete(models, "demo", A, patience_s=0.2)
        assert removal.prune(models, "demo", 0) == []
        assert whole(models) == [A, B, C]
    assert removal.prune(models, "demo", 0) == [A]


def test_what_cannot_be_held_is_read_all_the_same(models: Path) -> None:
    """A folder that is absent, or in its maker's hands, is no error for a reader."""
    with holding.reading(models / "absent"):
        pass
    with holding.alone(models / "demo" / A), holding.reading(models / "demo" / A):
        pass


def test_pruning_keeps_the_newest_and_those_with_a_role(models: Path) -> None:
    """Of the versions without an alias the newest stay, as many as were asked for."""
    days = [f"202602{day:02}T000000Z-0000" for day in range(1, 6)]
    for version in days:
        made(models, version)
    assert removal.superfluous(models, "demo", 2) == days[:3]
    assert removal.superfluous(models, "demo", 9) == []
    assert removal.prune(models, "demo", 2) == days[:3]
    assert whole(models) == [A, B, C, *days[3:]]
    assert removal.prune(models, "demo", 0) == days[3:]
    assert whole(models) == [A, B, C]


def test_nothing_is_pruned_where_nobody_said_what_matters(models: Path) -> None:
    """A model without aliases, an unknown one, or less than none: refused."""
    with pytest.raises(InputError, match="expected a number of versions"):
        removal.prune(models, "demo", -1)
    (models / "demo" / "aliases.json").unlink()
    for name in ("demo", "nope"):
        with pytest.raises(ModelNotFound):
            removal.prune(models, name, 0)
    assert whole(models) == [A, B, C]


def test_promotions_and_removals_may_meet(models: Path) -> None:
    """Whatever comes first: the champion is always a version that is there, and whole."""
    versions = [f"202602{day:02}T000000Z-0000" for day in range(1, 13)]
    for version in versions:
        made(models, version)

    def promote(version: str) -> str | None:
        try:
            return succession.appoint(models, "demo", version).version
        except ModelNotFound:
            return None

    def delete(version: str) -> str | None:
        try:
            return removal.delete(models, "demo", version)
        except ForecasterError:
            return None

    with ThreadPoolExecutor(8) as pool:
        promoted = [pool.submit(promote, version) for version in versions]
        deleted = [pool.submit(delete, version) for version in versions]
        pruned = [pool.submit(removal.prune, models, "demo", 3) for _ in range(3)]
    gone = {future.result() for future in deleted} - {None}
    gone |= {version for future in pruned for version in future.result()}
    assert any(future.result() for future in promoted)
    found = whole(models)
    assert {*found} == {A, B, C, *versions} - gone
    assert registry.resolve(models, "demo").name in found
