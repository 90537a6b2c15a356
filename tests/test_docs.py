"""Law of the README: what can be typed, set or called stands in it."""

import re
from pathlib import Path

import click
import pytest

from forecaster import cli
from forecaster.settings import FIELDS, load
from service.app import create_app, service_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

BRACES = str.maketrans("<>", "{}")


def commands() -> list[str]:
    """Return every command line that ends in a command, such as `models list`."""
    context = click.Context(cli.verbs)
    found = []
    for verb in cli.VERBS:
        command = cli.verbs.get_command(context, verb)
        inner = command.commands if isinstance(command, click.Group) else {}
        found += [f"forecaster {verb} {name}" for name in inner] or [
            f"forecaster {verb}"
        ]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme(command: str) -> None:
    """A command nobody reads about is a command nobody uses."""
    assert f"`{command}" in README


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_in_the_readme(name: str) -> None:
    """The table of settings has each setting with its default."""
    default = FIELDS[name].default
    shown = str(default).lower() if isinstance(default, bool) else default

    assert f"| `{name}` | `{shown}` |" in README


def test_every_route_is_in_the_readme(tmp_path: Path) -> None:
    """A route that the service answers stands in the table of routes."""
    app = create_app(load({"database": f"sqlite:///{tmp_path}/docs.db"}))
    service_of(app).close()
    found = {
        re.sub(r"<\w+:", "<", f"`{method} {rule.rule}`").translate(BRACES)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assets = "`GET /docs/{file}`"  # what the page of /docs is made of
    assert {route for route in found - {assets} if f"| {route}" not in README} == set()


def test_every_target_of_the_makefile_is_explained() -> None:
    """`make` alone prints a line for each target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = makefile.partition(".PHONY:")[2].splitlines()[0].split()

    for target in targets:
        assert target == "help" or f"'make {target} " in makefile
