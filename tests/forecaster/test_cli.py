"""Laws of the command line: exit codes, one line of error, JSON that parses."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from forecaster import cli, registry
from forecaster.cli import serve
from forecaster.cli.common import import_tensorflow
from tests.forecaster.conftest import Shell
from tests.forecaster.versions import A, B, C, D, made

VERSION = A
WEIGHTS = "saved_model/variables/data"


@pytest.fixture
def model(shell: Shell) -> Path:
    """The folder of a version of `demo`, champion."""
    path = made(shell.folder / "models", VERSION)
    registry.set_alias(shell.folder / "models", "demo", "champion", VERSION)
    return path


BAD_LINES = [
    ("", "Missing command. See 'forecaster --help'."),
    ("trian data.csv", "No such command 'trian'"),
    ("--bogus", "No such option '--bogus'"),
    ("config --bogus", "No such option '--bogus'. See 'forecaster config --help'."),
    ("config extra", "unexpected extra argument (extra)"),
    ("serve extra", "unexpected extra argument (extra)"),
    ("serve --port http", "'http' is not a valid integer"),
    ("serve --port 65536", "flag --port: port must be a whole number from 0 to 65535"),
    ("serve --port -1", "got -1"),
    ("serve --port", "Option '--port' requires an argument"),
    ("serve --workers 0", "workers must be a whole number from 1 to 256, got 0"),
    ("serve --threads 0", "threads must be a whole number from 1 to 1024, got 0"),
    ("serve --host 0.0.0.0", "listen on 127.0.0.1, or say --insecure"),
    ("serve --host ::", "--insecure"),
    ("serve --host=", "host must be a text"),
    (
        "serve --port 0 --insecure --host 192.0.2.1",
        "give others with --host and --port",
    ),
    ("serve --port 0 --insecure --host no.such.invalid", "--host and --port"),
    ("models remove", "No such command 'remove'"),
    ("models list extra", "unexpected extra argument (extra)"),
    ("models --models-dir elsewhere list", "unexpected extra argument (list)"),
    ("models show", "make one with 'forecaster train DATA --name NAME'"),
    ("models show nope", "no model 'nope' in models; there are: none"),
    ("models show ../nope", "a model's name must be 1 to 64 letters"),
    ("models show demo --name demo", "say it once"),
    ("models verify", "there is no model in models"),
    ("models verify nope", "no model 'nope'"),
    ("models promote", "Missing argument 'NAME'"),
    ("models canary demo", "or --stop. See 'forecaster models canary --help'."),
    ("models promote nope", "no model 'nope'"),
    ("models rollback", "Missing argument 'NAME'"),
    ("models rollback nope", "no model 'nope'"),
    ("models delete nope", "Missing argument 'VERSION'"),
    ("models delete nope 1", "no model 'nope'"),
    ("models prune nope", "Missing option '--keep'"),
    ("models prune nope --keep -1", "-1 is not in the range x>=0"),
    ("models prune nope --keep 3", "no model 'nope'"),
]


@pytest.mark.parametrize(("line", "wanted"), BAD_LINES)
def test_wrong_usage_is_one_line_and_exit_code_2(
    shell: Shell, line: str, wanted: str
) -> None:
    """A line that cannot be used says why on one line of stderr and does nothing."""
    outcome = shell(line)

    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    assert wanted in outcome.err


def test_bad_settings_reach_every_verb_that_reads_them(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad variable or file is wrong usage too, and is named."""
    monkeypatch.setenv("FORECASTER_WORKERS", "many")
    assert shell("config").code == shell("serve").code == 2
    monkeypatch.delenv("FORECASTER_WORKERS")

    (shell.folder / "forecaster.toml").write_text("prot = 1")
    outcome = shell("config")
    assert outcome.code == 2
    assert "forecaster.toml: no setting is called 'prot'" in outcome.err


