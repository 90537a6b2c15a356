"""Whether the service lives and is ready, and what it is."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from service import catalog
from service.answers import Health, Ready, Version
from service.documented import blueprint, reply
from service.live_model import Models
from service.release import release
from service.store import Store


def routes(models: Models, store: Store) -> APIBlueprint:
    """Return the routes about the service itself."""
    api = blueprint("service", "The service itself")

    @api.get("/health/live", responses={200: Health})
    def is_live() -> Response:
        """Say that the process answers, and that no request hangs in it."""
        return reply({"status": "live"})

    @api.get("/health/ready", responses={200: Ready})
    def is_ready() -> Response:
        """Say that a model is loaded and warm, and that the store can be written."""
        found = catalog.readiness(models)
        store.check_writable()
        return reply({"status": "ready", **found})

    @api.get("/version", responses={200: Version})
    def show_version() -> Response:
        """Say which release runs, on which libraries."""
        return reply(release())

    return api
