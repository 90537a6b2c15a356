"""Laws of settings: who wins, and what is refused."""

from pathlib import Path

import pytest

from forecaster.errors import ConfigError
from forecaster.settings import (
    FIELDS,
    Server,
    environment_name,
    is_exposed,
    load,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The place of a configuration file that is not written yet."""
    return tmp_path / "forecaster.toml"


@pytest.mark.parametrize("layers", range(4))
def test_the_nearest_layer_wins(file: Path, layers: int) -> None:
    """A flag beats the environment, which beats the file, which beats the default."""
    if layers >= 1:
        file.write_text("port = 1\n")
    environ = {"FORECASTER_PORT": "2"} if layers >= 2 else {}
    flags = {"port": 3} if layers >= 3 else {"port": None}

    settings = load(flags, environ, file)

    expected = [
        (8080, "default"),
        (1, "forecaster.toml"),
        (2, "FORECASTER_PORT"),
        (3, "flag --port"),
    ]
    assert (settings.server.port, settings.sources["port"]) == expected[layers]


def test_every_setting_has_a_default_a_meaning_and_a_source(file: Path) -> None:
    """With nothing given every setting is its default and says so."""
    settings = load({}, {}, file)

    for name, field in FIELDS.items():
        assert settings.value(name) == field.default
        assert settings.sources[name] == "default"
        assert field.metadata["meaning"]


def test_every_setting_can_come_from_the_environment(file: Path) -> None:
    """The text of an environment variable becomes the type of its setting."""
    texts = {int: "7", bool: "yes", str: "elsewhere", Path: "elsewhere"}
    wanted = {int: 7, bool: True, str: "elsewhere", Path: Path("elsewhere")}

    for name, field in FIELDS.items():
        environ = {environment_name(name): texts[field.type]}
        assert load({}, environ, file).value(name) == wanted[field.type]


def test_an_empty_variable_is_not_given(file: Path) -> None:
    """FORECASTER_PORT= is as good as no FORECASTER_PORT at all."""
    assert load({}, {"FORECASTER_PORT": ""}, file).sources["port"] == "default"


@pytest.mark.parametrize(
    ("variable", "text", "wanted"),
    [
        ("PORT", "http", "port must be a whole number from 0 to 65535, got 'http'"),
        ("PORT", "65536", "from 0 to 65535, got 65536"),
        ("PORT", "8080.0", "got '8080.0'"),
        ("PORT", "9" * 5000, "a whole number"),
        ("WORKERS", "0", "from 1 to 256, got 0"),
        ("INSECURE", "perhaps", "insecure must be true or false, got 'perhaps'"),
        ("MAX_SERIES", "-1", "got -1"),
    ],
)
def test_a_bad_variable_is_refused(
    file: Path, variable: str, text: str, wanted: str
) -> None:
    """The message names the variable, what was expected and what came."""
    with pytest.raises(ConfigError) as caught:
        load({}, {f"FORECASTER_{variable}": text}, file)

    assert f"FORECASTER_{variable}" in str(caught.value)
    assert wanted in str(caught.value)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ('port = "8080"', "port must be a whole number from 0 to 65535, got '8080'"),
        ("port = true", "got True"),
        ("insecure = 1", "insecure must be true or false, got 1"),
        ("host = 5", "host must be a text, got 5"),
        ('host = ""', "host must be a text"),
        ("prot = 8080", "no setting is called 'prot'; there are:"),
        ("port = ", "cannot be read as TOML"),
        ("[server]\nport = 1", "no setting is called 'server'"),
    ],
)
def test_a_bad_file_is_refused(file: Path, content: str, wanted: str) -> None:
    """The file is as strict as the environment, and knows the types of TOML."""
    file.write_text(content)

    with pytest.raises(ConfigError, match=r"forecaster\.toml") as caught:
        load({}, {}, file)

    assert wanted in str(caught.value)


def test_a_file_that_is_not_text_is_refused(file: Path) -> None:
    """Bytes that are no UTF-8 are an error of the file, not of the program."""
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        load({}, {}, file)


def test_a_password_is_never_shown(file: Path) -> None:
    """A printed database URL hides its password and nothing else."""
    environ = {"FORECASTER_DATABASE": "postgresql+psycopg://me:secret@db:5432/f"}

    shown = load({}, environ, file).shown("database")

    assert shown == "postgresql+psycopg://me:***@db:5432/f"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:se@cret@db/f",
        "postgresql+psycopg://db/f?password=secret",
    ],
)
def test_no_part_of_a_password_is_shown(url: str) -> None:
    """An @ inside it, or its place in the query, does not uncover it."""
    shown = str(load({"database": url}, {}, Path("absent.toml")).shown("database"))
    assert "cret" not in shown
    assert "***" in shown


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "*"])
def test_other_machines_reach_it_unless_that_is_said_to_be_safe(host: str) -> None:
    """An address that is not this machine's own is exposed, but for `insecure`."""
    assert is_exposed(Server(host=host))
    assert not is_exposed(Server(host=host, insecure=True))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"]
)
def test_this_machine_needs_nothing(host: str) -> None:
    """Loopback in each of its spellings is open to this machine alone."""
    assert not is_exposed(Server(host=host))
