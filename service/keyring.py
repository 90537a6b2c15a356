"""The keys as one worker knows them: read from the store now and then.

A key that was made or revoked elsewhere is known here within MAX_AGE_S; a new one, in a
service that has keys, at once: a key that nobody knows is looked up, at most every
MISSED_AGE_S, so that guessing keys does not keep the store busy.
"""

import hmac
import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy import Engine

from service.errors import StoreFailure
from service.keys import Key, every, fingerprint, id_in

MAX_AGE_S = 2.0
MISSED_AGE_S = 0.1
NOBODY = fingerprint("")


class Keyring:
    """Tells whose key it is; safe for many threads."""

    def __init__(
        self,
        engine: Engine,
        always: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read nothing yet.

        Args:
            engine: the database of the keys.
            always: ask for a key even where there is none.
            clock: seconds that never go back.
        """
        self._engine = engine
        self._always = always
        self._clock = clock
        self._keys: Mapping[str, Key] | None = None
        self._read_at = 0.0
        self._lock = threading.Lock()

    def is_asked(self) -> bool:
        """Whether requests need a key.

        Once there was a key they do, also when all are revoked: to take the last key
        away must not open the service.

        Raises:
            StoreFailure: the keys were never read, and cannot be.
        """
        return self._always or bool(self._known(MAX_AGE_S))

    def holder(self, key: str) -> Key | None:
        """Return what is known of a key that works; None if it does not.

        Raises:
            StoreFailure: the keys were never read, and cannot be.
        """
        of_key = id_in(key) or ""
        found = self._known(MAX_AGE_S).get(of_key)
        if found is None:
            found = self._known(MISSED_AGE_S).get(of_key)
        # In constant time, so that how long it takes says nothing of what is kept.
        kept = NOBODY if found is None else found.sha256
        same = hmac.compare_digest(fingerprint(key), kept)
        works = found is not None and found.revoked_at is None
        return found if same and works else None

    def _known(self, max_age_s: float) -> Mapping[str, Key]:
        """Return the keys as they were at most so long ago, while the store answers.

        One thread reads; others go on with what was known, unless nothing was.
        """
        known = self._keys
        if known is not None and not self._is_older(max_age_s):
            return known
        must_wait = known is None or max_age_s < MAX_AGE_S
        if not self._lock.acquire(blocking=must_wait):
            return known or {}
        try:
            if self._keys is None or self._is_older(max_age_s):
                self._read()
            return self._keys or {}
        finally:
            self._lock.release()

    def _is_older(self, age_s: float) -> bool:
        return self._clock() - self._read_at >= age_s

    def _read(self) -> None:
        began = self._clock()
        try:
            self._keys = {key.id: key for key in every(self._engine)}
        except StoreFailure:
            # What keys open lies in the same store, which will say no by itself; and a
            # service must not seem to have lost its keys when it lost its disk.
            if self._keys is None:
                raise
            began = self._clock()  # the next try is as long after this one has failed
        self._read_at = began
