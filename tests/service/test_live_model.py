"""Laws of what is served: only what is whole, and the old until then."""

import json
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from forecaster import proving, registry
from forecaster.errors import ArtifactError
from service.arrivals import warm_up
from service.carrying import Live
from service.errors import NoModel, UnknownModel
from service.live_model import Models, Swap
from service.priming import Primed, Wait
from tests.service.conftest import VERSION, add_version
from tests.service.fakes import FakeModel, Floats, loader, manifest

NEWER, NEWEST = "20260202T000000Z-2b3c", "20260303T000000Z-3c4d"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    """A folder with the model `demo`, not loaded yet."""
    add_version(tmp_path, "demo")
    made = Models(tmp_path, loader())
    yield made
    made.stop()


def test_nothing_is_served_before_it_is_loaded(models: Models) -> None:
    """And what is, is the champion."""
    with pytest.raises(NoModel, match="being loaded"):
        models.get("demo")
    with pytest.raises(NoModel, match="being loaded"):
        models.get(None)
    models.refresh()
    assert models.get("demo").version == models.get(None).version == VERSION


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    """Absent or empty makes no difference."""
    for folder in (tmp_path, tmp_path / "absent"):
        models = Models(folder, loader())
        models.refresh()
        with pytest.raises(NoModel, match="forecaster train"):
            models.get(None)


def test_with_several_models_the_name_is_needed(models: Models, tmp_path: Path) -> None:
    """The message lists them."""
    add_version(tmp_path, "other")
    models.refresh()
    assert models.get("other").name == "other"
    with pytest.raises(UnknownModel, match="demo, other"):
        models.get(None)
    with pytest.raises(UnknownModel, match="there is: demo, other"):
        models.get("third")


def test_a_new_champion_is_swapped_in(models: Models, tmp_path: Path) -> None:
    """In place; whoever holds the old one keeps it whole."""
    models.refresh()
    old = models.get("demo")
    add_version(tmp_path, "demo", NEWER)
    assert models.get("demo") is old
    models.refresh()
    assert models.get("demo").version == NEWER
    assert old.version == VERSION


def test_what_is_served_is_not_loaded_again(models: Models) -> None:
    """Looking for a new champion is cheap."""
    models.refresh()
    live = models.get("demo")
    models.refresh()
    assert models.get("demo") is live


class Broken(FakeModel):
    """A model whose weights are not numbers."""

    def advance(self, state: Floats, y: Floats, x: Floats) -> Floats:
        """NaN."""
        return super().advance(state, y, x) * np.float32(np.nan)


def damaged(folder: Path) -> FakeModel:
    """A loader that finds the newer version damaged."""
    if folder.name == NEWER:
        raise ArtifactError(f"{folder}: checksum of saved_model.pb is wrong")
    return loader()(folder)


def not_a_number(folder: Path) -> FakeModel:
    """A loader whose newer version forecasts NaN."""
    kind = Broken if folder.name == NEWER else FakeModel
    return kind(manifest(version=folder.name))


def wrong_shape(folder: Path) -> FakeModel:
    """A loader whose newer version answers in another shape than it says."""
    model = FakeModel(manifest(version=folder.name))
    if folder.name == NEWER:
        model.manifest = manifest(version=folder.name, horizon=9)
        model.forecast = lambda state, x: np.zeros((len(state), 4, 5), np.float32)  # type: ignore[method-assign]
    return model


def from_elsewhere(folder: Path) -> FakeModel:
    """A loader that fails in a way nobody thought of."""
    if folder.name == NEWER:
        raise KeyError("signature")
    return loader()(folder)


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (damaged, "checksum"),
        (not_a_number, "expected finite states"),
        (wrong_shape, "expected finite forecasts of shape"),
        (from_elsewhere, "KeyError"),
    ],
)
def test_a_model_that_fails_leaves_the_old_one_serving(
    tmp_path: Path, load: object, reason: str
) -> None:
    """And says why, until another champion is named."""
    add_version(tmp_path, "demo")
    models = Models(tmp_path, load)  # type: ignore[arg-type]
    models.refresh()
    add_version(tmp_path, "demo", NEWER)
    models.refresh()

    assert models.get("demo").version == VERSION
    problem = models.statuses()["demo"].problem
    assert problem is not None
    assert reason in problem


@pytest.mark.parametrize("content", ["junk", '{"champion": 5}'])
def test_aliases_that_cannot_be_read_leave_the_old_one_serving(
    tmp_path: Path, content: str
) -> None:
    """A damaged aliases.json stops no watching: mended, the model is live again."""
    add_version(tmp_path, "demo")
    models = Models(tmp_path, loader())
    models.refresh()
    aliases = tmp_path / "demo" / "aliases.json"
    sound = aliases.read_text()
    aliases.write_text(content)
    models.refresh()
    problem = models.statuses()["demo"].problem
    assert models.get("demo").version == VERSION
    assert problem is not None
    assert "aliases.json" in problem

    aliases.write_text(sound)
    models.refresh()
    assert models.statuses()["demo"].problem is None


def test_a_broken_model_leaves_the_others_serving(tmp_path: Path) -> None:
    """Only requests for that one are told to come back."""
    add_version(tmp_path, "bad", NEWER)
    add_version(tmp_path, "good")
    models = Models(tmp_path, damaged)
    models.refresh()

    assert models.get("good").version == VERSION
    with pytest.raises(NoModel, match="checksum"):
        models.get("bad")


