"""What /openapi.json says of each route: only what can happen, and what can be sent.

flask-openapi3 collects the routes; every one of them comes with every refusal, and with
parameters that may be null, which has no spelling in a URL.
"""

from typing import Any

from service.access import HEALTH, PREDICTING, documented, scope_of
from service.documented import refusals

# Needs neither store nor model.
ALWAYS = {"/version"}


def described(paths: dict[str, Any], keys_required: bool) -> dict[str, Any]:
    """Return the paths of a document as they are.

    Args:
        paths: as they were collected.
        keys_required: False where a service without keys answers everybody.
    """
    truthful = {
        path: {
            method: _truthful(path, method.upper(), operation)
            for method, operation in item.items()
        }
        for path, item in paths.items()
    }
    return documented(truthful, keys_required)


def _truthful(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    never = {str(status) for status in impossible(path, method, operation)}
    general = {str(status): said for status, said in refusals().items()}
    kept = {
        status: said
        for status, said in sorted(operation["responses"].items())
        # What a route says itself is true, whatever its kind.
        if status not in never or said != general.get(status)
    }
    told = {**operation, "responses": kept}
    if "parameters" in operation:
        told["parameters"] = [_sendable(one) for one in operation["parameters"]]
    return told


def impossible(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    """Return the refusals that cannot happen on a route.

    >>> sorted(impossible("/health/live", "GET", {}))
    [400, 401, 403, 404, 409, 413, 415, 422, 429]
    >>> impossible("/predict", "POST", {"requestBody": {}, "parameters": []})
    set()
    """
    has_body = "requestBody" in operation
    names = {one["name"] for one in operation.get("parameters", [])}
    never = set() if has_body else {400, 409, 413, 415}
    if not has_body and not names:
        never |= {422}
    if not has_body and not names & {"name", "unique_id", "id"}:
        never |= {404}
    if scope_of(path, method) is None:
        never |= {401, 403}
    if path.startswith(HEALTH):
        never |= {429}
    if path not in PREDICTING:
        never |= {409}  # of others only what they say themselves
    if path in ALWAYS:
        never |= {503}
    return never


def _sendable(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter without null: who means that leaves it out."""
    schema = dict(parameter["schema"])
    kinds = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
    if len(kinds) == 1:
        schema |= kinds[0]
    elif kinds:
        schema["anyOf"] = kinds
    if schema.get("default", 0) is None:
        del schema["default"]
    return {**parameter, "schema": schema}
