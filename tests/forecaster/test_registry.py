"""Laws of the models folder: what is seen, what is found, what is never half done."""

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster import registry
from forecaster.errors import ArtifactError, InputError, ModelNotFound

OLD, NEW = "20260101T000000Z-1a2b", "20260202T000000Z-0000"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with two versions of `demo`, the older one champion."""
    for version in (NEW, OLD):
        (tmp_path / "demo" / version).mkdir(parents=True)
    registry.set_alias(tmp_path, "demo", "champion", OLD)
    return tmp_path


def test_versions_come_oldest_first(models: Path) -> None:
    """The order of versions is the order of their creation."""
    assert registry.versions(models, "demo") == [OLD, NEW]
    assert registry.names(models) == ["demo"]


@pytest.mark.parametrize("name", registry.RESERVED)
def test_a_model_is_not_named_as_a_column_of_its_forecasts(name: str) -> None:
    """In a file of forecasts the model's column must not be another's."""
    with pytest.raises(InputError, match="column"):
        registry.check_name(name)


def test_an_alias_of_a_version_that_is_gone_says_which(models: Path) -> None:
    """The message names the role and the version that it points to."""
    (models / "demo" / OLD).rmdir()
    with pytest.raises(ModelNotFound, match=f"{OLD}.*which is its champion"):
        registry.resolve(models, "demo")


@pytest.mark.parametrize("content", ["junk", "[1]", '{"champion": 5}'])
def test_aliases_that_cannot_be_read_are_an_error_that_names_the_file(
    models: Path, content: str
) -> None:
    """Whatever stands in aliases.json, the answer is one clear error."""
    (models / "demo" / "aliases.json").write_text(content)
    with pytest.raises(ArtifactError, match=r"aliases\.json"):
        registry.resolve(models, "demo")


def test_what_is_not_a_version_is_never_seen(models: Path) -> None:
    """Half-written, hidden and foreign folders and files do not exist for a reader."""
    for stranger in (f".{NEW}", "20260303T000000Z", "notes", "latest"):
        (models / "demo" / stranger).mkdir()
    (models / "demo" / "20260303T000000Z-ffff").write_text("a file, not a folder")
    (models / "README.md").write_text("not a model")
    (models / "empty").mkdir()

    assert registry.versions(models, "demo") == [OLD, NEW]
    assert registry.names(models) == ["demo"]


@pytest.mark.parametrize("name", registry.RESERVED)
def test_a_folder_that_can_be_no_model_hides_none(models: Path, name: str) -> None:
    """Whatever else lies in the models folder, the models in it are found."""
    (models / name / OLD).mkdir(parents=True)

    assert registry.names(models) == ["demo"]
    assert registry.resolve(models) == models / "demo" / OLD


def test_resolve_takes_versions_aliases_and_the_only_model(models: Path) -> None:
    """No version means the champion; no name means the only model there is."""
    assert registry.resolve(models) == models / "demo" / OLD
    assert registry.resolve(models, "demo", NEW) == models / "demo" / NEW
    assert registry.resolve(models, "demo", "champion") == models / "demo" / OLD


@pytest.mark.parametrize(
    ("name", "version", "wanted"),
    [
        ("dmeo", None, "there are: demo"),
        ("demo", "20200101T000000Z-0000", f"there are: {OLD}, {NEW}, champion"),
        ("demo", "challenger", "no version 'challenger'"),
        ("demo", "../demo/" + OLD, "no version"),
        ("demo", "", "no version ''"),
    ],
)
def test_a_missing_model_names_those_that_exist(
    models: Path, name: str, version: str | None, wanted: str
) -> None:
    """The message of a failed search lists what could have been found."""
    with pytest.raises(ModelNotFound) as caught:
        registry.resolve(models, name, version)

    assert wanted in str(caught.value)


def test_without_models_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    """An empty or absent folder leads to `forecaster train`."""
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ModelNotFound, match="forecaster train"):
            registry.resolve(folder)


def test_two_models_must_be_told_apart(models: Path) -> None:
    """No name is an error as soon as there are two."""
    (models / "other" / OLD).mkdir(parents=True)

    with pytest.raises(ModelNotFound, match="say which of demo, other"):
        registry.resolve(models)


@pytest.mark.parametrize(
    "name", ["", "..", ".hidden", "a/b", "a b", "-x", "ü", "x" * 65]
)
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    """No name reaches outside the models folder or hides in it."""
    with pytest.raises(InputError, match="a model's name must be"):
        registry.versions(tmp_path, name)


def test_an_alias_moves_and_goes(models: Path) -> None:
    """An alias stands for one version at a time, and for none when taken away."""
    registry.set_alias(models, "demo", "champion", NEW)
    registry.set_alias(models, "demo", "previous", OLD)
    assert registry.aliases(models, "demo") == {"champion": NEW, "previous": OLD}

    registry.set_alias(models, "demo", "previous", None)
    assert registry.aliases(models, "demo") == {"champion": NEW}


def test_an_alias_never_stands_for_nothing(models: Path) -> None:
    """Pointing at a version that does not exist is refused and changes nothing."""
    with pytest.raises(ModelNotFound):
        registry.set_alias(models, "demo", "champion", "20990101T000000Z-0000")

    assert registry.aliases(models, "demo") == {"champion": OLD}


def test_a_failed_write_leaves_the_old_aliases(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash in the middle of writing is not seen by any reader."""

    def power_cut(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", power_cut)
    with pytest.raises(OSError, match="no space"):
        registry.set_alias(models, "demo", "champion", NEW)

    assert registry.aliases(models, "demo") == {"champion": OLD}


def test_damaged_aliases_are_named(models: Path) -> None:
    """A broken aliases.json is an error of that file, whatever is wrong with it."""
    for content in ("{", "[]", '"x"'):
        (models / "demo" / "aliases.json").write_text(content)
        with pytest.raises(ArtifactError, match=r"aliases\.json"):
            registry.resolve(models, "demo")


def _set_many(models: Path, alias: str) -> None:
    for version in [OLD, NEW] * 20:
        registry.set_alias(models, "demo", alias, version)


def test_two_writers_lose_nothing(models: Path) -> None:
    """Processes that set different aliases at once do not undo each other."""
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_set_many, args=(models, alias))
        for alias in ("previous", "challenger")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    assert registry.aliases(models, "demo") == {
        "champion": OLD,
        "previous": NEW,
        "challenger": NEW,
    }
    assert json.loads((models / "demo" / "aliases.json").read_text())


@given(
    seconds=st.lists(st.integers(-5, 5), min_size=1, max_size=8),
    token=st.sampled_from(["0000", "ffff"]),
)
def test_versions_sort_by_creation(seconds: list[int], token: str) -> None:
    """Each new version sorts after all before it, even if the clock stands or goes back."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made: list[str] = []
    for step in seconds:
        now += timedelta(seconds=step)
        made.append(registry.new_version(made, now, token))

    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(registry.VERSION.fullmatch(version) for version in made)
