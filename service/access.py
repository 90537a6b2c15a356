"""Who may do what, how often: the door that every request comes through.

A route that is named nowhere here is closed by itself: looking needs the scope `read`,
changing needs `admin`.
"""

import math
from typing import Any

from flask import Flask, g, request

from service.errors import Forbidden, TooManyRequests, Unauthorized
from service.keyring import Keyring
from service.rates import Rates

HEALTH = "/health/"  # never limited: who watches over the service must always see it
# A browser cannot send a key with the address of a page, and these tell nothing but
# what the project tells anyway.
OPEN = {"/", "/docs", "/docs/<path:file>", "/openapi.json", "/version"}
PREDICTING = {"/predict", "/observe"}
HEADER = "X-API-Key"
SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of `forecaster keys create`, asked for once there is one.",
    },
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": HEADER,
        "description": "The same key in a header of its own.",
    },
}


def scope_of(path: str, method: str) -> str | None:
    """Return the scope that a route needs; None for one that is open to everybody.

    >>> scope_of("/predict", "POST"), scope_of("/series", "GET"), scope_of("/docs", "GET")
    ('predict', 'read', None)
    >>> scope_of("/models/<name>/promote", "POST")
    'admin'
    """
    if path in OPEN or path.startswith(HEALTH) or method == "OPTIONS":
        return None
    if method in ("GET", "HEAD"):
        return "read"
    return "predict" if path in PREDICTING else "admin"


def register(app: Flask, keyring: Keyring, rates: Rates, asks: bool) -> None:
    """Let through only who may: before anything of the request is read.

    Args:
        app: to be guarded.
        keyring: knows the keys.
        rates: counts requests.
        asks: whether who sends no key is asked for one, once there are keys. A key that
            is sent is always held against those that there are.
    """

    @app.before_request
    def admit() -> None:
        path = "" if request.url_rule is None else request.url_rule.rule
        if path.startswith(HEALTH):
            return
        # What is at no path is told to everybody, as is what is open.
        scope = scope_of(path, request.method) if path else None
        is_trusted = not asks and _sent() is None
        if scope is None or is_trusted or not keyring.is_asked():
            _count(rates, f"address {request.remote_addr}")
        else:
            _check(keyring, rates, scope)


def documented(paths: dict[str, Any], is_required: bool) -> dict[str, Any]:
    """Return the paths of an OpenAPI document with the scopes that they need.

    Args:
        paths: the paths as they are documented without.
        is_required: False where a service without keys answers everybody.
    """
    return {
        path: {
            method: operation | _security(path, method.upper(), is_required)
            for method, operation in item.items()
        }
        for path, item in paths.items()
    }


def _security(path: str, method: str, is_required: bool) -> dict[str, Any]:
    scope = scope_of(path, method)
    if scope is None:
        return {"security": []}
    either: list[dict[str, list[str]]] = [{scheme: [scope]} for scheme in SCHEMES]
    return {"security": either if is_required else [*either, {}]}


def _check(keyring: Keyring, rates: Rates, scope: str) -> None:
    sent = _sent()
    key = None if sent is None else keyring.holder(sent)
    if key is None:
        _count(rates, f"address {request.remote_addr}")
        raise Unauthorized(
            "expected an API key, got none; send it as 'Authorization: Bearer KEY' or "
            f"'{HEADER}: KEY'. 'forecaster keys create' makes one"
            if sent is None
            else "this API key is not known, or was revoked; 'forecaster keys list' "
            "shows those that work"
        )
    g.key = key.id
    _count(rates, f"key {key.id}")
    if not key.allows(scope):
        raise Forbidden(
            f"the API key {key.id} has the scopes {', '.join(key.scopes)}, and this "
            f"needs {scope}; 'forecaster keys create --scope {scope}' makes one with it"
        )


def _sent() -> str | None:
    """Return the key of this request.

    Its own header goes first: a proxy may use Authorization for itself.
    """
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    bearer = credentials.strip() if scheme.lower() == "bearer" else ""
    return request.headers.get(HEADER, "").strip() or bearer or None


def _count(rates: Rates, client: str) -> None:
    wait_s = rates.take(client)
    if wait_s > 0:
        raise TooManyRequests(
            f"more than {rates.per_minute} requests a minute (rate_limit); "
            "wait as long as Retry-After says",
            math.ceil(wait_s),
        )
