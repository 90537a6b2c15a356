"""`forecaster keys`: who may use the service, and for what."""

from datetime import UTC, datetime

import click

from forecaster.cli.common import json_option, print_json
from forecaster.cli.store import api_keys, database_option, opened
from forecaster.settings import load


@click.group()
def keys() -> None:
    """Make, list and revoke the API keys of a service."""


@keys.command()
@click.option("--name", required=True, help="Whose key it is, for the list.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(api_keys.SCOPES),
    help="What it may do; may be given several times. admin includes the others.",
)
@database_option
@json_option
def create(name: str, scopes: tuple[str, ...], database: str, as_json: bool) -> None:
    """Make a key and print it: it is shown this once, and not kept.

    A service that runs on the database knows it within two seconds.
    """
    with opened(database) as store:
        key, shown = api_keys.create(store, name, scopes)
    if as_json:
        print_json({**_entry(key), "key": shown})
        return
    click.echo(shown)  # alone on stdout, for KEY=$(forecaster keys create …)
    click.echo(
        f"Key {key.id} of {key.name!r} may {', '.join(key.scopes)}. It is not shown "
        f"again: keep it. Database: {load({'database': database}).shown('database')}",
        err=True,
    )


@keys.command("list")
@database_option
@json_option
def list_(database: str, as_json: bool) -> None:
    """List all keys there ever were, oldest first, without what is secret in them."""
    with opened(database, anew=False, reads_only=True) as store:
        found = api_keys.every(store)
    if as_json:
        print_json({"keys": [_entry(key) for key in found]})
    elif found:
        click.echo(_table(found))
    else:
        click.echo(
            "No API key: 'forecaster keys create --name NAME --scope predict' makes one."
        )


@keys.command()
@click.argument("key_id", metavar="ID")
@database_option
@json_option
def revoke(key_id: str, database: str, as_json: bool) -> None:
    """Make a key work no longer: within two seconds, in every worker.

    The other keys work on, and when none is left the service answers nobody.
    """
    with opened(database, anew=False) as store:
        # Who has only the key itself may give that: its ID stands in it.
        key = api_keys.revoke(store, api_keys.id_in(key_id) or key_id)
    if as_json:
        print_json(_entry(key))
    else:
        click.echo(f"Key {key.id} of {key.name!r} is revoked.")


def _entry(key: api_keys.Key) -> dict[str, object]:
    revoked = None if key.revoked_at is None else _time(key.revoked_at)
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": _time(key.created_at),
        "revoked_at": revoked,
    }


def _table(found: list[api_keys.Key]) -> str:
    """Return the keys under a heading, in aligned columns."""
    lines = [("ID", "CREATED", "REVOKED", "SCOPES", "NAME")]
    for key in found:
        revoked = "-" if key.revoked_at is None else _time(key.revoked_at)
        scopes = ",".join(key.scopes)
        lines.append((key.id, _time(key.created_at), revoked, scopes, key.name))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _time(seconds: int) -> str:
    """Return a time as ISO 8601.

    >>> _time(0)
    '1970-01-01T00:00:00Z'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
