"""The models: /models."""

from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy import Engine

from service import catalog, live_scores, promoting
from service.answers import ModelDetail, ModelList, OnTrial, Promoted
from service.documented import blueprint, json_body, refusing, reply, taking_json
from service.errors import UnknownModel
from service.live_model import Models
from service.parameters import ModelPath
from service.schemas import CanaryBody, PromoteBody, read_body, read_promotion
from service.standings import standings

WATCHED = 120  # days of versions that are shown of a model
EXAMPLES = {"what waits": {"version": "challenger"}}
TRIALS = {"a twentieth": {"version": "challenger", "share": 0.05}}
REFUSED = {
    404: "No such model or version",
    422: "Wrong shape, or the version cannot go live: the old one goes on",
}
NOTHING_BEFORE = {409: "There is no version to go back to"}


def routes(models: Models, database: Engine) -> APIBlueprint:
    """Return the routes that show models, and change what is served of them."""
    api = blueprint("models", "What forecasts")
    takes = taking_json(api, PromoteBody, EXAMPLES)
    tries = taking_json(api, CanaryBody, TRIALS)

    @api.get("/models", responses={200: ModelList})
    def list_models() -> Response:
        """List the models and what is served of each."""
        return reply({"models": [asdict(one) for one in catalog.entries(models)]})

    @api.get("/models/<name>", responses={200: ModelDetail})
    def show_model(path: ModelPath) -> Response:
        """Show one model: its live version's manifest, and how its versions do."""
        entry = catalog.entry(models, path.name)
        manifest = catalog.manifest(models, path.name)
        watched = live_scores.newest(database, path.name, WATCHED)
        standing = standings(models.folder, database, path.name)
        return reply(
            {
                **asdict(entry),
                "manifest": manifest,
                "standings": [asdict(one) for one in standing],
                "watched": [asdict(day) for day in watched],
            }
        )

    @api.post(
        "/models/<name>/promote",
        responses={200: Promoted, **refusing(REFUSED)},
        openapi_extensions=takes,
    )
    def promote_model(path: ModelPath) -> Response:
        """Make a version the champion and serve it, once it is proven and primed."""
        version = read_promotion(json_body())
        return reply(asdict(promoting.promote(models, path.name, version)))

    @api.post(
        "/models/<name>/rollback",
        responses={200: Promoted, **refusing(REFUSED | NOTHING_BEFORE)},
    )
    def rollback_model(path: ModelPath) -> Response:
        """Serve the version again that was champion before."""
        return reply(asdict(promoting.rollback(models, path.name)))

    @api.put(
        "/models/<name>/canary",
        responses={200: OnTrial, **refusing(REFUSED)},
        openapi_extensions=tries,
    )
    def put_canary(path: ModelPath) -> Response:
        """Let a version answer for a share of the series beside the champion."""
        asked = read_body(CanaryBody, json_body())
        begun = promoting.try_out(models, path.name, asked.version, asked.share)
        return reply(asdict(begun))

    @api.delete("/models/<name>/canary", responses={204: None})
    def delete_canary(path: ModelPath) -> Response:
        """Let the champion answer for all series again."""
        if not promoting.end_trial(models, path.name):
            raise UnknownModel("this model has no canary; GET /models tells")
        return Response(status=204)

    return api
