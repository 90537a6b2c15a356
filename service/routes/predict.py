"""POST /predict and /observe."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from service import rendering
from service.answers import Observed, Predicted
from service.carrying import Wanted
from service.documented import blueprint, body, reply, retry_key, taking
from service.engine import Engine
from service.schemas import PredictBody, read_ask


def routes(engine: Engine) -> APIBlueprint:
    """Return the routes of an engine."""
    api = blueprint("observations", "New points in, forecasts out")
    takes = taking(api, PredictBody)

    @api.post("/predict", responses={200: Predicted}, openapi_extensions=takes)
    def predict() -> Response:
        """Take in new points, durably, and forecast."""
        ask = read_ask(body(), forecasts=True, key=retry_key())
        return reply(rendering.predicted(engine.observe(ask), ask.wanted or Wanted()))

    @api.post("/observe", responses={200: Observed}, openapi_extensions=takes)
    def observe() -> Response:
        """Take in new points, durably, without forecasts back."""
        ask = read_ask(body(), forecasts=False, key=retry_key())
        return reply(rendering.observed(engine.observe(ask)))

    return api
