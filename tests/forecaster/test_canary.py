"""Laws of canaries: a share of the series, the same everywhere, and who may be one."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster import canary, manifest, registry, removal
from forecaster.canary import Canary, answers_for
from forecaster.errors import ArtifactError, InputError, ModelNotFound
from forecaster.succession import appoint
from tests.forecaster.versions import A, B, C, made

IDS = [f"store-{number}" for number in range(20_000)]
SHARES = st.floats(0, 1)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with a champion and two others."""
    for version in (A, B, C):
        made(tmp_path, version)
    registry.set_alias(tmp_path, "demo", "champion", A)
    return tmp_path


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
def test_a_share_is_that_share_of_the_series(share: float) -> None:
    """As near as chance comes: within four standard deviations."""
    mine = np.mean([answers_for("demo", one, share) for one in IDS])
    spread = np.sqrt(share * (1 - share) / len(IDS))
    assert abs(mine - share) < 4 * spread


@given(st.text(), SHARES, SHARES)
def test_a_share_that_grows_only_adds_series(
    unique_id: str, one: float, other: float
) -> None:
    """Nothing answers for no series, and a share of one for all."""
    small, large = sorted((one, other))
    if answers_for("demo", unique_id, small):
        assert answers_for("demo", unique_id, large)
    assert not answers_for("demo", unique_id, 0.0)
    assert answers_for("demo", unique_id, 1.0)


def test_series_are_told_apart_anew_for_each_model() -> None:
    """So that a series is not the canary of all models at once."""
    mine = [[answers_for(name, one, 0.5) for one in IDS] for name in ("a", "b")]
    assert 0.4 < np.mean(np.equal(*mine)) < 0.6


def test_a_canary_begins_changes_its_share_and_ends(models: Path) -> None:
    """What is read is what was begun; its end leaves other roles alone."""
    assert canary.read(models, "demo") is None
    registry.set_alias(models, "demo", "challenger", B)
    assert canary.begin(models, "demo", "challenger", 0.05) == Canary(B, 0.05)
    assert canary.read(models, "demo") == Canary(B, 0.05)
    canary.begin(models, "demo", C, 1)
    assert canary.read(models, "demo") == Canary(C, 1.0)
    assert canary.end(models, "demo") == C
    assert canary.end(models, "demo") is None
    assert canary.read(models, "demo") is None
    assert registry.aliases(models, "demo") == {"champion": A, "challenger": B}


def test_of_those_who_begin_at_once_one_is_the_canary(models: Path) -> None:
    """With its own share; nobody fails."""
    asked = [Canary(B, 0.1), Canary(C, 0.2)] * 4

    def begin(one: Canary) -> Canary:
        return canary.begin(models, "demo", one.version, one.share)

    for _ in range(5):
        with ThreadPoolExecutor(len(asked)) as pool:
            assert list(pool.map(begin, asked)) == asked
        assert canary.read(models, "demo") in asked
        assert canary.end(models, "demo") in (B, C)


def test_a_kill_leaves_a_canary_with_its_share_or_none(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was written before it: never an alias that nobody knows the share of."""
    write, killed = registry.write_atomically, OSError("as if by a kill")
    found = []
    for writes in range(4):
        canary.begin(models, "demo", B, 0.5)
        left = iter([write] * writes)

        def writing(*args: Any, left: Iterator[Any] = left) -> None:
            if (one := next(left, None)) is None:
                raise killed
            one(*args)

        with monkeypatch.context() as patched, suppress(OSError):
            patched.setattr(registry, "write_atomically", writing)
            canary.begin(models, "demo", C, 0.25)
        found.append(canary.read(models, "demo"))
        assert (found[-1] is None) == ("canary" not in registry.aliases(models, "demo"))
    assert found == [Canary(B, 0.5), None, None, Canary(C, 0.25)]


def test_a_canary_ends_with_its_promotion_or_its_deletion(models: Path) -> None:
    """And only with its own."""
    canary.begin(models, "demo", B, 0.5)
    appoint(models, "demo", C)
    assert canary.read(models, "demo") == Canary(B, 0.5)
    appoint(models, "demo", B)
    assert canary.read(models, "demo") is None
    canary.begin(models, "demo", A, 0.5)
    removal.delete(models, "demo", A)
    assert canary.read(models, "demo") is None


def test_a_canary_is_not_pruned(models: Path) -> None:
    """It answers, so it stays."""
    canary.begin(models, "demo", B, 0.5)
    assert removal.prune(models, "demo", 0) == [C]


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan"), "0.5", True, None])
def test_a_share_that_is_none_is_refused(models: Path, share: object) -> None:
    """Nothing is begun."""
    with pytest.raises(InputError, match="above 0 and at most 1"):
        canary.begin(models, "demo", B, share)  # type: ignore[arg-type]
    assert canary.read(models, "demo") is None


def test_who_cannot_be_a_canary(models: Path) -> None:
    """The champion, and what is not there."""
    with pytest.raises(InputError, match="answers for all series"):
        canary.begin(models, "demo", "champion", 0.5)
    with pytest.raises(ModelNotFound, match="no version 'v9'"):
        canary.begin(models, "demo", "v9", 0.5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"freq": "h"}, "same frequency, MS, got h"),
        ({"horizon": 13}, "same horizon, 12, got 13"),
        ({"quantiles": (0.1, 0.5)}, "same quantiles"),
    ],
)
def test_a_canary_answers_in_the_form_of_the_champion(
    models: Path, changed: dict[str, object], said: str
) -> None:
    """The first difference is named, and what to do."""
    champion = manifest.read(models / "demo" / A)
    canary.check_alike(champion, dataclasses.replace(champion, version=B))
    with pytest.raises(ArtifactError, match=f"{said}.*Promote it instead"):
        canary.check_alike(champion, dataclasses.replace(champion, **changed))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"share": "much"}'])
def test_a_share_that_cannot_be_read_is_told(models: Path, text: str) -> None:
    """With what to do; it never answers for a share that nobody said."""
    canary.begin(models, "demo", B, 0.5)
    (models / "demo" / "canary.json").write_text(text)
    with pytest.raises(ArtifactError, match="Begin the canary again"):
        canary.read(models, "demo")


def test_the_share_of_another_version_is_not_taken(models: Path) -> None:
    """A canary begins with its share, not with that of the one before."""
    canary.begin(models, "demo", B, 0.5)
    registry.set_alias(models, "demo", "canary", C)
    assert canary.read(models, "demo") is None
