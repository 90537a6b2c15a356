"""POST /predict and /observe."""

from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from service import rendering
from service.answers import Observed, Predicted
from service.carrying import Wanted
from service.documented import (
    answering,
    blueprint,
    body,
    query,
    reply,
    retry_key,
    sends_arrow,
    stream,
    takes_arrow,
    taking,
)
from service.engine import Engine, Models
from service.exchange import Answer, Ask
from service.schemas import PredictBody, read_ask


def routes(engine: Engine, models: Models, most_points: int) -> APIBlueprint:
    """Return the routes of an engine; tables of more points are refused unread."""
    api = blueprint("observations", "New points in, forecasts out")
    takes = taking(api, PredictBody)
    forecasts, states = answering(api, Predicted), answering(api, Observed)

    def asked(forecasts: bool) -> Ask:
        data, said, key = body(), query(), retry_key()
        if not sends_arrow():
            return read_ask(data, forecasts, key, said)
        live = models.get(said.name)
        series, refused = _arrow().read_series(data, live, most_points)
        wanted = said.wanted if forecasts else None
        return Ask(
            series,
            refused,
            live.name,
            said.on_conflict,
            said.stateless,
            wanted,
            key,
            live,
        )

    @api.post("/predict", responses=forecasts, openapi_extensions=takes)
    def predict() -> Response:
        """Take in new points, durably, and forecast."""
        ask = asked(forecasts=True)
        answer, wanted = engine.observe(ask), ask.wanted or Wanted()
        if takes_arrow():
            return stream(_arrow().predicted(answer, wanted))
        return reply(rendering.predicted(answer, wanted))

    @api.post("/observe", responses=states, openapi_extensions=takes)
    def observe() -> Response:
        """Take in new points, durably, without forecasts back."""
        answer: Answer = engine.observe(asked(forecasts=False))
        if takes_arrow():
            return stream(_arrow().observed(answer))
        return reply(rendering.observed(answer))

    return api


def _arrow() -> Any:
    from service import arrow  # slow to import, and most requests are JSON

    return arrow
