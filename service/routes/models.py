"""The models: /models."""

from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from service import catalog
from service.answers import ModelDetail, ModelList
from service.documented import blueprint, reply
from service.live_model import Models
from service.parameters import ModelPath


def routes(models: Models) -> APIBlueprint:
    """Return the routes that show models."""
    api = blueprint("models", "What forecasts")

    @api.get("/models", responses={200: ModelList})
    def list_models() -> Response:
        """List the models and what is served of each."""
        return reply({"models": [asdict(one) for one in catalog.entries(models)]})

    @api.get("/models/<name>", responses={200: ModelDetail})
    def show_model(path: ModelPath) -> Response:
        """Show one model with the manifest of its live version."""
        entry = catalog.entry(models, path.name)
        manifest = catalog.manifest(models, path.name)
        return reply({**asdict(entry), "manifest": manifest})

    return api
