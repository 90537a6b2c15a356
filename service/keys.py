"""API keys: made, listed, revoked. The store keeps what tells a key, not the key.

A key is ``fc_ID_SECRET``. The id finds its row and may be printed; the secret is 256
random bits and is shown once, when the key is made.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, bindparam, select, update

from forecaster.errors import ConfigError
from service.database import reading, writing
from service.tables import api_keys

SCOPES = ("predict", "read", "admin")
ID_BYTES, SECRET_BYTES = 6, 32
KEY = re.compile(r"fc_([0-9a-f]+)_[0-9a-f]+")
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")

ALL = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
REVOKE = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("which"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; times are seconds since 1970."""

    id: str
    name: str
    scopes: tuple[str, ...]
    sha256: str
    created_at: int
    revoked_at: int | None = None

    def allows(self, scope: str) -> bool:
        """Whether the key has a scope; `admin` has all of them.

        >>> key = Key("1a", "till", ("read",), "", 0)
        >>> key.allows("read"), key.allows("predict")
        (True, False)
        """
        return scope in self.scopes or "admin" in self.scopes


def id_in(key: str) -> str | None:
    """Return the part of a key that is no secret; None if it is no key.

    >>> id_in("fc_1a2b_99ff"), id_in("1a2b")
    ('1a2b', None)
    """
    found = KEY.fullmatch(key)
    return None if found is None else found[1]


def fingerprint(key: str) -> str:
    """Return what the store keeps of a key.

    One plain SHA-256 is right here, and bcrypt or argon2 are not: those make guessing
    slow where people choose the secret. Nobody guesses 256 random bits, however fast,
    and each request has to be checked.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def create(engine: Engine, name: str, scopes: Sequence[str]) -> tuple[Key, str]:
    """Make a key; return what is kept of it, and the key itself, which is not.

    Raises:
        ConfigError: the name is no text of 1 to 64 characters, or a scope is unknown.
        StoreFailure: the store cannot be written.
    """
    if NAME.fullmatch(name) is None:
        raise ConfigError(
            f"expected a name of 1 to 64 characters in one line, got {name[:80]!r}"
        )
    if not scopes or not set(scopes) <= set(SCOPES):
        raise ConfigError(
            f"expected scopes of {', '.join(SCOPES)}, got {', '.join(scopes) or 'none'}"
        )
    of_key = secrets.token_hex(ID_BYTES)
    shown = f"fc_{of_key}_{secrets.token_hex(SECRET_BYTES)}"
    given = tuple(scope for scope in SCOPES if scope in scopes)
    key = Key(of_key, name, given, fingerprint(shown), int(time.time()))
    with writing(engine) as connection:
        connection.execute(api_keys.insert(), _row(key))
    return key, shown


def every(engine: Engine) -> list[Key]:
    """Return all keys there ever were, oldest first.

    Raises:
        StoreFailure: the store cannot be read.
    """
    with reading(engine) as connection:
        return [_key(row) for row in connection.execute(ALL)]


def revoke(engine: Engine, which: str) -> Key:
    """Make a key work no longer; one that was revoked before stays as it is.

    Args:
        which: the id of the key.

    Raises:
        ConfigError: no key has that id.
        StoreFailure: the store cannot be written.
    """
    with writing(engine) as connection:
        connection.execute(REVOKE, {"which": which, "now": int(time.time())})
        chosen = ALL.where(api_keys.c.id == which)
        row = connection.execute(chosen).one_or_none()
    if row is None:  # not repeated here: it may be a key
        raise ConfigError(
            "no API key has this ID; 'forecaster keys list' shows the IDs of all"
        )
    return _key(row)


def _row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": " ".join(key.scopes),
        "sha256": key.sha256,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _key(row: Any) -> Key:
    return Key(
        row.id,
        row.name,
        tuple(row.scopes.split()),
        row.sha256,
        row.created_at,
        row.revoked_at,
    )
