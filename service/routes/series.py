"""What is carried: /series."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from service import rendering
from service.answers import OneForecast, SeriesPage, SeriesPortrait
from service.documented import blueprint, reply
from service.engine import Engine
from service.exchange import forecast_only
from service.parameters import (
    ForecastQuery,
    NameQuery,
    PageQuery,
    SeriesPath,
    read_cursor,
)


def routes(engine: Engine) -> APIBlueprint:
    """Return the routes of an engine."""
    api = blueprint("series", "What is carried")

    @api.get("/series", responses={200: SeriesPage})
    def list_series(query: PageQuery) -> Response:
        """List what is carried, by model and id."""
        after = read_cursor(query.cursor)
        found = engine.page(query.name, query.prefix, after, query.limit)
        return reply(rendering.listed(found, query.limit))

    @api.get("/series/<series:unique_id>", responses={200: SeriesPortrait})
    def show_series(path: SeriesPath, query: NameQuery) -> Response:
        """Show what is carried of a series."""
        return reply(rendering.portrayed(engine.portray(path.unique_id, query.name)))

    @api.get("/series/<series:unique_id>/forecast", responses={200: OneForecast})
    def forecast_series(path: SeriesPath, query: ForecastQuery) -> Response:
        """Forecast from what is carried of a series."""
        ask = forecast_only(path.unique_id, query.name, query.wanted)
        return reply(rendering.forecast_of_one(engine.observe(ask), query.wanted))

    @api.delete("/series/<series:unique_id>", responses={204: None})
    def delete_series(path: SeriesPath, query: NameQuery) -> Response:
        """Delete a series, its observations and its states."""
        engine.forget(path.unique_id, query.name)
        return Response(status=204)

    return api
