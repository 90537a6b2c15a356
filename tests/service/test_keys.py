"""Laws of API keys: shown once, told by a hash, gone when revoked."""

import hmac
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import Engine, text

from forecaster.errors import ConfigError
from service import keyring, keys
from service.database import open_database, writing
from service.errors import StoreFailure
from service.keyring import MAX_AGE_S, MISSED_AGE_S, Keyring


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    """A fresh database."""
    engine = open_database(f"sqlite:///{tmp_path}/keys.db")
    yield engine
    engine.dispose()


class Clock:
    """A clock that stands until it is told to go."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock of its own for each test."""
    return Clock()


@pytest.fixture
def ring(store: Engine, clock: Clock) -> Keyring:
    """The keys of the database as a worker on this machine alone knows them."""
    return Keyring(store, always=False, clock=clock)


def test_a_key_is_told_from_every_other(store: Engine, ring: Keyring) -> None:
    """Its holder is found by all of it: no part of it, and no mixture of two, will do."""
    one, first = keys.create(store, "one", ["read"])
    two, second = keys.create(store, "two", ["predict"])

    assert ring.holder(first) == one
    assert ring.holder(second) == two
    mixed = f"fc_{one.id}_{second.rpartition('_')[2]}"
    for wrong in ("", "fc_", one.id, first[:-1], first + "0", first.upper(), mixed):
        assert ring.holder(wrong) is None


def test_two_keys_are_never_alike(store: Engine) -> None:
    """Each has 256 random bits."""
    made = [keys.create(store, "same", ["read"])[1] for _ in range(20)]
    secrets = {key.rpartition("_")[2] for key in made}
    assert len(secrets) == 20
    assert {len(secret) for secret in secrets} == {64}


def test_the_database_holds_no_key(store: Engine, tmp_path: Path) -> None:
    """Nor its secret part: not in the file, nor in what stands beside it."""
    _, shown = keys.create(store, "till", ["read"])
    secret = shown.rpartition("_")[2]
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"till" in written
    assert secret.encode() not in written
    assert secret not in repr(keys.every(store))


def test_keys_are_compared_in_constant_time(
    store: Engine, ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known or not: what is kept and what came go through `compare_digest`."""
    compared: list[tuple[str, str]] = []
    compare = hmac.compare_digest

    def watched(a: str, b: str) -> bool:
        compared.append((a, b))
        return compare(a, b)

    monkeypatch.setattr(keyring.hmac, "compare_digest", watched)
    key, shown = keys.create(store, "till", ["read"])
    wrong = shown[:-1] + ("0" if shown[-1] != "0" else "1")
    for sent in (shown, wrong, "fc_00_00"):
        ring.holder(sent)

    kept = [key.sha256, key.sha256, keyring.NOBODY]
    sent = [keys.fingerprint(one) for one in (shown, wrong, "fc_00_00")]
    assert compared == list(zip(sent, kept, strict=True))


def test_a_revoked_key_works_no_longer_than_it_may_be_remembered(
    store: Engine, ring: Keyring, clock: Clock
) -> None:
    """MAX_AGE_S later at most; the others go on."""
    one, first = keys.create(store, "one", ["read"])
    _, second = keys.create(store, "two", ["read"])
    assert ring.holder(first) == one
    assert keys.revoke(store, one.id).revoked_at is not None

    clock.now += MAX_AGE_S
    assert ring.holder(first) is None
    assert ring.holder(second) is not None


def test_a_new_key_works_at_once(store: Engine, ring: Keyring, clock: Clock) -> None:
    """One that is not known is looked up, but guessing does not mean reading."""
    keys.create(store, "one", ["read"])
    assert ring.is_asked()
    new, shown = keys.create(store, "new", ["read"])
    assert ring.holder(shown) is None  # it was read in this very moment
    clock.now += MISSED_AGE_S
    assert ring.holder(shown) == new


def test_revoking_the_last_key_does_not_open_the_service(
    store: Engine, ring: Keyring, clock: Clock
) -> None:
    """No key is asked for while there never was one, and then always."""
    assert not ring.is_asked()
    key, _ = keys.create(store, "one", ["admin"])
    clock.now += MAX_AGE_S
    assert ring.is_asked()
    keys.revoke(store, key.id)
    clock.now += MAX_AGE_S
    assert ring.is_asked()


def test_what_others_can_reach_asks_for_a_key_in_any_case(store: Engine) -> None:
    """Also when the database has lost its keys while it served."""
    assert Keyring(store, always=True).is_asked()


def test_a_store_that_fails_makes_no_stranger_a_friend(
    store: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known goes on; where nothing was, nobody comes in."""
    _, shown = keys.create(store, "one", ["read"])
    known, fresh = Keyring(store, False, clock), Keyring(store, False, clock)
    assert known.holder(shown) is not None
    with writing(store) as connection:
        connection.execute(text("ALTER TABLE api_keys RENAME TO gone"))

    clock.now += MAX_AGE_S
    assert known.is_asked()
    assert known.holder(shown) is not None
    assert known.holder("fc_00_00") is None
    with pytest.raises(StoreFailure):
        fresh.is_asked()


def test_a_store_that_hangs_is_not_asked_again_by_each_request(
    store: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a try that took longer than keys may be old, the next is as long away."""
    ring, tries = Keyring(store, always=False, clock=clock), []
    assert not ring.is_asked()

    def hang(_: object) -> NoReturn:
        tries.append(clock.now)
        clock.now += 5 * MAX_AGE_S
        raise StoreFailure("the disk is slow")

    monkeypatch.setattr(keyring, "every", hang)
    clock.now += MAX_AGE_S
    for _ in range(16):
        assert not ring.is_asked()
    assert len(tries) == 1


def test_revoking_twice_keeps_the_first_time(store: Engine) -> None:
    """And a key that is not there is an error that does not repeat what was given."""
    key, shown = keys.create(store, "one", ["read"])
    first = keys.revoke(store, key.id)
    assert keys.revoke(store, key.id) == first
    with pytest.raises(ConfigError, match="forecaster keys list") as refusal:
        keys.revoke(store, shown)
    assert shown not in str(refusal.value)


@pytest.mark.parametrize(
    "bad",
    [
        lambda store: keys.create(store, "", ["read"]),
        lambda store: keys.create(store, "x" * 65, ["read"]),
        lambda store: keys.create(store, "two\nlines", ["read"]),
        lambda store: keys.create(store, "one", []),
        lambda store: keys.create(store, "one", ["write"]),
    ],
)
def test_a_key_that_cannot_be_told_or_used_is_not_made(
    store: Engine, bad: Callable[[Engine], object]
) -> None:
    """It needs a name for the list, and scopes that there are."""
    with pytest.raises(ConfigError, match="expected"):
        bad(store)
    assert keys.every(store) == []
