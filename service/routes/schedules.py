"""Schedules: /schedules."""

from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy import Engine

from service import catalog
from service.documented import blueprint, json_body, reply, taking_json
from service.errors import Unacceptable, UnknownModel, UnknownSchedule
from service.live_model import Models
from service.parameters import SchedulePath
from service.schedules import store, views
from service.schedules.documents import ScheduleBody, ScheduleEntry, ScheduleList
from service.schemas import read_body

EXAMPLES = {
    "each night": {
        "kind": "retrain",
        "cron": "30 2 * * *",
        "timezone": "Europe/Berlin",
    },
    "after so many points": {"kind": "retrain", "every_points": 10_000},
}
BOTH: dict[Any, Any] = {200: ScheduleEntry, 201: ScheduleEntry}


def routes(engine: Engine, models: Models) -> APIBlueprint:
    """Return the routes of what is done again and again."""
    api = blueprint("schedules", "When jobs are done again")
    takes = taking_json(api, ScheduleBody, EXAMPLES)

    @api.get("/schedules", responses={200: ScheduleList})
    def list_schedules() -> Response:
        """List schedules by name, with their next runs and last jobs."""
        return reply(views.listed(store.look(engine)))

    @api.put("/schedules/<name>", responses=BOTH, openapi_extensions=takes)
    def put_schedule(path: SchedulePath) -> Response:
        """Add a schedule, or change the one of that name; a worker follows it."""
        wanted = read_body(ScheduleBody, json_body())
        model = _model(models, wanted.name)
        seen, is_new = store.put(engine, wanted.to_schedule(path.name, model))
        answer = reply(views.shown(seen))
        answer.status_code = 201 if is_new else 200
        return answer

    @api.delete("/schedules/<name>", responses={204: None})
    def delete_schedule(path: SchedulePath) -> Response:
        """Forget a schedule; the job it made last goes on."""
        if not store.drop(engine, path.name):
            raise UnknownSchedule("no schedule of that name; GET /schedules lists them")
        return Response(status=204)

    return api


def _model(models: Models, name: str | None) -> str:
    """Return the name of a model that there is; what is not there is no path here."""
    try:
        name = models.only_name() if name is None else name
        return catalog.entry(models, name).name
    except UnknownModel as error:
        raise Unacceptable(error.detail, "name") from None