@pytest.mark.parametrize(
    "verb", [*cli.VERBS, "models list", "models promote", "models prune"]
)
def test_every_verb_explains_itself(shell: Shell, verb: str) -> None:
    """`--help` is success, on stdout, and begins with how to use the verb."""
    outcome = shell(f"{verb} --help")

    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: forecaster {verb}")


def test_config_tells_value_and_source(shell: Shell) -> None:
    """What is in force is printed with where it came from, for people and programs."""
    (shell.folder / "forecaster.toml").write_text("port = 9000")

    assert "9000" in shell("config").out
    entry = json.loads(shell("config --json").out)["port"]
    assert entry == {"value": 9000, "source": "forecaster.toml"}


def test_aliases_that_cannot_be_read_hide_no_other_model(
    shell: Shell, model: Path
) -> None:
    """The list shows them as the problem of the versions of that model."""
    made(shell.folder / "models", VERSION, name="other")
    (shell.folder / "models" / "other" / "aliases.json").write_text("{")

    done = shell("models --json")

    assert done.code == 0
    sound, other = json.loads(done.out)["models"]
    assert (sound["name"], sound["aliases"]) == ("demo", ["champion"])
    assert "aliases.json: cannot be read" in other["problem"]


def test_models_lists_versions_with_aliases(shell: Shell, model: Path) -> None:
    """The list names each version once, with its aliases and metrics."""
    for line in ("models", "models list"):
        out = shell(line).out
        assert out.count(VERSION) == 1
        assert "champion" in out
        assert "mase 0.8" in out

    row = json.loads(shell("models --json").out)["models"][0]
    assert (row["name"], row["version"], row["aliases"]) == (
        "demo",
        VERSION,
        ["champion"],
    )


@pytest.mark.parametrize(
    "line",
    [
        "show",
        "show demo",
        "show --name demo",
        f"show demo {VERSION}",
        "show demo champion",
    ],
)
def test_show_finds_the_version(shell: Shell, model: Path, line: str) -> None:
    """A version is found by name, by version, by alias, or as the only champion."""
    assert VERSION in shell(f"models {line}").out
    assert json.loads(shell(f"models {line} --json").out)["horizon"] == 12


def test_verify_sees_damage(shell: Shell, model: Path) -> None:
    """Sound files are exit code 0; a changed file is exit code 1 and is named."""
    assert shell("models verify --quick").code == 0
    (model / WEIGHTS).write_bytes(b"waights")

    for line in ("models verify", f"models verify demo {VERSION} --quick"):
        outcome = shell(line)
        assert outcome.code == 1
        assert WEIGHTS in outcome.out
    report = json.loads(shell("models verify --json").out)
    assert report["sound"] is False


def test_what_cannot_be_promoted_is_wrong_usage(shell: Shell, model: Path) -> None:
    """Without a challenger, or a version before: one line says so, and nothing is loaded."""
    for line, wanted in (
        ("models promote demo", "no version 'challenger'"),
        ("models promote demo 1", f"there are: {VERSION}, champion"),
        ("models rollback demo", "no previous version to go back to"),
        (f"models delete demo {VERSION}", "is the champion of model 'demo' and stays"),
    ):
        outcome = shell(line)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.count("\n") == 1
        assert wanted in outcome.err


def test_old_versions_are_deleted_and_pruned(shell: Shell, model: Path) -> None:
    """What would go is told before it goes; the champion stays."""
    old = [made(shell.folder / "models", day).name for day in (B, C, D)]
    said = shell("models prune demo --keep 2 --dry-run").out
    assert said.splitlines() == [
        f"demo: {B} would be deleted",
        "demo: would keep 3 in all",
    ]
    done = json.loads(shell("models prune demo --keep 2 --json").out)
    assert done == {
        "name": "demo",
        "deleted": old[:1],
        "kept": [VERSION, C, D],
        "dry_run": False,
    }
    assert shell(f"models delete demo {C}").out == f"demo: {C} is deleted\n"
    done = json.loads(shell(f"models delete demo --version {D} --json").out)
    assert done == {"name": "demo", "version": D}
    assert registry.versions(shell.folder / "models", "demo") == [VERSION]


