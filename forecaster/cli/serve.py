"""`forecaster serve`: run the REST service under gunicorn."""

import os
import socket
import sys

import click

from forecaster.cli.flags import setting_options
from forecaster.errors import ConfigError
from forecaster.settings import (
    Retention,
    Server,
    environment_name,
    is_exposed,
    load,
)


@click.command()
@setting_options(*Server.__slots__, *Retention.__slots__)
def serve(**flags: object) -> None:
    """Run the REST service under gunicorn until SIGTERM or Ctrl-C.

    The limits of a request are settings too: see `forecaster config`.
    """
    server = load(flags).server
    if is_exposed(server):
        # The libraries of a database are slow to import, and most who serve listen on
        # this machine alone.
        from forecaster.cli.store import check_exposure

        check_exposure(server)
    check_free(server)
    given = {name: value for name, value in flags.items() if value is not None}
    for name, value in given.items():
        os.environ[environment_name(name)] = str(value)
    sys.stdout.flush()
    # This process becomes gunicorn's master, so that signals reach it and TensorFlow
    # is loaded by the workers alone. What was given goes along by the environment.
    os.execv(sys.executable, gunicorn_command())


def check_free(server: Server) -> None:
    """Refuse an address that gunicorn could not listen on, as it would try to.

    Raises:
        ConfigError: the port is taken, or the host is none of this machine.
    """
    host = server.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, server.port))
            tried.listen()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"expected an address to listen on, got host {server.host!r} and port "
            f"{server.port}: {reason}; give others with --host and --port"
        ) from error


def gunicorn_command() -> list[str]:
    """Return the command that runs the service; its settings are in the environment."""
    return [
        *(sys.executable, "-m", "gunicorn"),
        *("--config", "python:service.gunicorn_conf"),
        "service.app:create_app()",
    ]
