"""The documentation: /openapi.json, and a page that makes it readable at /docs.

The page brings its scripts along, so that it works without a network.
"""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, send_from_directory
from flask_openapi3.openapi import OpenAPI

from service.document import described
from service.documented import reply

PAGE = Path(__file__).parents[1] / "page"
# Without importing the package, which is a plug-in of its own making.
SWAGGER = Path(str(files("flask_openapi3_swagger"))) / "templates" / "swagger"


def routes(app: OpenAPI, keys_required: bool) -> Blueprint:
    """Return the routes that document an app.

    Args:
        app: whose document it is.
        keys_required: whether it asks for a key although there may be none.
    """
    pages = Blueprint("docs", "service")

    @pages.get("/openapi.json")
    def openapi() -> Response:
        paths = described(app.api_doc["paths"], keys_required)
        tags = sorted(app.api_doc["tags"], key=lambda tag: tag["name"] == "service")
        return reply({**app.api_doc, "tags": tags, "paths": paths})

    @pages.get("/docs")
    def docs() -> Response:
        return _page("docs.html")

    @pages.get("/docs/<path:file>")
    def assets(file: str) -> Response:
        return send_from_directory(SWAGGER, file, max_age=86_400)

    @pages.get("/")
    def home() -> Response:
        return _page("home.html")

    return pages


def _page(name: str) -> Response:
    return Response((PAGE / name).read_bytes(), content_type="text/html; charset=utf-8")