def test_a_repaired_version_is_tried_again(tmp_path: Path) -> None:
    """When its files were written anew."""
    add_version(tmp_path, "demo", NEWER)
    loads = [damaged]
    models = Models(tmp_path, lambda folder: loads[0](folder))
    models.refresh()
    loads[0] = loader()
    models.refresh()
    with pytest.raises(NoModel):
        models.get("demo")

    (tmp_path / "demo" / NEWER / "manifest.json").write_text("{ }")
    models.refresh()
    assert models.get("demo").version == NEWER


def test_a_champion_that_is_not_there_is_named(tmp_path: Path) -> None:
    """An alias may point at a version that was removed."""
    add_version(tmp_path, "demo")
    (tmp_path / "demo" / "aliases.json").write_text(json.dumps({"champion": NEWER}))
    models = Models(tmp_path, loader())
    models.refresh()
    with pytest.raises(NoModel, match="which is its champion"):
        models.get("demo")


def test_a_model_that_expects_other_features_is_refused() -> None:
    """Those of another release, for instance."""
    model = FakeModel(manifest("h"))
    model.manifest = manifest("D")
    object.__setattr__(model.manifest, "features", ("moon",))
    with pytest.raises(ArtifactError, match="features this release does not compute"):
        proving.approve(Path("demo/v1"), model)


@pytest.mark.parametrize("frequency", ["1", "5", "min", "B", "W-MON", "ME", "YS-JAN"])
def test_every_frequency_can_be_warmed_up(frequency: str) -> None:
    """The times of warming up lie on a grid of any kind."""
    warm_up(FakeModel(manifest(frequency)))


def test_the_thread_finds_new_champions_and_ends(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is served at once, what comes later is found, and it ends."""
    monkeypatch.setattr("service.live_model.POLL_S", 0.05)
    models.start()
    assert models.get("demo").version == VERSION
    add_version(models.folder, "demo", NEWER)
    deadline = time.monotonic() + 10
    while models.get("demo").version == VERSION:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    models.stop()
    assert models._thread is not None
    assert not models._thread.is_alive()


def test_a_process_that_begins_with_a_damaged_champion_serves_the_one_before(
    tmp_path: Path,
) -> None:
    """As others do that began earlier; the reason is told until the champion is mended."""
    add_version(tmp_path, "demo", alias="previous")
    add_version(tmp_path, "demo", NEWER)
    loads = [damaged]
    models = Models(tmp_path, lambda folder: loads[0](folder))
    models.refresh()
    models.refresh()
    assert models.get("demo").version == VERSION
    assert "checksum" in str(models.statuses()["demo"].problem)

    loads[0] = loader()
    (tmp_path / "demo" / NEWER / "saved_model.pb").write_text("whole")
    models.refresh()
    assert models.get("demo").version == NEWER
    assert models.statuses()["demo"].problem is None


def test_what_cannot_be_read_for_a_moment_is_looked_for_again(tmp_path: Path) -> None:
    """A file system that is away says nothing about a version."""
    add_version(tmp_path, "demo")
    errors = [OSError("stale file handle")]

    def load(folder: Path) -> FakeModel:
        if errors:
            raise errors.pop()
        return loader()(folder)

    models = Models(tmp_path, load)
    models.refresh()
    assert models.statuses()["demo"].problem == "stale file handle"
    models.refresh()
    assert models.get("demo").version == VERSION


def test_the_last_two_versions_stay_loaded(tmp_path: Path) -> None:
    """Going back loads nothing; what is older is let go, as soon as nobody uses it."""
    loaded: list[weakref.ref[FakeModel]] = []

    def load(folder: Path) -> FakeModel:
        loaded.append(weakref.ref(made := loader()(folder)))
        return made

    add_version(tmp_path, "demo")
    models = Models(tmp_path, load)
    models.refresh()
    add_version(tmp_path, "demo", NEWER)
    models.refresh()
    for version in (VERSION, NEWER, VERSION, NEWER):
        registry.set_alias(tmp_path, "demo", "champion", version)
        models.refresh()
        assert models.get("demo").version == version
    assert len(loaded) == 2

    add_version(tmp_path, "demo", NEWEST)
    models.refresh()
    assert [one() is None for one in loaded] == [True, False, False]


def test_states_are_made_before_a_version_answers(tmp_path: Path) -> None:
    """Of one that takes over from another: at the start there is nobody to wait for."""
    answering: list[tuple[str, str]] = []

    def prime(live: Live, wait: Wait, share: float) -> Primed:
        answering.append((live.version, models.get("demo").version))
        return Primed(series=3)

    told: list[Swap] = []
    add_version(tmp_path, "demo")
    models = Models(tmp_path, loader(), prime, told.append)
    models.refresh()
    add_version(tmp_path, "demo", NEWER)
    models.refresh()
    assert answering == [(NEWER, VERSION)]
    assert [(one.before, one.primed.series) for one in told] == [
        (None, 0),
        (VERSION, 3),
    ]


def test_whatever_goes_wrong_the_thread_goes_on(tmp_path: Path) -> None:
    """The old version too, and the reason is told once."""

    def prime(live: Live, wait: Wait, share: float) -> Primed:
        raise ZeroDivisionError("nobody thought of it")

    told: list[Swap] = []
    add_version(tmp_path, "demo")
    models = Models(tmp_path, loader(), prime, told.append)
    models.refresh()
    add_version(tmp_path, "demo", NEWER)
    models.refresh()
    models.refresh()
    assert models.get("demo").version == VERSION
    assert [one.problem for one in told] == [
        None,
        "demo: ZeroDivisionError: nobody thought of it",
    ]
