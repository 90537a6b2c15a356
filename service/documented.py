"""Blueprints whose routes stand in /openapi.json.

flask-openapi3 collects the document and reads paths and query strings. Bodies are only
documented through it and read by `schemas.py`: its own reading takes NaN and text for
numbers, and a deeply nested body is its end.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.example import Example
from flask_openapi3.models.reference import Reference
from flask_openapi3.models.request_body import RequestBody
from flask_openapi3.models.tag import Tag
from flask_openapi3.utils import parse_body, parse_query
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from service.complaints import complaint
from service.compression import NAMES, TooMuch, unpack
from service.errors import Unacceptable
from service.parameters import IN_URLS, AskQuery
from service.rendering import to_json

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
STREAM = {ARROW: {"schema": {"type": "string", "format": "binary"}}}
LISTS = {"level", "quantiles"}  # may come several times in a query string
PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
}
RETRY_KEY = "Idempotency-Key"
MAX_KEY = 255
RETRY_PARAMETER = {
    "name": RETRY_KEY,
    "in": "header",
    "description": "The same for a request and its retries. Only values without 'ds' "
    "need it: sent again with the same key they are not appended a second time.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
}
# A first point at a time that stands in the grid of most frequencies, and the next one.
EXAMPLES: dict[str, Example | Reference] = {
    "a first point": Example(
        value={
            "series": {"unique_id": "store-1", "ds": ["2024-01-01"], "y": [12.5]},
            "h": 3,
            "level": [80],
        }
    ),
    "the next one": Example(
        value={"series": [{"unique_id": "store-1", "y": [13.0]}], "h": 3}
    ),
    "from what is carried": Example(value={"series": {"unique_id": "store-1"}}),
}
REFUSALS = {
    400: "Malformed request",
    401: "No API key, or none that is known",
    403: "The API key has not the scope",
    404: "No such model, series, job or schedule",
    408: "The request did not come within its time",
    409: "A time is carried with another value",
    413: "Body too large",
    414: "URL too long",
    415: "The body is neither JSON nor Arrow, or in a coding other than gzip",
    422: "Wrong shape or value",
    429: "More requests than the rate limit, or too much waits already",
    431: "Header fields too large",
    503: "No model ready, or store not writable",
}


def refusals() -> dict[Any, Any]:
    """Return the documentation of every refusal, by its status."""
    return refusing(REFUSALS)


def refusing(said: Mapping[int, str]) -> dict[Any, Any]:
    """Return the documentation of refusals, of what is said of each status."""
    return {
        status: {"description": what, "content": PROBLEM}
        for status, what in said.items()
    }


def blueprint(name: str, about: str) -> APIBlueprint:
    """Return a blueprint whose operations document every refusal."""
    return APIBlueprint(
        name,
        "service",
        abp_tags=[Tag(name=name, description=about)],
        abp_responses=refusals(),
        operation_id_callback=_named_like_the_view,
    )


def taking(api: APIBlueprint, model: type[BaseModel]) -> dict[str, Any]:
    """Return the part of an operation that documents its body: JSON or Arrow."""
    json, schemas = parse_body(model)
    in_url, _ = parse_query(AskQuery)
    api.components_schemas.update(schemas)
    json[JSON].examples = EXAMPLES
    content: dict[str, Any] = {**json, **STREAM}
    return {
        "requestBody": RequestBody(content=content, required=True),
        "parameters": [*in_url, RETRY_PARAMETER],
    }


def taking_json(
    api: APIBlueprint, model: type[BaseModel], examples: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the part of an operation that documents a body which is JSON alone."""
    json, schemas = parse_body(model)
    api.components_schemas.update(schemas)
    shown = {name: Example(value=value) for name, value in examples.items()}
    json[JSON].examples = {**shown}
    return {"requestBody": RequestBody(content=json, required=True)}


def answering(api: APIBlueprint, model: type[BaseModel]) -> dict[Any, Any]:
    """Return the part of an operation that documents its answer: JSON or Arrow."""
    json, schemas = parse_body(model)
    api.components_schemas.update(schemas)
    content: dict[str, Any] = {**json, **STREAM}
    return {200: {"description": "OK", "content": content}}


def body() -> bytes:
    """Return the body of this request, unpacked; it must say that it is JSON or Arrow."""
    coding = (request.content_encoding or "identity").strip().lower()
    if request.mimetype not in (JSON, ARROW) or coding not in {"identity", *NAMES}:
        raise UnsupportedMediaType
    data = request.get_data(cache=False)
    if request.content_length is None and len(data) == request.max_content_length:
        _refuse_more()
    if coding == "identity":
        return data
    try:
        return unpack(data, request.max_content_length or 0)
    except TooMuch:
        raise RequestEntityTooLarge from None


def json_body() -> bytes:
    """Return the body of this request, unpacked; it must say that it is JSON."""
    if request.mimetype != JSON:
        raise UnsupportedMediaType
    return body()


def query() -> AskQuery:
    """Return what the URL of this request says beside the body.

    flask-openapi3 would read it too, but makes a schema for that with each request.
    """
    given = {
        key: values if key in LISTS else values[-1]
        for key, values in request.args.lists()
    }
    try:
        return AskQuery.model_validate(given)
    except ValidationError as error:
        raise complaint(error, AskQuery) from None


def sends_arrow() -> bool:
    """Whether the body of this request is an Arrow stream, not JSON."""
    return request.mimetype == ARROW


def takes_arrow() -> bool:
    """Whether this request would rather be answered in Arrow than in JSON."""
    return request.accept_mimetypes.best_match((JSON, ARROW)) == ARROW


def _refuse_more() -> None:
    """Refuse a body in chunks that goes on where reading stopped at the limit."""
    if request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge


def retry_key() -> str | None:
    """Return what tells this request and its retries from others, if it was sent."""
    key = request.headers.get(RETRY_KEY)
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise Unacceptable(f"expected 1 to {MAX_KEY} characters", RETRY_KEY)
    return key


def reply(value: object) -> Response:
    """Return a value as JSON."""
    return Response(to_json(value), content_type=JSON)


def stream(data: bytes) -> Response:
    """Return an Arrow stream."""
    return Response(data, content_type=ARROW)


def _named_like_the_view(*, name: str, path: str, method: str) -> str:
    return name


def refuse_url(error: ValidationError) -> Response:
    """Tell what is wrong with a path or a query string."""
    raise complaint(error, IN_URLS[error.title])