def test_a_damaged_version_does_not_hide_the_others(shell: Shell, model: Path) -> None:
    """The list shows a version without a manifest with its problem."""
    (model / "manifest.json").unlink()

    outcome = shell("models list")

    assert outcome.code == 0
    assert "manifest" in outcome.out


def test_a_failure_of_the_program_is_one_line_and_exit_code_1(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug prints no traceback unless FORECASTER_DEBUG asks for it."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("forecaster.registry.names", broken)
    outcome = shell("models")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "unexpected ZeroDivisionError: division by zero" in outcome.err

    monkeypatch.setenv("FORECASTER_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.run(["models"])


def test_serve_becomes_gunicorn_with_the_flags_in_its_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was given by flag reaches the service by the environment, nothing else does."""
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(serve, "check_free", lambda _: None)

    shell("serve --host 0.0.0.0 --port 9000 --insecure --models-dir here")

    assert started == [serve.gunicorn_command()]
    given = {
        key: os.environ[key] for key in os.environ if key.startswith("FORECASTER_")
    }
    assert given == {
        "FORECASTER_HOST": "0.0.0.0",
        "FORECASTER_PORT": "9000",
        "FORECASTER_INSECURE": "True",
        "FORECASTER_MODELS_DIR": "here",
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_serve_refuses_a_port_in_use(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """One line that names the port and the options, before gunicorn is started."""
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("was started"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = shell(f"serve --host {host} --port {port}")

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert f"port {port}: Address already in use; give others" in outcome.err


def test_serve_takes_a_free_port_by_itself(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Port 0 is always free."""
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    monkeypatch.setattr(os, "environ", dict(os.environ))

    assert shell("serve --port 0").code == 0
    assert len(started) == 1


@pytest.mark.parametrize("place", ["file", "file/models", "/proc/models"])
def test_train_refuses_a_models_folder_that_cannot_be_written(
    shell: Shell, place: str
) -> None:
    """It says so before it looks at the data, in one line that names the option."""
    (shell.folder / "file").touch()

    outcome = shell(f"train absent.csv --name demo --models-dir {place}")

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert f"for the models, got {place}: " in outcome.err
    assert "--models-dir" in outcome.err


def test_train_leaves_no_trace_of_having_tried_the_models_folder(shell: Shell) -> None:
    """What could be written is removed again, and the data are looked at."""
    outcome = shell("train absent.csv --name demo --models-dir new/models")

    assert outcome.code == 2
    assert "absent.csv" in outcome.err
    assert list((shell.folder / "new" / "models").iterdir()) == []


def test_python_m_forecaster_is_the_same_command(tmp_path: Path) -> None:
    """`python -m forecaster` runs the command line and passes its exit code on."""
    root = Path(cli.__file__).parents[2]
    command = [sys.executable, "-m", "forecaster", "trian"]

    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def leaves(command: click.Command, words: str = "") -> Iterator[tuple[str, bool]]:
    """Every command line that does something, and whether it takes --json."""
    if not isinstance(command, click.Group):
        yield words, any("--json" in parameter.opts for parameter in command.params)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from leaves(below, f"{words} {name}".strip())


def test_every_verb_that_ends_prints_json_on_request() -> None:
    """Only those that run until they are told to end have no result."""
    assert [words for words, has in leaves(cli.verbs) if not has] == ["serve", "worker"]


@pytest.mark.tf
def test_tensorflow_writes_no_notes_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Such as that steps are traced anew by each training of `backtest --refit`."""
    import_tensorflow()
    import tensorflow as tf

    def step(x: object) -> object:
        return x

    for _ in range(10):
        tf.function(step)(tf.constant(1.0))

    assert caplog.messages == []
