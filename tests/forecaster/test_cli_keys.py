"""Laws of `forecaster keys`, and of what `serve` asks for before it listens."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from forecaster import settings
from forecaster.cli import serve
from service.database import open_database, writing
from service.exposure import check_exposure
from tests.forecaster.conftest import Shell
from tests.postgresql import Server, name_in

CREATE = ["keys", "create", "--name", "the till", "--scope", "read"]


Words = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(shell: Shell) -> Words:
    """Runs the words of a command line: (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        done = shell(words)
        return done.code, done.out, done.err

    return run


def test_a_key_is_shown_once(shell: Words) -> None:
    """Alone on stdout, so that a script can take it; no other verb knows it."""
    code, out, err = shell(*CREATE, "--scope", "predict")
    key = out.strip()
    assert code == 0
    assert out == f"{key}\n"
    assert key.startswith("fc_")
    assert "predict, read" in err
    secret = key.rpartition("_")[2]
    for words in (["list"], ["list", "--json"], ["revoke", key], ["list"]):
        code, out, err = shell("keys", *words)
        assert code == 0
        assert secret not in out + err
        assert key.split("_")[1] in out


def test_keys_for_programs(shell: Words) -> None:
    """`--json` has the same fields everywhere, and the key where it is made."""
    made = json.loads(shell(*CREATE, "--json")[1])
    assert made.pop("key").startswith(f"fc_{made['id']}_")
    assert (made["name"], made["scopes"]) == ("the till", ["read"])
    assert made["revoked_at"] is None
    assert json.loads(shell("keys", "list", "--json")[1]) == {"keys": [made]}

    revoked = json.loads(shell("keys", "revoke", made["id"], "--json")[1])
    assert revoked["revoked_at"] >= made["created_at"]
    assert revoked | {"revoked_at": None} == made


def test_the_database_is_the_one_of_serve(
    shell: Words, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A flag, else the environment, else the default; each has its own keys."""
    shell(*CREATE, "--database", "sqlite:///a.db")
    open_database(f"sqlite:///{tmp_path}/b.db").dispose()
    monkeypatch.setenv("FORECASTER_DATABASE", f"sqlite:///{tmp_path}/b.db")
    assert "No API key" in shell("keys", "list")[1]
    assert "the till" in shell("keys", "list", "--database", "sqlite:///a.db")[1]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["keys", "create", "--scope", "read"], "Missing option '--name'"),
        (["keys", "create", "--name", "a"], "Missing option '--scope'"),
        ([*CREATE, "--scope", "write"], "'write' is not one of 'predict', 'read'"),
        (["keys", "create", "--name", "", "--scope", "read"], "1 to 64 characters"),
        (["keys", "revoke"], "Missing argument 'ID'"),
        (["keys", "list", "--database", "/proc"], "expected sqlite:///FILE"),
        (["serve", "--host", "0.0.0.0"], "'forecaster keys create'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    shell: Words, words: list[str], wanted: str
) -> None:
    """It says what was expected and what to do."""
    code, out, err = shell(*words)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert wanted in err


def test_a_store_that_does_not_answer_is_exit_code_1(
    shell: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no fault of the user, and no traceback."""
    monkeypatch.setattr("service.sqlite.BUSY_TIMEOUT_MS", 50)
    engine = open_database("sqlite:///state/forecaster.db")
    with writing(engine):
        code, out, err = shell(*CREATE)
    engine.dispose()
    assert (code, out) == (1, "")
    assert "the store does not answer" in err
    assert err.count("\n") == 1


def test_serving_other_machines_needs_a_key_that_works(
    shell: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or --insecure; one that was revoked is none."""
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    line = ["serve", "--host", "0.0.0.0", "--port", "0"]

    assert shell(*line)[0] == 2
    key = shell(*CREATE)[1].strip()
    assert shell(*line)[0] == 0
    shell("keys", "revoke", key)
    assert shell(*line)[0] == 2
    assert shell(*line, "--insecure")[0] == 0
    assert started == [serve.gunicorn_command()] * 2


def test_this_machine_alone_needs_no_database_to_be_asked(tmp_path: Path) -> None:
    """Nothing is opened where nothing has to be known."""
    url = f"sqlite:///{tmp_path}/none.db"
    check_exposure(settings.Server(database=url))
    check_exposure(settings.Server(host="0.0.0.0", insecure=True, database=url))
    assert list(tmp_path.iterdir()) == []


def test_listing_keys_writes_nothing(shell: Words) -> None:
    """Where it may only be read, either; to revoke one does, and is refused."""
    key = shell(*CREATE, "--database", "sqlite:///a.db")[1]
    read_only = "sqlite:///file:a.db?mode=ro&uri=true"
    code, out, _ = shell("keys", "list", "--database", read_only)
    assert (code, out.count("the till")) == (0, 1)
    code, _, err = shell("keys", "revoke", key.strip(), "--database", read_only)
    assert code == 2
    assert "it cannot be written" in err
    code, _, err = shell("keys", "revoke", "1a2b", "--database", "sqlite:///a.db")
    assert (code, err.count("\n")) == (2, 1)
    assert "'forecaster keys list' shows the IDs" in err


def test_a_user_who_may_only_read_lists_keys(
    shell: Words, postgresql_server: Server
) -> None:
    """Of PostgreSQL, with no more than SELECT on the tables."""
    url = postgresql_server.fresh()
    shell(*CREATE, "--database", url)
    postgresql_server.run("CREATE ROLE lister LOGIN")
    role = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO lister"
    postgresql_server.run(role, name_in(url))
    reader = postgresql_server.url(name_in(url), "lister")
    code, out, err = shell("keys", "list", "--database", reader)
    assert (code, out.count("the till")) == (0, 1), err
